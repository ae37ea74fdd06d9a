from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import apache_beam as beam
import psycopg
import pytest
from apache_beam.testing.util import assert_that, equal_to

import pipeline.coders  # noqa: F401 - registers the coders
from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.identifiers import EventId, UserId
from pipeline.domain.wake_up import WakeUp
from pipeline.facts.rows import used_keys
from pipeline.fanout.audience import Audience, NamedUser
from pipeline.fanout.batches import Decided, Fetched
from pipeline.fanout.decide import Policy
from pipeline.fanout.events import Event
from pipeline.fanout.reasons import Reason
from pipeline.fanout.row import MAX_TEXT_CHARACTERS
from pipeline.settings import DatabaseSettings
from pipeline.sinks.forms import ignore_forms
from pipeline.steps.decide import decide_batch
from pipeline.steps.decode import decode_batch
from pipeline.steps.fetch import PORTION_BYTES, fetch_batch
from pipeline.transforms.fetch import Fetch, wait_here
from tests.builders import GREETED, Greeted, GreetedHandler, message
from tests.databases import Database
from tests.sinks.conftest import EVENTS, Written, add_person
from tests.transforms.graphs import NOWHERE, run

PAYLOADS: Final = {GREETED: Greeted}
USED: Final = used_keys(PAYLOADS)
SOON: Final = timedelta(seconds=0.2)


@pytest.fixture
def written(database: Database) -> Iterator[Written]:
    """Insert greetings with the ids 1 to 200."""
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO domain_events (event_type, payload)"
            " SELECT %s, '{}' FROM generate_series(1, %s)",
            [GREETED, EVENTS],
        )
    yield Written(database, DatabaseSettings(dsn=database.writer_dsn))
    close_pools()


def new_id() -> EventId:
    """Return an unused id. The process remembers missing ids for a while."""
    return EventId(uuid4().int >> 66 | 1 << 40)


def wake_up(event_id: int, **fields: Any) -> WakeUp:  # noqa: ANN401 - each has a type of its own
    return replace(WakeUp.of(message(event_id=str(event_id))), **fields)


def fetch(
    written: Written, wake_ups: Sequence[WakeUp]
) -> tuple[list[int], Fetched, list[int | None]]:
    """Return the ids of the rows in order, everything fetched, and the ids to look up later."""
    batch = fetch_batch(written.settings, wake_ups, USED)
    found: list[int] = sorted(row.id for row in batch.fetched.rows)
    return found, batch.fetched, [each.event_id for each in batch.unseen]


def insert(connection: psycopg.Connection[Any], event_id: int) -> None:
    connection.execute(
        "INSERT INTO domain_events (id, event_type) VALUES (%s, %s)", [event_id, GREETED]
    )


def test_a_batch_is_read_by_one_statement_whatever_its_size(written: Written) -> None:
    statements = written.recording()
    rows, fetched, later = fetch(written, [wake_up(number) for number in range(1, 201)])
    assert len(statements) == 1
    assert rows == list(range(1, 201))
    assert (fetched.letters, later) == ([], [])
    assert {row.type for row in fetched.rows} == {GREETED}


def test_nothing_is_asked_for_nothing(written: Written) -> None:
    statements = written.recording()
    assert fetch(written, [WakeUp(None)]) == ([], Fetched([], []), [])
    assert fetch(written, []) == ([], Fetched([], []), [])
    assert statements == []


def test_wake_ups_of_one_event_count_as_one(written: Written) -> None:
    gone = new_id()
    rows, _, later = fetch(written, [wake_up(1), wake_up(gone), wake_up(1), wake_up(gone)])
    assert (rows, later) == ([1], [gone])


