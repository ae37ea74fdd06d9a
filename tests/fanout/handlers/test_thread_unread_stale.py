from typing import Final

import pytest

from pipeline.fanout.effects import Delivery
from pipeline.fanout.handlers.thread_unread_stale import ThreadUnreadStaleHandler
from pipeline.fanout.reasons import Reason
from pipeline.testing import given, prefers, thread
from tests.fanout.handlers.people import BOB, CY, GENERAL, TOWER, WORKSPACE

STALE: Final = ThreadUnreadStaleHandler()
FOR_BOB: Final = {"user_id": str(BOB.id)}
HERE: Final = given(BOB, CY, project=TOWER, thread=GENERAL)


def test_the_reader_and_nobody_else_is_reminded_with_the_digest() -> None:
    told = HERE.when(STALE, FOR_BOB | {"unread_count": 3})
    assert told.reached == {BOB.id}
    assert told.email(BOB).delivery is Delivery.AGGREGATED
    assert told.email(BOB).subject == "3 unread messages in #General"
    assert told.email(BOB).data["link_url"] == f"{WORKSPACE}?tab=chat&thread={GENERAL.id}"


def test_one_message_is_not_called_messages() -> None:
    assert HERE.when(STALE, FOR_BOB).email(BOB).subject == "1 unread message in #General"


@pytest.mark.parametrize(
    ("sent", "known", "label"),
    [("Deal", "General", "#Deal"), (None, "General", "#General"), (None, None, "#general")],
)
def test_the_topic_of_the_event_counts_before_that_of_the_thread(
    sent: str | None, known: str | None, label: str
) -> None:
    here = given(BOB, project=TOWER, thread=thread(known, of=TOWER))
    told = here.when(STALE, FOR_BOB | {"thread_topic": sent})
    assert told.email(BOB).subject == f"1 unread message in {label}"


def test_without_a_project_it_is_your_project_and_leads_to_the_dashboard() -> None:
    told = given(BOB, thread=GENERAL).when(STALE, FOR_BOB)
    assert told.email(BOB).data["project_name"] == "your project"
    assert told.email(BOB).data["link_url"] == "/dashboard"


def test_who_muted_the_thread_in_the_app_is_spared_the_email_too() -> None:
    muted = prefers(BOB, "muted", channel="in_app", within=GENERAL)
    told = given(BOB, thread=GENERAL, preferences=[muted]).when(STALE, FOR_BOB)
    assert told.skip_reason(BOB) is Reason.MUTED_THREAD


def test_a_reader_without_a_profile_is_not_reminded() -> None:
    told = given(BOB, thread=GENERAL, without_profile=[BOB]).when(STALE, FOR_BOB)
    assert told.skip_reason(BOB) is Reason.NO_PROFILE


def test_without_a_reader_nobody_is_told() -> None:
    told = HERE.when(STALE)
    assert (told.reached, told.outcome.reason) == (set(), "payload.user_id is missing")
