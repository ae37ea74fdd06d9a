"""Rows are read with any content, and by their keys among any number of rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import EventId, EventType
from pipeline.domain.payload import Payload
from pipeline.facts.rows import FoundRows, read_rows, used_keys
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.row import (
    MAX_PAYLOAD_BYTES,
    MAX_TEXT_CHARACTERS,
    MAX_TYPE_CHARACTERS,
    Row,
    decode,
)
from tests.builders import GREETED, Greeted
from tests.databases import Database, Databases
from tests.facts.statements import recording_cursor
from tests.golden.stage import COLUMNS, Stage
from tests.golden.world import M1, P1, R1, T1, U1

HANDLED: Final = EventType("handled")


class Anything(Payload):
    """A payload with two used keys of any type."""

    value: Any = None
    other: Any = None


PAYLOADS: Final[Mapping[EventType, type[Payload]]] = {HANDLED: Anything, GREETED: Greeted}
USED: Final = used_keys(PAYLOADS)
MICROSECONDS: Final = 1_000_000


def read(stage: Stage, *ids: int) -> FoundRows:
    """Read these rows, or all, with the role of the pipeline."""
    asked = ids or [row[0] for row in stage.rows("SELECT id FROM domain_events")]
    with psycopg.connect(stage.database.writer_dsn, autocommit=True) as connection:
        return read_rows(connection, [EventId(each) for each in asked], USED)


def insert(stage: Stage, payload: str | None, event_type: str = HANDLED) -> int:
    """Insert a row with a payload of this JSON text."""
    ((event_id,),) = stage.rows(
        "INSERT INTO domain_events (event_type, payload) VALUES (%s, %s::jsonb) RETURNING id",
        event_type,
        payload,
    )
    return int(event_id)


def only(stage: Stage, payload: str | None, event_type: str = HANDLED) -> Row:
    """Read the only row of a database, with this payload."""
    insert(stage, payload, event_type)
    rows = read(stage)
    assert rows.missing == []
    (row,) = rows.found
    return row


def value_of(row: Row) -> Any:  # noqa: ANN401 - whatever it is
    """Return the value in the payload that the handler gets."""
    event = decode(row, PAYLOADS)
    assert isinstance(event, Event)
    assert isinstance(event.payload, Anything)
    return event.payload.value


def test_a_row_is_read_as_it_stands(stage: Stage) -> None:
    columns: dict[str, Any] = dict(zip(COLUMNS, (U1, P1, R1, T1, M1), strict=True))
    event_id = stage.emit(HANDLED, {"value": 1, "unknown": 2}, **columns)
    ((created_at,),) = stage.rows("SELECT created_at FROM domain_events")
    (row,) = read(stage).found
    assert decode(row, PAYLOADS) == Event(
        id=EventId(event_id),
        type=HANDLED,
        created_at=created_at,
        payload=Anything(value=1),
        **columns,
    )


def test_what_is_not_there_is_missing_and_nothing_else(stage: Stage) -> None:
    here = stage.emit(HANDLED)
    rows = read(stage, here, 10**10, 2**63 - 1, -5)
    assert [row.id for row in rows.found] == [here]
    assert sorted(rows.missing) == [-5, 10**10, 2**63 - 1]
    assert read(stage, 7_777).found == []


@pytest.mark.parametrize("event_id", [10**10, 2**63 - 1, -1, 0, -(2**63)])
def test_any_id_is_read(stage: Stage, event_id: int) -> None:
    stage.emit(HANDLED)
    stage.execute("UPDATE domain_events SET id = %s", event_id)
    assert [row.id for row in read(stage).found] == [event_id]


@pytest.mark.parametrize(
    "moment",
    ["infinity", "-infinity", "4713-01-01 00:00 BC", "0001-12-31 23:59:59 BC",
     "10000-01-01 00:00+00", "200000-01-01 00:00+00", "294276-12-31 23:59:59.999999+00", None],
)  # fmt: skip
def test_an_event_at_a_time_that_python_has_no_word_for_is_invalid_and_costs_no_other(
    stage: Stage, moment: str | None
) -> None:
    stage.execute("ALTER TABLE domain_events ALTER created_at DROP NOT NULL")
    ids = [stage.emit(HANDLED, {}) for _ in range(3)]
    stage.execute("UPDATE domain_events SET created_at = %s WHERE id = %s", moment, ids[1])
    rows = sorted(read(stage).found, key=lambda row: row.id)
    assert [row.id for row in rows] == ids
    with pytest.raises(InvalidRow, match=r"^created_at: "):
        decode(rows[1], PAYLOADS)
    assert isinstance(decode(rows[0], PAYLOADS), Event)
    assert isinstance(decode(rows[2], PAYLOADS), Event)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 2, 12, 0, 0, 123_457, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_a_time_is_read_to_the_microsecond_in_any_zone(
    stage: Stage, moment: datetime, zone: str
) -> None:
    stage.emit(HANDLED)
    stage.execute("UPDATE domain_events SET created_at = %s", moment)
    stage.execute(f"ALTER DATABASE {stage.database.name} SET timezone = '{zone}'")
    (row,) = read(stage).found
    event = decode(row, PAYLOADS)
    assert isinstance(event, Event)
    assert event.created_at == moment


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (None, None), ("null", "null"), ("{}", "object"), ("[1]", "array"), ('"text"', "string"),
        ('"{}"', "string"), ("1", "number"), ("1e400", "number"), ("true", "boolean"),
    ],
)  # fmt: skip
def test_a_payload_is_told_by_its_kind_and_only_an_object_leaves_the_server(
    stage: Stage, payload: str | None, kind: str | None
) -> None:
    row = only(stage, payload)
    assert (row.payload_kind, row.payload) == (kind, "{}" if kind == "object" else None)
    if kind in (None, "null", "object"):
        assert value_of(row) is None
    else:
        with pytest.raises(InvalidRow, match=r"^payload: an object is needed$"):
            decode(row, PAYLOADS)


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1.5, "", "text", [1, [2, {"a": None}]], {"value": {"value": 1}}, "\u20ac\x01",
     '"\\', r"\u0000"],
    ids=repr,
)  # fmt: skip
def test_what_is_used_is_read_as_it_was_written(stage: Stage, value: object) -> None:
    row = only(stage, json.dumps({"value": [value], "unknown": value}))
    assert value_of(row) == [value]
    assert "unknown" not in (row.payload or "")


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "ignored",
    [
        pytest.param(nested(40), id="40 deep"),
        pytest.param(nested(1_000), id="1,000 deep"),
        pytest.param("1e400", id="a number that no computer counts in"),
        pytest.param("-1e-400", id="a number next to nothing"),
        pytest.param("9" * 5_000, id="5,000 digits"),
        pytest.param(json.dumps("x" * 2 * MAX_PAYLOAD_BYTES), id="2 MB of text"),
        pytest.param(json.dumps(list(range(300_000))), id="2 MB of numbers"),
        pytest.param(json.dumps(dict.fromkeys(map(str, range(50_000)))), id="50,000 keys"),
        pytest.param('"\\ud83d\\ude00\\u202e"', id="no letters"),
    ],
)
def test_a_key_that_no_handler_uses_may_hold_anything(stage: Stage, ignored: str) -> None:
    row = only(stage, f'{{"a": {ignored}, "value": "used", "value ": {ignored}, "": {ignored}}}')
    assert row.payload == '{"value": "used"}'
    assert value_of(row) == "used"


@pytest.mark.parametrize(
    "used", [nested(40), nested(1_000), "1e400", "-1e400", "[1e400]"], ids=lambda text: text[:9]
)
def test_a_key_that_is_used_must_be_fit_for_it(stage: Stage, used: str) -> None:
    row = only(stage, f'{{"value": {used}}}')
    with pytest.raises(InvalidRow, match="payload"):
        decode(row, PAYLOADS)


def test_only_the_keys_of_the_events_own_type_are_read(stage: Stage) -> None:
    payload = '{"value": 1, "greeting": "hi"}'
    insert(stage, payload)
    insert(stage, payload, GREETED)
    insert(stage, payload, "unheard_of")
    found = {row.type: row for row in read(stage).found}
    assert found[HANDLED].payload == '{"value": 1}'
    assert found[GREETED].payload == '{"greeting": "hi"}'
    unheard_of = found[EventType("unheard_of")]
    assert (unheard_of.payload_kind, unheard_of.payload_bytes, unheard_of.payload) == (
        None,
        0,
        None,
    )


@pytest.mark.parametrize("character", ["a", "\u00fc", "\u20ac", "\U0001f600", '"', "\x01"])
@pytest.mark.parametrize("more", [-1, 0, 1, 100_000])
def test_a_long_text_is_cut_between_characters(stage: Stage, character: str, more: int) -> None:
    text = character * (MAX_TEXT_CHARACTERS + more)
    row = only(stage, json.dumps({"value": text, "other": text}))
    assert value_of(row) == text[:MAX_TEXT_CHARACTERS]
    assert row.payload is not None
    assert row.payload_bytes == len(row.payload.encode())


def test_a_text_within_an_object_or_a_list_is_not_cut(stage: Stage) -> None:
    text = "x" * (MAX_TEXT_CHARACTERS + 1)
    assert value_of(only(stage, json.dumps({"value": [text, {"a": text}]}))) == [text, {"a": text}]


def of_bytes(size: int) -> str:
    """Make a payload whose used part has the given number of bytes."""
    bare = len(json.dumps({"value": [""]}))
    return json.dumps({"value": ["x" * (size - bare)]})


def test_what_is_used_may_have_a_megabyte_and_no_more(stage: Stage) -> None:
    most, over, far_over = (
        insert(stage, of_bytes(size))
        for size in (MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 10 * MAX_PAYLOAD_BYTES)
    )
    found = {row.id: row for row in read(stage).found}
    within = found[EventId(most)]
    assert within.payload_bytes == MAX_PAYLOAD_BYTES
    assert len(value_of(within)[0]) > 1_000_000
    for event_id, size in ((over, MAX_PAYLOAD_BYTES + 1), (far_over, 10 * MAX_PAYLOAD_BYTES)):
        row = found[EventId(event_id)]
        assert (row.payload_bytes, row.payload) == (size, None)
        with pytest.raises(InvalidRow, match=rf"has {-(-size // 1024)} KB, more than 4096 KB: "):
            decode(row, PAYLOADS)


@pytest.mark.parametrize(
    "event_type",
    ["", " ", "x" * 5_000, "two\nlines\r\n\t", "it's; DROP TABLE x", "\u20ac" * 5_000, "\x1b[2J"],
    ids=lambda text: ascii(text)[:20],
)
def test_any_type_is_read_by_its_beginning(stage: Stage, event_type: str) -> None:
    row = only(stage, '{"value": 1}', event_type)
    assert row.type == event_type[:MAX_TYPE_CHARACTERS]
    assert isinstance(decode(row, PAYLOADS), Unrouted)


def test_a_type_that_only_begins_like_one_that_is_handled_is_another(stage: Stage) -> None:
    longest = EventType("h" * MAX_TYPE_CHARACTERS)
    insert(stage, '{"value": 1}', f"{longest}!")
    with psycopg.connect(stage.database.writer_dsn, autocommit=True) as connection:
        used = used_keys({longest: Anything})
        ids = [EventId(row[0]) for row in stage.rows("SELECT id FROM domain_events")]
        (row,) = read_rows(connection, ids, used).found
    assert row.payload is None


def test_a_type_that_is_missing_is_invalid(stage: Stage) -> None:
    stage.emit(HANDLED)
    stage.execute("ALTER TABLE domain_events ALTER event_type DROP NOT NULL")
    stage.execute("UPDATE domain_events SET event_type = NULL")
    (row,) = read(stage).found
    with pytest.raises(InvalidRow, match=r"^event_type: "):
        decode(row, PAYLOADS)


def test_the_payload_may_be_of_type_json(stage: Stage) -> None:
    stage.execute("DROP INDEX domain_events_resume_nudge_idx")
    stage.execute("ALTER TABLE domain_events ALTER payload TYPE json")
    assert value_of(only(stage, '{"value": [1], "unknown": 1e400}')) == [1]


@pytest.mark.parametrize(
    "status", ["completed", "expired", "unrouted", "dead", "failed", "pending"]
)
def test_what_is_completed_is_neither_found_nor_missing(stage: Stage, status: str) -> None:
    done, other = stage.emit(HANDLED), stage.emit(HANDLED)
    stage.execute(
        "INSERT INTO notification_processing (event_id, processing_status) VALUES (%s, %s)",
        done,
        status,
    )
    rows = read(stage)
    left_out = status == "completed"
    assert sorted(row.id for row in rows.found) == ([other] if left_out else [done, other])
    assert rows.missing == []


def test_what_is_exempt_from_the_age_limit_says_so(stage: Stage) -> None:
    plain, wanted = stage.emit(HANDLED), stage.emit(HANDLED)
    for event_id in (wanted, 10**10):
        stage.execute("INSERT INTO fanout.age_exemptions VALUES (%s, %s)", event_id, uuid4())
    rows = read(stage, plain, wanted, 10**10)
    assert {row.id: row.ignore_age for row in rows.found} == {plain: False, wanted: True}
    assert rows.missing == [10**10]


def test_the_operator_reads_the_same(stage: Stage) -> None:
    event_id = stage.emit(HANDLED, {"value": 1}, actor_id=U1)
    with psycopg.connect(stage.database.operator_dsn, autocommit=True) as connection:
        assert read_rows(connection, [EventId(event_id)], USED) == read(stage)


def test_one_statement_reads_any_number(stage: Stage) -> None:
    statements: list[object] = []
    with psycopg.connect(
        stage.database.writer_dsn, autocommit=True, cursor_factory=recording_cursor(statements)
    ) as connection:
        read_rows(connection, [EventId(number) for number in range(1, 1_001)], USED)
    assert len(statements) == 1


EVENTS: Final = 60_000
FILLED: Final = f"""
    INSERT INTO domain_events (event_type, payload)
    SELECT '{HANDLED}', '{{"value": 1}}' FROM generate_series(1, {EVENTS});
    INSERT INTO notification_processing (event_id, processing_status)
    SELECT id, 'completed' FROM domain_events WHERE id % 2 = 0;
    INSERT INTO fanout.age_exemptions SELECT id, gen_random_uuid() FROM domain_events
    WHERE id % 3 = 0;
