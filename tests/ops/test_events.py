"""Events are listed page by page, whatever is inserted meanwhile, and however rare they are."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest

from pipeline.domain.errors import NotFound
from pipeline.domain.message import MAX_EVENT_ID
from pipeline.ops.events.read import (
    LOOKED_AT,
    EventFilter,
    EventListed,
    EventState,
    list_events,
    read_event,
)
from pipeline.settings import DatabaseSettings
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, U2

ALL: Final = EventFilter()


def settings(stage: Stage) -> DatabaseSettings:
    return DatabaseSettings(dsn=stage.database.operator_dsn)


def pages(stage: Stage, wanted: EventFilter = ALL, *, most: int = 2) -> list[list[int]]:
    """The ids of every page."""
    found, through = [], MAX_EVENT_ID
    while True:
        page = list_events(settings(stage), wanted, most=most, through=through)
        found.append([event.id for event in page.events])
        if page.through is None:
            return found
        through = page.through


def ids(stage: Stage, **wanted: object) -> list[int]:
    found = pages(stage, EventFilter(**wanted))  # type: ignore[arg-type]
    return [event for page in found for event in page]


def upload(stage: Stage, *, age: timedelta = timedelta(0)) -> int:
    return stage.emit(
        "document_uploaded",
        {"fileName": "a.pdf"},
        actor_id=U1,
        project_id=P1,
        resource_id=R1,
        age=age,
    )


def test_every_event_is_on_one_page_the_newest_first(stage: Stage) -> None:
    events = [upload(stage) for _ in range(5)]
    assert pages(stage) == [[events[4], events[3]], [events[2], events[1]], [events[0]]]


def test_a_condition_selects_what_meets_it(stage: Stage) -> None:
    told, odd, old = upload(stage), stage.emit("unheard_of"), upload(stage, age=timedelta(days=2))
    stage.deliver()
    waits = upload(stage)
    assert ids(stage, event_type="unheard_of") == [odd]
    assert ids(stage, project=P1) == [waits, old, told]
    assert ids(stage, person=U2) == [told]
    assert ids(stage, person=UUID(int=1)) == []
    now = datetime.now(UTC)
    assert ids(stage, since=now - timedelta(days=1)) == [waits, odd, told]
    assert ids(stage, until=now - timedelta(days=1)) == [old]
    assert ids(stage, state=EventState.UNFINISHED) == [waits]
    assert ids(stage, state=EventState.EXPIRED) == [old]
    assert ids(stage, state=EventState.UNROUTED) == [odd]
    assert ids(stage, state=EventState.UNROUTED, project=P1) == []
    assert ids(stage, person=U2, project=P1, state=EventState.COMPLETED) == [told]


def test_an_event_whose_ledger_row_retention_deleted_is_past(stage: Stage) -> None:
    event = upload(stage, age=timedelta(days=100))
    stage.execute(
        "INSERT INTO fanout.retention_marks (last_event_id, created_before) VALUES (%s, now())",
        event,
    )
    assert ids(stage, state=EventState.PAST) == [event]
    assert read_event(settings(stage), event).state == EventState.PAST


def test_a_page_is_full_although_the_events_that_it_lists_are_rare(stage: Stage) -> None:
    """Between them lie more events than one statement looks at."""
    rare = upload(stage)
    stage.execute(
        "INSERT INTO domain_events (event_type) SELECT 'common' FROM generate_series(1, %s)",
        LOOKED_AT + 1,
    )
    also = upload(stage)
    assert pages(stage, EventFilter(event_type="document_uploaded")) == [[also, rare], []]


def test_a_page_that_took_long_enough_ends_and_says_where_to_go_on(stage: Stage) -> None:
    rare = upload(stage)
    stage.execute(
        "INSERT INTO domain_events (event_type) SELECT 'common' FROM generate_series(1, %s)",
        LOOKED_AT + 1,
    )
    wanted = EventFilter(event_type="document_uploaded")
    first = list_events(settings(stage), wanted, most=1_000, seconds=0)
    assert first.events == []
    through, found = first.through, list[int]()
    while through is not None:
        page = list_events(settings(stage), wanted, most=1_000, through=through, seconds=0)
        through = page.through
        found += [event.id for event in page.events]
    assert found == [rare]


def test_one_event_has_its_columns_its_state_and_its_payload_only_if_asked(stage: Stage) -> None:
    event = upload(stage)
    stage.deliver()
    found = read_event(settings(stage), event)
    assert (found.id, found.type, found.actor_id, found.project_id) == (
        event,
        "document_uploaded",
        U1,
        P1,
    )
    assert (found.state, found.notifications, found.emails) == (EventState.COMPLETED, 2, 2)
    assert (found.payload, found.payload_characters) == (None, None)
    [listed] = list_events(settings(stage), ALL, most=2).events
    assert listed == EventListed(**{name: getattr(found, name) for name in EventListed.__slots__})
    whole = read_event(settings(stage), event, payload=True)
    assert whole.payload == '{"fileName": "a.pdf"}'
    assert whole.payload_characters == len(whole.payload)
    assert "a.pdf" not in repr(whole)


@pytest.mark.parametrize("missing", [1, MAX_EVENT_ID])
def test_an_event_that_is_not_there_is_not_found(stage: Stage, missing: int) -> None:
    stage.execute("SELECT setval('domain_events_id_seq', 7)")
    upload(stage)
    with pytest.raises(NotFound, match=f"no event {missing}:"):
        read_event(settings(stage), missing)
