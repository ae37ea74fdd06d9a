import pytest

from tests.mail.desk import SITE, W, digest, immediate, unread, update
from tests.mail.page import read


def test_a_digest_says_how_many_messages_are_unread_in_which_thread() -> None:
    link = f"{W}?tab=chat&thread=T1"
    mail = digest(unread("T1", 1_200, link_url=link))
    page = read(mail.html)
    assert "Unread Messages (1,200 total)" in page.lines
    assert "Topic T1 (1,200 unread)" in page.lines
    assert (f"{SITE}{link}", "Topic T1") in page.links
    assert "- 1,200 unread messages\n  • Topic T1 (1,200)\n" in mail.text


@pytest.mark.parametrize("count", [None, "many", -3, 10**12])
def test_a_count_that_is_none_is_one_message(count: object) -> None:
    row = update("thread_unread_stale", {"thread_topic": None, "unread_count": count})
    assert "Discussion (1 unread)" in read(digest(row).html).lines


def test_a_mail_about_one_thread_alone() -> None:
    mail = immediate(unread("T1", 1))
    assert mail.preheader == "You have 1 unread message in Topic T1 on Tower."
