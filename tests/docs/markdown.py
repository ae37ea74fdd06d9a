"""A document in Markdown: its commands, with what it shows as their output, and its dead links."""

import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and what the document shows as its output.

    Attributes:
        text: the command, all of its lines.
        shown: the lines of its output.
        heading: of the second-level section that it stands in; empty before the first.
        block: the whole of its block, which may have a remark before the first command.
    """

    text: str
    shown: Sequence[str]
    heading: str
    block: str


def commands(document: str) -> Iterator[Command]:
    """The commands of the console blocks; each goes on until a shell finds nothing open."""
    before, *sections = re.split(r"^## (.*)\n", document, flags=re.MULTILINE)
    for heading, body in [("", before), *zip(sections[::2], sections[1::2], strict=True)]:
        for indent, indented in re.findall(r"^( *)```console\n(.*?)^ *```", body, re.M | re.S):
            block = re.sub(f"^{indent}", "", indented, flags=re.MULTILINE)
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                lines = part.splitlines()
                size = next((n for n in range(1, len(lines)) if _is_whole(lines[:n])), len(lines))
                yield Command("\n".join(lines[:size]), lines[size:], heading, block)


def _is_whole(lines: Sequence[str]) -> bool:
    text = "\n".join(lines)
    checked = subprocess.run(["bash", "-nc", text], capture_output=True, check=False)  # noqa: S607
    return not (checked.returncode or checked.stderr or text.endswith("\\"))


def dead_links(document: str, path: Path) -> list[str]:
    """Links of the document, which is at that path, to files and headings that are not there."""
    dead = []
    for target, heading in re.findall(r"\]\((?![a-z]+:)([^)#\s]*)#?([^)\s]*)\)", document):
        file = path.parent / target if target else path
        if not file.exists() or (heading and heading not in _anchors(file)):
            dead.append(f"{target}#{heading}" if heading else target)
    return dead


def _anchors(path: Path) -> set[str]:
    text = re.sub(r"^ *```.*?^ *```", "", path.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings}


def missing(shown: Sequence[str], printed: str) -> str | None:
    """The first line that a document shows and that was not printed, in this order.

    Others may stand between; times and durations are others in every run.
    """
    lines = iter([_timeless(line) for line in printed.splitlines()])
    wanted = [line for line in shown if line.strip() not in {"", "..."}]
    return next((line for line in wanted if _timeless(line) not in lines), None)


def _timeless(line: str) -> str:
    line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME", line)
    line = re.sub(r"\d+(\.\d+)? (ms|s|min|h)\b", "DURATION", line)
    return " ".join(line.split())
