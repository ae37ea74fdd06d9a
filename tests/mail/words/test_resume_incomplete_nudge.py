import pytest

from tests.mail.desk import SITE, W, immediate, update
from tests.mail.page import read


def nudge(**data: object) -> list[str]:
    row = update("resume_incomplete_nudge", {"resume_type_label": "Borrower", **data})
    return read(immediate(row).html).lines


def test_the_mail_says_how_much_is_done() -> None:
    assert nudge(completion_percent=45)[1:4] == [
        "Complete your Borrower Resume",
        "Hi Bob,",
        "Your Borrower resume for Tower is 45% complete. Finish it to generate your OM.",
    ]


def test_nothing_done_is_a_figure_too() -> None:
    said = "Your Borrower resume for Tower is 0% complete. Finish it to generate your OM."
    assert nudge(completion_percent=0)[3] == said


@pytest.mark.parametrize("percent", [None, "half", -1, 45.5])
def test_a_figure_that_is_none_is_left_out(percent: object) -> None:
    said = "Your Borrower resume for Tower is incomplete. Finish it to generate your OM."
    assert nudge(completion_percent=percent)[3] == said


def test_the_button_leads_to_the_project() -> None:
    mail = immediate(update("resume_incomplete_nudge", {"link_url": W}))
    assert read(mail.html).links[0] == (f"{SITE}{W}", "Finish the resume")
