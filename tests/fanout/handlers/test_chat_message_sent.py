from typing import Final

import pytest

from pipeline.fanout.handlers.chat_message_sent import ChatMessageSentHandler
from pipeline.fanout.reasons import Reason
from pipeline.testing import given, prefers, thread
from tests.fanout.handlers.people import ANN, BOB, CY, GENERAL, TOWER, WORKSPACE

SENT: Final = ChatMessageSentHandler()
HERE: Final = given(ANN, BOB, CY, project=TOWER, thread=GENERAL)


def test_the_others_have_the_message_counted_and_its_author_has_not() -> None:
    told = HERE.when(SENT, {"full_content": "hi"}, actor=ANN)
    assert told.skip_reason(ANN) is Reason.ACTOR
    assert told.count(BOB) == told.count(CY)
    assert (told.count(BOB).label, told.count(BOB).project_name) == ("#General", "Tower")
    assert told.count(BOB).link == f"{WORKSPACE}?tab=chat&thread={GENERAL.id}"


def test_whoever_is_mentioned_gets_a_notification_of_their_own() -> None:
    sent = {"full_content": "hi @Bob", "mentioned_user_ids": [str(BOB.id)]}
    told = HERE.when(SENT, sent, actor=ANN)
    assert told.notification(BOB).title == "Ann mentioned you in #General - Tower"
    assert told.effects(BOB) == [told.notification(BOB)]
    assert told.effects(CY) == [told.count(CY)]


def test_a_mentioned_outsider_hears_nothing() -> None:
    sent = {"mentioned_user_ids": [str(CY.id)]}
    told = given(BOB, project=TOWER, thread=GENERAL).when(SENT, sent, actor=ANN)
    assert told.reached == {BOB.id}


def test_a_muted_thread_silences_mentions_too() -> None:
    muted = prefers(BOB, "muted", event_type="chat_message", channel="in_app", within=GENERAL)
    here = given(BOB, project=TOWER, thread=GENERAL, preferences=[muted])
    told = here.when(SENT, {"mentioned_user_ids": [str(BOB.id)]}, actor=ANN)
    assert told.skip_reason(BOB) is Reason.MUTED_THREAD


def test_a_thread_that_is_wanted_beats_a_muted_project() -> None:
    rows = [prefers(BOB, "muted", within=TOWER), prefers(BOB, "immediate", within=GENERAL)]
    told = given(BOB, project=TOWER, thread=GENERAL, preferences=rows).when(SENT, actor=ANN)
    assert told.reached == {BOB.id}


@pytest.mark.parametrize(
    ("topic", "label"), [("#deal", "#deal"), (None, "#thread"), ("  ", "#thread")]
)
def test_a_thread_is_called_by_its_topic_with_one_number_sign(
    topic: str | None, label: str
) -> None:
    told = given(BOB, project=TOWER, thread=thread(topic, of=TOWER)).when(SENT)
    assert told.count(BOB).label == label


def test_the_threads_project_counts_where_the_event_names_none() -> None:
    told = HERE.when(SENT, actor=ANN, project_id=None)
    assert told.count(BOB).project_name == "Tower"


def test_a_program_that_takes_part_hears_nothing() -> None:
    told = given(BOB, CY, thread=GENERAL, system_users=[CY]).when(SENT, actor=ANN)
    assert told.skip_reason(CY) is Reason.SYSTEM_USER


def test_without_a_thread_nobody_is_told() -> None:
    told = HERE.when(SENT, actor=ANN, thread_id=None)
    assert (told.reached, told.outcome.reason) == (set(), "the event names no thread")


@pytest.mark.parametrize(
    "mentions",
    [
        pytest.param([str(BOB.id), "@bob"], id="a name"),
        pytest.param([7, str(BOB.id), None, {}, [str(CY.id)], ""], id="no texts"),
        pytest.param([str(BOB.id).upper(), f"{CY.id}0"], id="a digit too many"),
    ],
)
def test_a_mention_that_names_nobody_costs_only_itself(mentions: list[object]) -> None:
    told = HERE.when(SENT, {"full_content": "hi", "mentioned_user_ids": mentions}, actor=ANN)
    assert told.effects(BOB) == [told.notification(BOB)]
    assert told.effects(CY) == [told.count(CY)]


@pytest.mark.parametrize(
    "sent", [{"mentioned_user_ids": "all"}, {"mentioned_user_ids": {}}, {"full_content": ["hi"]}]
)
def test_what_is_wrong_with_mentions_or_content_costs_nobody_the_count(
    sent: dict[str, object],
) -> None:
    told = HERE.when(SENT, sent, actor=ANN)
    assert told.reached == {BOB.id, CY.id}
