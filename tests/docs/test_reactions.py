"""The document of reactions names what there is."""

import re
from pathlib import Path
from typing import Final

from pipeline.reactions.handlers import REACTION_HANDLERS

PAGE: Final = (Path(__file__).parents[2] / "docs/reactions.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_what_is_left_out_is_said_of_types_that_have_a_handler() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", section("Left out, by name"), re.M)
    types = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)}
    assert types
    assert types <= set(REACTION_HANDLERS)
