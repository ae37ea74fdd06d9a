"""Which commands and options the installed gcloud has."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest


def command_tree() -> dict[str, Any]:
    """All commands, as gcloud completes them; skips the test where it is not installed."""
    program = Path(shutil.which("gcloud") or "/").resolve()
    table = program.parents[1] / "data/cli/gcloud_completions.py" if program.name else program
    if not table.is_file():
        pytest.skip("gcloud is not installed")
    tree: dict[str, Any] = json.loads(table.read_text("utf-8").partition("TREE = ")[2])
    return tree


def is_in_gcloud(call: Sequence[str], tree: dict[str, Any]) -> bool:
    """Whether gcloud has the command, and the command each option."""
    node, words = tree, list(call[1:])
    while words and words[0] in node["commands"]:
        node = node["commands"][words.pop(0)]
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    return not node["commands"] and options <= {*node["flags"], *tree["flags"]}
