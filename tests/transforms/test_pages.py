"""Events with very many recipients: each page is written once, and other events do not wait."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

import pytest

from pipeline.domain.identifiers import EventType, UserId
from pipeline.fanout.decide import Policy
from pipeline.fanout.events import Event
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.outcome import Outcome, OutcomePage, Status
from pipeline.settings import DatabaseSettings
from pipeline.sinks.outcomes import write_outcomes
from pipeline.steps.decide import decide_in_portions
from tests.builders import event
from tests.golden.stage import Stage
from tests.golden.world import O1, P1, T1, T2, U1

PAGE: Final = 500
CROWD: Final = [UserId(UUID(int=0x1_0000 + number)) for number in range(2 * PAGE + 50)]
JOINED: Final = HANDLERS[EventType("invite_accepted")]
SENT: Final = HANDLERS[EventType("chat_message_sent")]
FOREVER: Final = Policy(max_event_age=None)


@pytest.fixture
def crowd(stage: Stage) -> Stage:
    """Insert a thousand people who own the organisation and take part in the first thread."""
    stage.execute("INSERT INTO auth.users (id) SELECT unnest(%s::uuid[])", CROWD)
    stage.execute(
        "INSERT INTO profiles (id, email, app_role)"
        " SELECT id, id::text, 'borrower' FROM unnest(%s::uuid[]) AS id", CROWD
    )  # fmt: skip
    stage.execute(
        "INSERT INTO org_members (org_id, user_id, role)"
        " SELECT %s, id, 'owner' FROM unnest(%s::uuid[]) AS id", O1, CROWD
    )  # fmt: skip
    stage.execute(
        "INSERT INTO chat_thread_participants (thread_id, user_id)"
        " SELECT %s, id FROM unnest(%s::uuid[]) AS id", T1, CROWD
    )  # fmt: skip
    return stage


def joined(stage: Stage) -> Event[Any]:
    """Insert an event of a person who joins the organisation."""
    payload = {"org_id": str(O1), "org_name": "Acme"}
    number = stage.emit("invite_accepted", payload, actor_id=U1)
    return event(
        number, type=JOINED.event_type, payload=JOINED.payload.model_validate(payload), actor_id=U1
    )


def sent(stage: Stage, thread: UUID) -> Event[Any]:
    """Insert an event of a person who writes in a thread."""
    number = stage.emit("chat_message_sent", {}, actor_id=U1, project_id=P1, thread_id=thread)
    return event(
        number, type=SENT.event_type, payload=SENT.payload(), actor_id=U1, thread_id=thread
    )


def settings_of(stage: Stage) -> DatabaseSettings:
    return DatabaseSettings(dsn=stage.database.writer_dsn)


def decided(stage: Stage, handler: Any, *events: Event[Any]) -> Iterator[list[Outcome]]:  # noqa: ANN401 - of any event
    for each in decide_in_portions(settings_of(stage), handler, events, FOREVER, page_size=PAGE):
        assert not each.letters
        yield list(each.outcomes)


def tell(stage: Stage, outcomes: list[Outcome]) -> None:
    assert not write_outcomes(settings_of(stage), outcomes).letters


def counts(stage: Stage) -> list[tuple[int, int]]:
    """Return the number of counter rows for each count."""
    return stage.rows(
        "SELECT (payload ->> 'count')::int, count(*) FROM notifications"
        " WHERE kind = 'thread_activity' GROUP BY 1 ORDER BY 1"
    )


def test_many_recipients_are_told_in_pages_and_the_ledger_is_last(crowd: Stage) -> None:
    told = joined(crowd)
    sizes = []
    for outcomes in decided(crowd, JOINED, told):
        assert crowd.ledger().get(told.id) != "completed"
        tell(crowd, outcomes)
        sizes += [len(each.effects) for each in outcomes]
    assert len(sizes) == 3
    assert max(sizes) <= 2 * PAGE
    # Bob is an owner too. The person who joined gets nothing.
    everyone = len(CROWD) + 1
    assert crowd.rows(
        "SELECT processing_status, notifications, emails, skipped FROM notification_processing"
    ) == [("completed", everyone, everyone, 2)]
    for table in ("notifications", "pending_emails"):
        assert crowd.rows(f"SELECT count(DISTINCT user_id), count(*) FROM {table}") == [  # noqa: S608 - our own
            (everyone, everyone)
        ]


def test_other_events_do_not_wait_for_one_with_many_recipients(crowd: Stage) -> None:
    crowded, other = sent(crowd, T1), sent(crowd, T2)
    first, *pages = decided(crowd, SENT, crowded, other)
    assert [each.event_id for each in first] == [other.id]
    assert {each.event_id for (each,) in pages} == {crowded.id}


def test_what_was_broken_off_goes_on_where_it_was(crowd: Stage) -> None:
    message = sent(crowd, T1)
    (_, first, *_) = decided(crowd, SENT, message)
    tell(crowd, first)
    assert crowd.ledger()[message.id] == "processing"
    _, *rest = decided(crowd, SENT, message)
    assert first[0].page
    assert rest[0][0].page
    assert rest[0][0].page.after == first[0].page.up_to
    for outcomes in rest:
        tell(crowd, outcomes)
    assert crowd.ledger()[message.id] == "completed"
    assert counts(crowd) == [(1, len(CROWD) + 2)]


def test_a_page_is_written_once_however_often_it_is_offered(crowd: Stage) -> None:
    message = sent(crowd, T1)
    _, *pages = decided(crowd, SENT, message)
    for outcomes in (*pages[:1], *pages[:2], *pages[1:], *pages):
        tell(crowd, outcomes)
    assert counts(crowd) == [(1, len(CROWD) + 2)]
    assert crowd.ledger()[message.id] == "completed"


def test_pages_that_overlap_what_is_written_are_turned_away(crowd: Stage) -> None:
    message = sent(crowd, T1)
    _, (first,), (second,), _ = decided(crowd, SENT, message)
    tell(crowd, [first])
    assert first.page
    assert second.page
    halfway = first.effects[len(first.effects) // 2][0]
    tell(crowd, [replace(second, page=OutcomePage(halfway, second.page.up_to, last=True))])
    assert crowd.ledger()[message.id] == "processing"
    assert counts(crowd) == [(1, len(first.effects))]


def test_two_messages_are_both_counted_for_everyone(crowd: Stage) -> None:
    messages = sent(crowd, T1), sent(crowd, T1)
    for outcomes in decided(crowd, SENT, *messages):
        tell(crowd, outcomes)
    assert counts(crowd) == [(2, len(CROWD) + 2)]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.EXPIRED])
def test_what_was_broken_off_can_end_without_pages(crowd: Stage, status: Status) -> None:
    message = sent(crowd, T1)
    _, (first,), *_ = decided(crowd, SENT, message)
    tell(crowd, [first])
    left = tuple(first.effects[-3:]) if status is Status.COMPLETED else ()
    last = [(CROWD[-1], left[0][1])] if left else []
    tell(crowd, [replace(first, page=None, status=status, effects=(*left, *last))])
    assert crowd.ledger()[message.id] == status.value
    assert counts(crowd) == [(1, len(first.effects) + len(last))]