def test_an_event_is_told_from_its_row_whatever_the_message_says(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute("""UPDATE domain_events SET payload = '{"greeting": "of the row"}'""")
    fat = b'{"event_type": "other", "payload": {"greeting": "of the message"}}'
    received = [
        message(event_id="1", data=b"\xff not JSON", event_type="\0", created_at="never"),
        message(event_id="2", data=fat, event_type="other"),
        message(event_id="3", data=b"x" * 1_000_000),
        message(event_id="4", data=b"5"),
    ]
    _, fetched, _ = fetch(written, [WakeUp.of(each) for each in received])
    decoded = decode_batch(fetched.rows, PAYLOADS)
    assert sorted(each.id for each in decoded.events) == [1, 2, 3, 4]
    assert {each.payload for each in decoded.events} == {Greeted(greeting="of the row")}
    assert (fetched.letters, decoded.unrouted, decoded.letters) == ([], [], [])


@pytest.mark.parametrize("status", ["completed", "expired", "unrouted", "dead", "pending"])
def test_only_what_is_completed_is_left_out(written: Written, status: str) -> None:
    with written.database.connect() as connection:
        connection.execute(
            "INSERT INTO notification_processing (event_id, processing_status) VALUES (2, %s)",
            [status],
        )
    rows, fetched, later = fetch(written, [wake_up(number) for number in (1, 2, 3)])
    assert rows == ([1, 3] if status == "completed" else [1, 2, 3])
    assert (fetched.letters, later) == ([], [])


@pytest.mark.parametrize(
    ("claimed", "reason"),
    [
        (None, "the attribute 'id' is missing"),
        ("", "the attribute 'id' is not a positive integer"),
        ("-1", "the attribute 'id' is not a positive integer"),
        ("kanarienvogel", "the attribute 'id' is not a positive integer"),
    ],
)
def test_a_message_that_names_no_event_is_a_letter_that_keeps_it(
    written: Written, claimed: str | None, reason: str
) -> None:
    received = message(event_id=claimed, data=b"anything", event_type="greeted")
    rows, fetched, later = fetch(written, [wake_up(1), WakeUp.of(received)])
    assert (rows, later) == ([1], [])
    (letter,) = fetched.letters
    assert (letter.stage, letter.error_class) == ("fetch", "MissingAttribute")
    assert (letter.event_id, letter.message, letter.reason) == (None, received, reason)


def test_an_event_without_a_row_is_looked_for_later_and_then_a_letter(written: Written) -> None:
    gone = new_id()
    asked = wake_up(gone)
    rows, fetched, later = fetch(written, [wake_up(1), asked])
    assert (rows, fetched.letters, later) == ([1], [], [gone])
    rows, fetched, later = fetch(written, [replace(asked, waited=True)])
    assert (rows, later) == ([], [])
    (letter,) = fetched.letters
    assert (letter.event_id, letter.event_type) == (gone, None)
    assert (letter.stage, letter.error_class) == ("fetch", "UnknownEvent")
    assert letter.message == asked.message


def test_what_was_waited_for_in_vain_is_not_waited_for_again(written: Written) -> None:
    gone = new_id()
    fetch(written, [wake_up(gone, waited=True)])
    _, fetched, later = fetch(written, [wake_up(gone)])
    assert ([each.event_id for each in fetched.letters], later) == ([gone], [])


def test_what_was_waited_for_in_vain_is_found_where_it_is_there_after_all(
    written: Written,
) -> None:
    late = new_id()
    fetch(written, [wake_up(late, waited=True)])
    with written.database.connect() as connection:
        insert(connection, late)
    rows, fetched, later = fetch(written, [wake_up(late)])
    assert (rows, fetched.letters, later) == ([late], [], [])


def test_without_a_message_nobody_is_told_that_a_row_is_gone(written: Written) -> None:
    gone = WakeUp(new_id(), waited=True)
    assert fetch(written, [gone]) == ([], Fetched([], []), [])


@pytest.mark.parametrize("bad", [1, 77, 200])
def test_a_row_that_postgres_cannot_give_is_buried_alone(written: Written, bad: int) -> None:
    with written.database.connect() as connection:
        connection.execute("ALTER TABLE domain_events RENAME TO kept_events")
        connection.execute(
            "CREATE VIEW domain_events AS SELECT id, actor_id, project_id, resource_id,"  # noqa: S608 - a number
            " thread_id, meeting_id, payload, created_at,"
            f" CASE id WHEN {bad} THEN (1 / (id - {bad}))::text ELSE event_type END AS event_type"
            " FROM kept_events"
        )
        connection.execute("GRANT SELECT ON domain_events TO fanout_writer")
    rows, fetched, later = fetch(written, [wake_up(number) for number in range(1, 201)])
    assert rows == [number for number in range(1, 201) if number != bad]
    assert later == []
    (letter,) = fetched.letters
    assert (letter.event_id, letter.stage, letter.error_class) == (
        bad,
        "fetch",
        "RejectedByDatabase",
    )
    assert "22012" in letter.reason
    assert letter.message is None


def test_what_a_replay_wants_however_old_says_so(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute("INSERT INTO fanout.age_exemptions VALUES (2, %s)", [uuid4()])
    _, fetched, _ = fetch(written, [wake_up(1), wake_up(2)])
    assert {row.id: row.ignore_age for row in fetched.rows} == {1: False, 2: True}


def test_without_rows_nothing_is_fetched() -> None:
    unreachable = replace(NOWHERE, dsn="postgresql://nobody@127.0.0.1:1/x", retry_for=SOON)
    with pytest.raises(TransientError):
        fetch_batch(unreachable, [wake_up(1)], USED)


def test_without_a_table_of_rows_the_fix_is_named(written: Written) -> None:
    with written.database.connect() as connection:
        connection.execute("DROP TABLE domain_events CASCADE")
    with pytest.raises(
        ConfigurationError, match="it belongs to the application; see: python -m pipeline doctor"
    ):
        fetch_batch(written.settings, [wake_up(1)], USED)


def ids(fetched: Fetched) -> tuple[list[int], list[int | None]]:
    return sorted(row.id for row in fetched.rows), [each.event_id for each in fetched.letters]


def test_what_can_be_seen_does_not_wait_for_what_cannot(written: Written) -> None:
    gone = new_id()
    settings = replace(written.settings, visible_within=SOON)

    def build(batches: beam.PCollection[list[WakeUp]]) -> None:
        found = (
            batches
            | "Fetch" >> Fetch(settings, PAYLOADS, wait_here, ignore_forms)
            | "Ids" >> beam.Map(ids)
        )
        assert_that(found, equal_to([([1, 2], []), ([], [gone])]))

    run([[wake_up(1), wake_up(gone), wake_up(2)]], build)


@dataclass(frozen=True)
class RetryLater:
    """Accepts wake-ups, like a source that retries them later."""

    def __call__(self, settings: DatabaseSettings, wake_ups: Sequence[WakeUp]) -> Sequence[WakeUp]:  # noqa: ARG002 - the protocol's
        return ()


def test_what_comes_again_by_itself_is_no_letter(written: Written) -> None:
    gone = new_id()

    def build(batches: beam.PCollection[list[WakeUp]]) -> None:
        fetched = batches | "Fetch" >> Fetch(written.settings, PAYLOADS, RetryLater(), ignore_forms)
        assert_that(fetched | "Ids" >> beam.Map(ids), equal_to([([1], [])]))

    run([[wake_up(1), wake_up(gone)], [wake_up(gone)]], build)


@dataclass(frozen=True)
class ForOne(GreetedHandler):
    """Greets one person."""

    user_id: UserId

    def audience(self, event: Event[Greeted]) -> Audience:  # noqa: ARG002 - always the same
        return NamedUser(self.user_id)


def fetch_and_decide(
    settings: DatabaseSettings, wake_ups: Sequence[WakeUp], user_id: UserId
) -> Decided:
    """Fetch, decode and decide wake-ups of one type, in the thread of their batch."""
    unseen = fetch_batch(settings, wake_ups, USED).unseen
    fetched = fetch_batch(settings, wait_here(settings, unseen), USED).fetched
    assert fetched.letters == []
    events = decode_batch(fetched.rows, PAYLOADS).events
    return decide_batch(settings, ForOne(user_id), events, Policy())


def test_what_was_written_with_an_event_is_among_its_facts(written: Written) -> None:
    newcomer, event_id = UserId(uuid4()), new_id()
    with psycopg.connect(written.database.dsn) as connection, ThreadPoolExecutor(1) as executor:
        add_person(connection, newcomer)
        insert(connection, event_id)
        # Captured, because its commit is on disk, but not yet visible to other sessions.
        deciding = executor.submit(
            fetch_and_decide, written.settings, [wake_up(event_id)], newcomer
        )
        with pytest.raises(TimeoutError):
            deciding.result(timeout=0.3)
        connection.commit()
    (outcome,) = deciding.result().outcomes
    assert {user for user, _ in outcome.effects} == {newcomer}


def test_control_decided_too_early_the_newcomer_is_missed(written: Written) -> None:
    newcomer = UserId(UUID(int=0x99))
    with psycopg.connect(written.database.dsn) as connection:
        add_person(connection, newcomer)
        # The row is already visible, as if nothing had waited for it.
        fetched = fetch_batch(written.settings, [wake_up(1)], USED).fetched
        events = decode_batch(fetched.rows, PAYLOADS).events
        (outcome,) = decide_batch(written.settings, ForOne(newcomer), events, Policy()).outcomes
        connection.commit()
    assert outcome.effects == ()
    assert {skip.reason for skip in outcome.skips} == {Reason.NO_PROFILE}


def test_large_events_are_fetched_a_few_at_a_time_and_after_all_others(written: Written) -> None:
    text = "x" * (MAX_TEXT_CHARACTERS - 1)
    with written.database.connect() as connection:
        connection.execute(
            "UPDATE domain_events SET payload = jsonb_build_object('greeting', %s::text)"
            " WHERE id BETWEEN 2 AND 71",
            [text],
        )

    def build(batches: beam.PCollection[list[WakeUp]]) -> None:
        fetch = Fetch(written.settings, PAYLOADS, wait_here, ignore_forms)
        found = batches | "Fetch" >> fetch | "Size" >> beam.Map(_events_and_bytes)
        portion = PORTION_BYTES // len(text)
        few = (portion - 1, True)
        assert_that(found, equal_to([(2, True), few, (70 - portion + 1, True)]))

    run([[wake_up(event_id) for event_id in range(1, 73)]], build)


def _events_and_bytes(fetched: Fetched) -> tuple[int, bool]:
    return len(fetched.rows), sum(row.payload_bytes for row in fetched.rows) <= PORTION_BYTES
