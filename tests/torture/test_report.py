"""The page of reliability: a part of it is replaced, and nothing else."""

from tests.torture.figures import PARTS, Figures
from tests.torture.report import PATH, with_part

PAGE = """# Reliability

Words.

## kills

old kills

## mail

old mail
"""


def reported(part: str) -> Figures:
    figures = Figures(part=part)
    faults, controls = PARTS[part]
    for number in range(faults):
        figures.tried(number, f"fault {number}", 1_000, "a note")
    for number in range(controls):
        figures.caught(number, f"weakened {number}", "the oracle")
    return figures


def test_a_run_of_one_part_replaces_that_part_only() -> None:
    page = with_part(PAGE, "kills", reported("kills"), seconds=600)
    assert "old kills" not in page
    assert page.startswith("# Reliability\n\nWords.\n\n## kills\n")
    assert page.endswith("## mail\n\nold mail\n")
    assert "10 minutes:\n\n```console\n$ make torture PART=kills\n" in page
    assert "| fault 0 | 1,000 | | | | a note |\n| fault 1 |" in page
    # Again is the same, and a new part comes last.
    assert with_part(page, "kills", reported("kills"), seconds=600) == page
    longer = with_part(page, "jobs", reported("jobs"), seconds=1)
    assert longer.startswith(page.rstrip())
    assert "## jobs\n" in longer


def test_a_part_is_complete_only_if_everything_has_reported() -> None:
    figures = reported("kills")
    assert figures.complete == ["kills"]
    figures.controls.pop()
    assert figures.complete == []


def test_every_section_of_the_page_is_a_part_and_only_once() -> None:
    found = [line[3:] for line in PATH.read_text().splitlines() if line.startswith("## ")]
    assert len(found) == len(set(found))
    assert set(found) <= set(PARTS)
    assert {"kills", "mail"} <= set(found)