"""  # noqa: S608 - our own numbers
TABLES: Final = ("domain_events", "notification_processing", "fanout.age_exemptions")
CATALOG: Final = (
    "UPDATE pg_class SET reltuples = {tuples}, relpages = {pages} WHERE oid = ANY"
    " ('{{domain_events,notification_processing,fanout.age_exemptions}}'::regclass[])"
)
# The statistics of the server, made by statements before and after the rows are inserted.
STATISTICS: Final[dict[str, tuple[str, str]]] = {
    "never analysed": ("", ""),
    "analysed while there was nothing": ("VACUUM ANALYZE", ""),
    "analysed": ("", "ANALYZE"),
    "one row": ("", f"ANALYZE; {CATALOG.format(tuples=1, pages=1)}"),
    "a billion rows": ("", f"ANALYZE; {CATALOG.format(tuples=1_000_000_000, pages=10_000_000)}"),
}
# Three index levels and one row, for each of three tables.
MOST_BLOCKS_AN_ID: Final = 12

Plan = Mapping[str, Any]


@pytest.fixture(params=STATISTICS, scope="module")
def filled(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    """A database of many events, with right or wrong statistics."""
    before, after = STATISTICS[request.param]
    with databases.migrated() as database, database.connect() as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())
        for statement in (before, FILLED, after):
            connection.execute(statement.encode())
        yield database


def explain(connection: psycopg.Connection[Any], ids: Sequence[int], *, generic: bool) -> Plan:
    """Run one read and return its plan. A prepared statement may get the generic plan."""
    types = ("bigint[]", "jsonb", "int", "int", "int")
    names = ("ids", "used", "most_bytes", "most_of_type", "most_of_text")
    values = (list(ids), USED, MAX_PAYLOAD_BYTES, MAX_TYPE_CHARACTERS, MAX_TEXT_CHARACTERS)
    numbered = {name: f"${number}" for number, name in enumerate(names, start=1)}
    text = (load("pipeline.facts", "rows").decode() % numbered).encode()
    mode = "force_generic_plan" if generic else "force_custom_plan"
    connection.execute(f"SET plan_cache_mode = {mode}".encode())
    connection.execute(b"DEALLOCATE ALL")
    connection.execute(f"PREPARE rows ({', '.join(types)}) AS ".encode() + text)
    execute = sql.SQL("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE rows ({})").format(
        sql.SQL(", ").join(map(sql.Literal, values))
    )
    ((found,),) = connection.execute(execute).fetchall()
    plan: Plan = found[0]["Plan"]
    return plan


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def blocks(plan: Plan) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.parametrize("generic", [False, True], ids=["custom", "generic"])
def test_each_event_is_probed_by_its_key_whatever_statistics_say(
    filled: Database,
    generic: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with psycopg.connect(filled.writer_dsn, autocommit=True) as connection:
        costs = []
        for size in (10, 100, 1_000):
            ids = range(1, EVENTS, EVENTS // size)[:size]
            plan = explain(connection, ids, generic=generic)
            (events,) = [
                each for each in nodes(plan) if each.get("Relation Name") == "domain_events"
            ]
            assert (events["Node Type"], events["Index Name"], events["Actual Loops"]) == (
                "Index Scan",
                "domain_events_pkey",
                size,
            )
            # No node compares all pairs of two sides. Each part returns or drops a row per id,
            # or reads a table once.
            for each in nodes(plan):
                produced = each["Actual Rows"] * each["Actual Loops"]
                dropped = each.get("Rows Removed by Join Filter", 0) * each["Actual Loops"]
                assert produced + dropped <= max(4 * size, EVENTS), each
            costs.append(blocks(plan) / size)
    assert max(costs) <= MOST_BLOCKS_AN_ID


def test_control_a_plan_that_reads_every_event_would_be_noticed(databases: Databases) -> None:
    with databases.migrated() as database, database.connect() as connection:
        connection.execute(FILLED.encode())
        connection.execute(b"ALTER TABLE domain_events DROP CONSTRAINT domain_events_pkey CASCADE")
        plan = explain(connection, [1, 2, 3], generic=False)
    assert "Seq Scan" in {
        each["Node Type"] for each in nodes(plan) if each.get("Relation Name") == "domain_events"
    }
    assert blocks(plan) / 3 > MOST_BLOCKS_AN_ID
