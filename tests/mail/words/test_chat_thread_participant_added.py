from tests.mail.desk import SITE, W, immediate, update
from tests.mail.page import read


def test_the_mail_says_who_added_them_where() -> None:
    link = f"{W}?threadId=T"
    data = {"actor_name": "Ann", "thread_label": "#General", "link_url": link}
    page = read(immediate(update("chat_thread_participant_added", data)).html)
    assert page.lines[1:4] == [
        "Added to Chat Thread",
        "Hi Bob,",
        "Ann added you to #General in Tower.",
    ]
    assert page.links[0] == (f"{SITE}{link}", "Open CapMatch")


def test_a_thread_without_a_project_names_none() -> None:
    row = update("chat_thread_participant_added", {"thread_label": "#General"}, project=None)
    assert immediate(row).preheader == "Someone added you to #General."
