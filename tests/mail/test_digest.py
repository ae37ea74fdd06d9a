"""What a digest shows, what it leaves out, and how it counts."""

from dataclasses import replace
from uuid import UUID

import pytest

from pipeline.domain.identifiers import ProjectId
from pipeline.mail.compose import compose
from pipeline.mail.material import Digest
from tests.mail.desk import BOB, BRAND, LEAVE, SITE, W, digest, unread, update, uploaded
from tests.mail.page import read


def body(*rows: object) -> list[str]:
    """The lines of the cards."""
    lines = read(digest(*rows).html).lines  # type: ignore[arg-type]
    return lines[lines.index("Hey Bob, here's what you missed:") + 1 : lines.index("Open CapMatch")]


def test_reminders_of_one_thread_count_once_with_the_newest_number() -> None:
    rows = [unread("A", 3), uploaded("a.pdf"), unread("B", 2), unread("A", 5)]
    mail = digest(*rows)
    assert mail.subject == "Your CapMatch Updates (3 new updates)"
    assert mail.preheader == "7 unread messages, 1 new document"
    assert body(*rows) == [
        "Tower",
        "Unread Messages (7 total)",
        "Topic A (5 unread)",
        "Topic B (2 unread)",
        "New Documents",
        "a.pdf uploaded by Ann Actor",
    ]


def test_control_reminders_without_a_thread_are_not_the_same() -> None:
    rows = [unread("A", 3, thread_id=None), unread("A", 5, thread_id=None)]
    assert digest(*rows).subject == "Your CapMatch Updates (2 new updates)"


def test_two_reminders_of_one_thread_alone_have_the_subject_of_the_newest() -> None:
    assert digest(unread("A", 3), unread("A", 5)).subject == "5 unread messages in #Topic A"


def test_projects_and_types_stand_in_the_order_in_which_they_were_first_seen() -> None:
    other = replace(uploaded("b.pdf"), project_id=ProjectId(UUID(int=2)), project_name="Mill")
    rows = [other, unread("A", 1), uploaded("a.pdf"), replace(other, data={"file_name": "c.pdf"})]
    assert body(*rows) == [
        "Mill",
        "New Documents",
        "b.pdf uploaded by Ann Actor",
        "c.pdf uploaded by Someone",
        "Tower",
        "Unread Messages (1 total)",
        "Topic A (1 unread)",
        "New Documents",
        "a.pdf uploaded by Ann Actor",
    ]


def test_two_projects_of_one_name_stay_two() -> None:
    other = replace(uploaded("b.pdf"), project_id=ProjectId(UUID(int=2)))
    assert body(uploaded("a.pdf"), other).count("Tower") == 2


def test_types_that_are_usually_mailed_at_once_have_their_words_in_a_digest() -> None:
    rows = [
        update("project_access_granted", {"new_permission": "edit", "link_url": W}),
        update("invite_accepted", {"new_member_name": "Eve", "org_name": "Acme"}, project=None),
    ]
    assert body(*rows) == [
        "Tower",
        "Project Access Granted",
        "You now have edit access to Tower.",
        "Your organization",
        "New Team Member",
        "Eve accepted the invite and joined Acme.",
    ]


def test_types_without_words_share_a_list_of_their_subjects() -> None:
    rows = [
        update("one_thing", {"link_url": W}, subject="One thing happened"),
        uploaded("a.pdf"),
        update("another_thing", {}, subject="Another thing happened"),
    ]
    mail = digest(*rows)
    assert mail.preheader == "2 other updates, 1 new document"
    assert body(*rows) == [
        "Tower",
        "Other Updates",
        "One thing happened",
        "Another thing happened",
        "New Documents",
        "a.pdf uploaded by Ann Actor",
    ]
    assert (f"{SITE}{W}", "One thing happened") in read(mail.html).links


def test_each_item_has_its_link_in_both_parts_and_one_that_leads_away_has_none() -> None:
    away = uploaded("away.pdf", link_url="https://elsewhere.example/")
    mail = digest(uploaded("a.pdf"), away)
    links = dict(read(mail.html).links)
    assert links[f"{SITE}{W}?resourceId=R"] == "a.pdf"
    assert f"  • a.pdf\n    {SITE}{W}?resourceId=R\n  • away.pdf\n\n" in mail.text
    assert not [target for target in links if "elsewhere" in target]
    assert "elsewhere" not in mail.html


def test_a_digest_of_many_projects_has_short_lists_and_says_how_many_are_left_out() -> None:
    rows = [
        replace(
            uploaded(
                f"{'long name ' * 4}{number}.pdf", link_url=f"{W}?resourceId={UUID(int=number)}"
            ),
            project_id=ProjectId(UUID(int=number % 25)),
            project_name=f"Project {number % 25}",
        )
        for number in range(500)
    ]
    mail = digest(*rows)
    lines = body(*rows)
    assert mail.subject == "Your CapMatch Updates (500 new updates)"
    assert lines.count("... and 17 more") == 20
    assert "... and updates in 5 more projects" in lines
    assert "... and updates in 5 more projects" in mail.text
    # Gmail hides what follows, and with it the link to unsubscribe.
    assert len(mail.html.encode()) < 102_000


def test_five_hundred_rows_of_one_person_are_one_mail_with_the_right_sums() -> None:
    rows = [unread(str(number % 100), number) for number in range(500)]
    assert body(*rows)[1] == f"Unread Messages ({sum(range(400, 500)):,} total)"
    assert body(*rows)[-1] == "... and 90 more"


def test_a_digest_of_nothing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least one update"):
        compose(Digest([]), BOB, BRAND, unsubscribe_url=LEAVE)
