"""What docs/mail.md shows: its example works, its variables are those that are read."""

import re
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Final

from pipeline.mail.brand import BRAND_VARIABLES
from tests.mail.desk import update

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs/mail.md").read_text("utf-8")


def test_the_words_of_the_guide_are_words() -> None:
    [code] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    module = ModuleType("file_pinned")
    exec(compile(textwrap.dedent(code), "file_pinned.py", "exec"), vars(module))  # noqa: S102
    words = module.FilePinnedWords()
    data = words.read(update("file_pinned", {"file_name": "a.pdf"}))
    assert str(words.sentence(data)) == "a.pdf was pinned in Tower."
    assert words.summary([data, data]) == "2 new pinned files"


def test_the_variables_of_the_guide_are_those_of_a_brand() -> None:
    assert tuple(re.findall(r"^\| `(BRAND_\w+)` \|", GUIDE, re.MULTILINE)) == BRAND_VARIABLES


def test_the_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"\((mail/[\w-]+\.png)\)", GUIDE)
    assert len(pictures) == 4
    large = [path for path in pictures if (ROOT / "docs" / path).stat().st_size > 60_000]
    assert large == []
