"""The contract of every leased table: claimed once, kept by its holder, ended once.

A table joins by one entry in LEASED.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg import Connection, sql

from pipeline.clients.postgres.lease import (
    MOST_RESTORED,
    claim,
    extend,
    follow_switches,
    settle,
)
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.domain.delivery import Priority, Slots
from pipeline.domain.lease import (
    TERMINAL,
    Cause,
    Lease,
    WorkState,
    end,
    fail,
    give_back,
    hold,
    put_back,
)
from pipeline.steps.deliveries import DELIVERIES
from pipeline.steps.job_runs import JOB_RUNS
from tests.databases import Database
from tests.deadline import wait_until
from tests.effort import effort
from tests.golden.stage import Stage

LONG: Final = timedelta(minutes=5)
# Over before anybody can look.
OVER: Final = timedelta(0)
CAUSE: Final = Cause(error_class="Refused", code="X1", reason="refused by the other side")
DUE: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leased:
    """A table, and how to put a pending record into it.

    Attributes:
        table: of the records.
        dsn: as the role that works on them.
        add: inserts one, by the name of its switch and when it is due.
        switch_prefix: what the name of the switch has before this name.
    """

    table: LeasedTable
    dsn: Callable[[Database], str]
    add: Callable[[Connection[Any], str, datetime], None]
    switch_prefix: str = ""


def add_run(connection: Connection[Any], name: str, due: datetime) -> None:
    connection.execute(
        "INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, next_attempt_at)"
        " VALUES (%s, clock_timestamp(), now(), 'tick', %s)",
        [name, due],
    )


def add_delivery(
    connection: Connection[Any], name: str, due: datetime, priority: Priority = Priority.NORMAL
) -> None:
    """Of a type of mail; a switch holds it back by its name after a prefix."""
    connection.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, next_attempt_at,"
        " priority) VALUES (gen_random_uuid(), 'test:1', 'email', 'ann', %s, %s, %s)",
        [name, due, priority],
    )


LEASED: Final = (
    Leased(table=JOB_RUNS, dsn=lambda database: database.jobs_dsn, add=add_run),
    Leased(
        table=DELIVERIES,
        dsn=lambda database: database.sender_dsn,
        add=add_delivery,
        switch_prefix="mail:",
    ),
)


@pytest.fixture(params=LEASED, ids=lambda leased: leased.table.name)
def leased(request: pytest.FixtureRequest) -> Leased:
    found = request.param
    assert isinstance(found, Leased)
    return found


@pytest.fixture
def worker(database: Database, leased: Leased) -> Iterator[Connection[Any]]:
    with psycopg.connect(leased.dsn(database), autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(database: Database) -> Iterator[Connection[Any]]:
    with database.connect() as connection:
        yield connection


def rows(owner: Connection[Any], leased: Leased) -> list[Any]:
    table = sql.Identifier(leased.table.schema, leased.table.name)
    query = sql.SQL("SELECT to_jsonb(record) FROM {} AS record ORDER BY sequence").format(table)
    return [row for (row,) in owner.execute(query)]


def attempts(owner: Connection[Any]) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT number, result, error_class, code, reason FROM fanout.attempts"
        " ORDER BY record_id, number"
    ).fetchall()


def take(worker: Connection[Any], leased: Leased, lease: timedelta = LONG) -> Lease:
    [held] = claim(worker, leased.table, lease)
    return held


def test_workers_that_race_never_hold_the_same_record(
    database: Database, owner: Connection[Any], leased: Leased
) -> None:
    for number in range(60):
        leased.add(owner, f"name-{number}", DUE)

    def work(_: int) -> list[int]:
        held = []
        with psycopg.connect(leased.dsn(database), autocommit=True) as connection:
            while taken := claim(connection, leased.table, LONG, most=3):
                held += [each.sequence for each in taken]
        return held

    with ThreadPoolExecutor(4) as pool:
        held = [sequence for each in pool.map(work, range(4)) for sequence in each]
    assert sorted(held) == sorted(row["sequence"] for row in rows(owner, leased))
    assert all((row["state"], row["attempts"]) == ("leased", 1) for row in rows(owner, leased))


@pytest.mark.parametrize("locks", [True, False], ids=["as it is", "control"])
def test_what_another_worker_is_taking_is_passed_over(
    database: Database,
    worker: Connection[Any],
    owner: Connection[Any],
    leased: Leased,
    locks: bool,  # noqa: FBT001
) -> None:
    leased.add(owner, "first", DUE)
    leased.add(owner, "second", DUE)
    statement = leased.table.claim_statement().as_string(worker)
    if not locks:
        # Then the second worker waits for the first, and takes the same record from it.
        assert "FOR UPDATE SKIP LOCKED" in statement
        statement = statement.replace("FOR UPDATE SKIP LOCKED", "")

    def second() -> Any:  # noqa: ANN401
        with psycopg.connect(leased.dsn(database), autocommit=True) as connection:
            parameters = {"most": 1, "reserved": 0, "seconds": 300.0}
            return connection.execute(statement.encode(), parameters).fetchall()[0][0]

    blocked = "SELECT FROM pg_stat_activity WHERE datname = current_database()"
    with ThreadPoolExecutor(1) as pool:
        with worker.transaction():
            [first] = claim(worker, leased.table, LONG)
            other = pool.submit(second)
            wait_until(
                lambda: (
                    other.done()
                    or owner.execute(f"{blocked} AND wait_event_type = 'Lock'".encode()).fetchall()
                ),
                seconds=30,
                what="the second worker has an answer, or waits",
            )
        assert (other.result(timeout=30) != first.sequence) is locks


def test_who_lost_a_lease_can_neither_keep_nor_settle_the_record(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    leased.add(owner, "name", DUE)
    old = take(worker, leased, OVER)
    new = take(worker, leased)
    assert (new.sequence, new.number) == (old.sequence, 2)
    assert new.token != old.token
    before = rows(owner, leased)
    assert not extend(worker, leased.table, old, LONG)
    assert settle(worker, leased.table, [end(old, WorkState.DEAD, CAUSE)]) == set()
    assert settle(worker, leased.table, [fail(old, CAUSE, pause=1)]) == set()
    assert rows(owner, leased) == before
    # Control: the new holder can.
    assert extend(worker, leased.table, new, LONG)
    assert settle(worker, leased.table, [end(new, WorkState.DONE)]) == {new.token}
    assert [row["state"] for row in rows(owner, leased)] == ["done"]


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_a_terminal_state_never_changes(
    worker: Connection[Any], owner: Connection[Any], leased: Leased, state: WorkState
) -> None:
    leased.add(owner, "name", DUE)
    held = take(worker, leased)
    settle(worker, leased.table, [end(held, state)])
    before, tries = rows(owner, leased), attempts(owner)
    assert before[0]["state"] == state
    owner.execute(
        "INSERT INTO fanout.switches (name, state) VALUES (%s, 'paused')",
        [f"{leased.switch_prefix}name"],
    )
    follow_switches(worker, leased.table)
    assert claim(worker, leased.table, LONG) == []
    assert not extend(worker, leased.table, held, LONG)
    for settlement in (*(end(held, each) for each in TERMINAL), give_back(held, CAUSE, pause=0)):
        assert settle(worker, leased.table, [settlement]) == set()
    assert (rows(owner, leased), attempts(owner)) == (before, tries)


def test_what_a_killed_worker_held_is_claimed_when_its_lease_ends_and_not_before(
    database: Database, worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    leased.add(owner, "name", DUE)
    with psycopg.connect(leased.dsn(database), autocommit=True) as killed:
        old = take(killed, leased, timedelta(seconds=1))
        owner.execute("SELECT pg_terminate_backend(%s)", [killed.info.backend_pid])
    taken: list[Lease] = []

    def is_taken() -> bool:
        taken.extend(claim(worker, leased.table, LONG))
        return bool(taken)

    wait_until(is_taken, seconds=30, what="the lease has ended")
    [(early,)] = owner.execute(
        "SELECT min(finished_at - started_at) < interval '1 second' FROM fanout.attempts"
    ).fetchall()
    assert not early
    assert (taken[0].sequence, taken[0].number) == (old.sequence, 2)
    assert [try_[:2] for try_ in attempts(owner)] == [(1, "lost")]


def test_each_attempt_is_recorded_once(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    leased.add(owner, "name", DUE)
    for settlement in (
        lambda held: fail(held, CAUSE, pause=0),
        lambda held: give_back(held, CAUSE, pause=0),
        None,
        lambda held: end(held, WorkState.DONE),
    ):
        held = take(worker, leased, LONG if settlement else OVER)
        for _ in range(2 if settlement else 0):
            assert settlement
            settle(worker, leased.table, [settlement(held)])
    because = (CAUSE.error_class, CAUSE.code, CAUSE.reason)
    assert attempts(owner) == [
        (1, "failed", *because),
        (2, "given back", *because),
        (3, "lost", None, None, "its worker did not extend the lease in time"),
        (4, "done", None, None, None),
    ]
    [row] = rows(owner, leased)
    # What was given back or lost says nothing of the record.
    assert (row["attempts"], row["failures"]) == (4, 1)


def test_what_a_switch_holds_back_is_not_claimed_until_it_may_go_on(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    for name in ("held", "tried", "other"):
        leased.add(owner, name, DUE)
    for _ in range(3):
        held = take(worker, leased)
        pause = 0 if held.sequence == 2 else 3600
        settle(worker, leased.table, [fail(held, CAUSE, pause=pause)])
    leased.add(owner, "held", DUE)
    owner.execute(
        "INSERT INTO fanout.switches (name, state)"
        " SELECT %s || name, 'paused' FROM unnest(ARRAY['held', 'tried']) AS name",
        [leased.switch_prefix],
    )
    follow_switches(worker, leased.table)
    assert claim(worker, leased.table, LONG, most=9) == []
    states = [row["state"] for row in rows(owner, leased)]
    assert states == ["paused", "paused", "waiting", "paused"]
    owner.execute("DELETE FROM fanout.switches")
    follow_switches(worker, leased.table)
    states = [row["state"] for row in rows(owner, leased)]
    assert states == ["waiting", "waiting", "waiting", "pending"]
    assert take(worker, leased).sequence == 4


def test_what_came_due_first_is_first_and_of_one_instant_what_was_written_first(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    later = DUE + timedelta(minutes=1)
    for name, due in (("a", later), ("d", DUE), ("b", DUE), ("c", DUE), ("e", later)):
        leased.add(owner, name, due)
    taken = [take(worker, leased) for _ in range(5)]
    assert [each.sequence for each in taken] == [2, 3, 4, 1, 5]
    assert [each.due_at for each in taken] == [DUE, DUE, DUE, later, later]


def test_what_is_given_back_waits_for_its_time(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    leased.add(owner, "name", DUE)
    settle(worker, leased.table, [fail(take(worker, leased), CAUSE, pause=60)])
    assert claim(worker, leased.table, LONG) == []
    [row] = rows(owner, leased)
    assert (row["state"], row["error_class"], row["reason"]) == (
        "waiting",
        CAUSE.error_class,
        CAUSE.reason,
    )
    table = sql.Identifier(leased.table.schema, leased.table.name)
    [(seconds,)] = owner.execute(
        sql.SQL("SELECT extract(epoch FROM next_attempt_at - now())::float8 FROM {}").format(table)
    ).fetchall()
    assert 0 < seconds <= 60


def test_what_was_not_tried_keeps_its_place(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    for name, minutes in (("a", 0), ("b", 1), ("c", 2)):
        leased.add(owner, name, DUE + timedelta(minutes=minutes))
    settle(worker, leased.table, [put_back(take(worker, leased), CAUSE)])
    again = take(worker, leased)
    assert (again.sequence, again.due_at, again.failures) == (1, DUE, 0)
    # Control: what failed comes after what was due before, also without a pause.
    settle(worker, leased.table, [fail(again, CAUSE, pause=0)])
    assert [take(worker, leased).sequence for _ in range(3)] == [2, 3, 1]


def test_what_is_not_due_yet_is_left_alone(
    worker: Connection[Any], owner: Connection[Any], leased: Leased
) -> None:
    leased.add(owner, "name", datetime.now(UTC) + timedelta(hours=1))
    assert claim(worker, leased.table, LONG) == []


def test_of_records_that_go_alone_one_is_leased_at_a_time(
    database: Database, owner: Connection[Any], leased: Leased
) -> None:
    if leased.table.alone is None:
        pytest.skip("several of this table may go at once")
    for _ in range(8):
        leased.add(owner, "name", DUE)

    def work(_: int) -> list[Lease]:
        with psycopg.connect(leased.dsn(database), autocommit=True) as connection:
            return [each for _ in range(20) for each in claim(connection, leased.table, LONG)]

    with ThreadPoolExecutor(4) as pool:
        held = [each for taken in pool.map(work, range(4)) for each in taken]
    assert len(held) == 1
    # The next one is free once it has ended; nor does a lease that has run out let it in.
    with psycopg.connect(leased.dsn(database), autocommit=True) as connection:
        settle(connection, leased.table, [end(held[0], WorkState.DONE)])
        first = take(connection, leased, OVER)
        assert take(connection, leased).sequence == first.sequence


RANKED: Final = tuple(leased for leased in LEASED if leased.table.ranked)


def add_ranked(owner: Connection[Any], priorities: Sequence[Priority], due: datetime = DUE) -> None:
    for priority in priorities:
        add_delivery(owner, "name", due, priority)


@pytest.fixture
def sender(database: Database) -> Iterator[Connection[Any]]:
    with psycopg.connect(database.sender_dsn, autocommit=True) as connection:
        yield connection


def test_every_ranked_table_is_tested() -> None:
    assert [leased.table for leased in RANKED] == [DELIVERIES]


def test_a_critical_record_comes_before_a_thousand_that_came_due_earlier(
    sender: Connection[Any], owner: Connection[Any]
) -> None:
    owner.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, next_attempt_at)"
        " SELECT gen_random_uuid(), 'test:1', 'email', 'ann', 'k', %s"
        " FROM generate_series(1, 1000)",
        [DUE],
    )
    add_delivery(owner, "name", datetime.now(UTC), Priority.CRITICAL)
    taken = claim(sender, DELIVERIES, LONG, most=10, reserved=2)
    assert [each.values["priority"] for each in taken] == [0, *[2] * 9]


def test_the_others_age_among_each_other(sender: Connection[Any], owner: Connection[Any]) -> None:
    minutes = {Priority.LOW: 0, Priority.NORMAL: 4, Priority.HIGH: 8}
    for priority, after in minutes.items():
        add_delivery(owner, "name", DUE + timedelta(minutes=after), priority)
    # A low one waits ten minutes longer than a high one, and a normal one five.
    add_delivery(owner, "name", DUE + timedelta(minutes=11), Priority.HIGH)
    taken = claim(sender, DELIVERIES, LONG, most=9)
    assert [each.values["priority"] for each in taken] == [1, 2, 3, 1]
    # Control: by due time alone the order is the opposite. Python knows the same ranks.
    assert sorted(minutes, key=lambda each: minutes[each]) == [3, 2, 1]
    ranks = {each: timedelta(minutes=after) + each.behind for each, after in minutes.items()}
    assert sorted(ranks, key=lambda each: ranks[each]) == [1, 2, 3]


def given_back(sender: Connection[Any], held: Lease) -> None:
    settle(sender, DELIVERIES, [give_back(held, CAUSE, pause=0.01)])


def paused(sender: Connection[Any], held: Lease) -> None:
    settle(sender, DELIVERIES, [give_back(held, CAUSE, pause=3600)])
    follow_switches(sender, DELIVERIES, closed=True)
    follow_switches(sender, DELIVERIES)


def lost(sender: Connection[Any], held: Lease) -> None:
    assert extend(sender, DELIVERIES, held, OVER)


@pytest.mark.parametrize("leave", [given_back, paused, lost], ids=lambda leave: leave.__name__)
@pytest.mark.parametrize("priority", [Priority.CRITICAL, Priority.LOW])
def test_a_ranked_record_keeps_its_rank_whatever_gives_it_back(
    sender: Connection[Any],
    owner: Connection[Any],
    leave: Callable[[Connection[Any], Lease], None],
    priority: Priority,
) -> None:
    for minute in range(4):
        add_delivery(owner, "name", DUE + timedelta(minutes=minute), priority)
    for _ in range(3):
        [held] = claim(sender, DELIVERIES, LONG)
        assert (held.sequence, held.due_at) == (1, DUE)
        leave(sender, held)
        wait_until_due(owner, 1)
    # Control: what failed has a next time, and no place before fresh records; also if it is given
    # back then.
    [held] = claim(sender, DELIVERIES, LONG)
    settle(sender, DELIVERIES, [fail(held, CAUSE, pause=0)])
    assert [each.sequence for each in claim(sender, DELIVERIES, LONG, most=2)] == [2, 3]
    add_delivery(owner, "name", datetime.now(UTC), priority)
    [fourth, failed] = claim(sender, DELIVERIES, LONG, most=2)
    assert (fourth.sequence, failed.sequence) == (4, 1)
    leave(sender, failed)
    wait_until_due(owner, 1)
    assert [each.sequence for each in claim(sender, DELIVERIES, LONG, most=2)] == [1, 5]


def wait_until_due(owner: Connection[Any], sequence: int) -> None:
    query = "SELECT next_attempt_at <= now() FROM fanout.deliveries WHERE sequence = %s"
    wait_until(
        lambda: owner.execute(query, [sequence]).fetchone() == (True,),
        seconds=30,
        what="it may be claimed again",
    )


def test_a_decision_about_a_held_record_puts_it_before_nobody(
    sender: Connection[Any], owner: Connection[Any]
) -> None:
    for minute in range(2):
        add_delivery(owner, "name", DUE + timedelta(minutes=minute))
    [held] = claim(sender, DELIVERIES, LONG)
    settle(sender, DELIVERIES, [hold(held, CAUSE)])
    owner.execute("SELECT fanout.decide_held(id, false) FROM fanout.deliveries WHERE sequence = 1")
    assert [each.sequence for each in claim(sender, DELIVERIES, LONG, most=2)] == [2, 1]


def test_what_is_released_comes_by_rank_a_part_at_a_time(
    sender: Connection[Any], owner: Connection[Any]
) -> None:
    minutes = {Priority.HIGH: 9, Priority.NORMAL: 2, Priority.LOW: 1}
    for priority, after in minutes.items():
        add_delivery(owner, "name", DUE + timedelta(minutes=after), priority)
    add_ranked(owner, [Priority.CRITICAL] * 2)
    follow_switches(sender, DELIVERIES, closed=True)
    released = []
    for _ in range(3):
        follow_switches(sender, DELIVERIES, most=1)
        released += [each.values["priority"] for each in claim(sender, DELIVERIES, LONG, most=9)]
    # Of each class one at a time. By priority alone, the high one were the first of the others.
    assert released == [0, 2, 0, 1, 3]


def waiting(owner: Connection[Any], count: int, *, ranked_at: str = "NULL") -> None:
    """Put many due deliveries of all priorities there, and tell the planner."""
    owner.execute(
        sql.SQL(
            "INSERT INTO fanout.deliveries"
            " (id, cause, channel, recipient, kind, priority, next_attempt_at, ranked_at)"
            " SELECT gen_random_uuid(), 'test:1', 'email', 'ann', 'k', n %% 4,"
            " now() - n * interval '1 ms', {} FROM generate_series(1, %s) AS n"
        ).format(sql.SQL(ranked_at)),
        [count],
    )
    owner.execute("ANALYZE fanout.deliveries")


def efforts_of_claims(owner: Connection[Any], claims: int) -> list[float]:
    """Of the statements of each claim, the rows that they handle."""
    parameters = {"channel": "email", "most": 100, "reserved": 20, "seconds": 60.0}
    restore, take = (
        each.as_bytes(owner)
        for each in (
            DELIVERIES.restore_statement(["channel"]),
            DELIVERIES.claim_statement(["channel"]),
        )
    )
    return [
        effort(owner, restore, **{**parameters, "most": MOST_RESTORED})
        + effort(owner, take, **parameters)
        for _ in range(claims)
    ]


def test_a_claim_costs_the_same_whatever_waits_and_whatever_was_given_back(
    owner: Connection[Any],
) -> None:
    waiting(owner, 5_000)
    [few] = efforts_of_claims(owner, 1)
    waiting(owner, 50_000)
    # In front of them, so many that nobody may take yet: they were given back for a while.
    waiting(owner, 10_000, ranked_at="now() - interval '1 day'")
    owner.execute(
        "UPDATE fanout.deliveries SET next_attempt_at = now() + interval '1 hour'"
        " WHERE ranked_at IS NOT NULL"
    )
    assert max(efforts_of_claims(owner, 3)) <= few * 1.1
    # When their time has come, each claim puts only so many back to their places.
    owner.execute(
        "UPDATE fanout.deliveries SET next_attempt_at = now() - interval '1 second'"
        " WHERE ranked_at IS NOT NULL AND state = 'pending'"
    )
    assert max(efforts_of_claims(owner, 3)) <= few + 4 * MOST_RESTORED
    # Control: by rank, without putting them back, each claim reads past all that may not be taken.
    owner.execute(
        "UPDATE fanout.deliveries SET next_attempt_at = now() + interval '1 hour'"
        " WHERE ranked_at IS NOT NULL"
    )
    owner.execute("CREATE INDEX ON fanout.deliveries (channel, ranked_at, sequence)")
    by_rank = (
        b"SELECT sequence FROM fanout.deliveries WHERE channel = 'email' AND"
        b" state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()"
        b" ORDER BY ranked_at, sequence LIMIT 100"
    )
    assert effort(owner, by_rank) > 5_000


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ((20, 20), (8, 2)),
        ((20, 0), (10, 0)),
        ((3, 20), (3, 7)),
        ((20, 1), (9, 1)),
        ((0, 20), (0, 10)),
    ],
)
def test_critical_records_take_at_most_their_share_while_others_wait(
    sender: Connection[Any],
    owner: Connection[Any],
    waiting: tuple[int, int],
    expected: tuple[int, int],
) -> None:
    (critical, others), most = waiting, 10
    add_ranked(owner, [Priority.CRITICAL] * critical + [Priority.LOW] * others)
    taken = claim(sender, DELIVERIES, LONG, most=most, reserved=Slots().reserve(most))
    priorities = [each.values["priority"] for each in taken]
    assert (priorities.count(0), priorities.count(3)) == expected
    assert priorities == sorted(priorities)


def test_with_one_slot_at_a_time_the_others_still_get_a_fifth(
    sender: Connection[Any], owner: Connection[Any]
) -> None:
    add_ranked(owner, [Priority.CRITICAL] * 20 + [Priority.NORMAL] * 20)
    slots = Slots()
    taken = [
        claim(sender, DELIVERIES, LONG, reserved=slots.reserve(1))[0].values["priority"]
        for _ in range(20)
    ]
    assert taken.count(0) == 16


def test_a_held_record_is_nobodys_until_a_person_decides(
    sender: Connection[Any], owner: Connection[Any]
) -> None:
    add_delivery(owner, "name", DUE)
    [held] = claim(sender, DELIVERIES, LONG)
    assert settle(sender, DELIVERIES, [hold(held, CAUSE)]) == {held.token}
    follow_switches(sender, DELIVERIES)
    assert claim(sender, DELIVERIES, LONG) == []
    [row] = owner.execute("SELECT state, reason, finished_at FROM fanout.deliveries").fetchall()
    assert row == ("held", CAUSE.reason, None)


@pytest.mark.parametrize("change", ["state = 'pending'", "provider_id = 'other'"])
def test_an_ended_delivery_refuses_what_no_statement_of_ours_would_do(
    sender: Connection[Any], owner: Connection[Any], change: str
) -> None:
    add_delivery(owner, "name", DUE)
    [held] = claim(sender, DELIVERIES, LONG)
    statement = b"UPDATE fanout.deliveries SET " + change.encode()
    settle(sender, DELIVERIES, [end(held, WorkState.DONE)])
    with pytest.raises(psycopg.errors.CheckViolation, match="has ended"):
        owner.execute(statement)
    # Control: what has not ended may change.
    owner.execute("ALTER TABLE fanout.deliveries DISABLE TRIGGER keep_ended")
    owner.execute("UPDATE fanout.deliveries SET state = 'waiting', finished_at = NULL")
    owner.execute("ALTER TABLE fanout.deliveries ENABLE TRIGGER keep_ended")
    owner.execute(statement)


def test_what_is_paused_does_not_age(sender: Connection[Any], owner: Connection[Any]) -> None:
    add_delivery(owner, "name", DUE)
    owner.execute("UPDATE fanout.deliveries SET expires_at = now() + interval '1 hour'")
    follow_switches(sender, DELIVERIES, closed=True)
    owner.execute("UPDATE fanout.deliveries SET paused_at = paused_at - interval '3 hours'")
    follow_switches(sender, DELIVERIES)
    [(state, hours)] = owner.execute(
        "SELECT state, round(extract(epoch FROM expires_at - now()) / 3600) FROM fanout.deliveries"
    ).fetchall()
    assert (state, hours) == ("pending", 4)


def test_a_settlement_shows_in_the_row_of_the_application_if_the_row_is_ours(
    database: Database, owner: Connection[Any], stage: Stage
) -> None:
    del stage
    with psycopg.connect(database.sender_dsn, autocommit=True) as sender:
        for state, status in (("done", "sent"), ("expired", "failed"), ("cancelled", "failed")):
            email = add_email(owner, status="processing")
            add_delivery(owner, "name", DUE)
            owner.execute(
                "UPDATE fanout.deliveries SET source = 'pending_emails', source_id = %s,"
                " source_taken_at = now() WHERE state = 'pending'",
                [email],
            )
            [held] = claim(sender, DELIVERIES, LONG)
            settle(sender, DELIVERIES, [end(held, WorkState(state))])
            assert shown(owner, email) == (status, True)
            # Control: the row of another sender stays as it is.
            other = add_email(owner, status="processing")
            add_delivery(owner, "name", DUE)
            owner.execute(
                "UPDATE fanout.deliveries SET source = 'pending_emails', source_id = %s"
                " WHERE state = 'pending'",
                [other],
            )
            [held] = claim(sender, DELIVERIES, LONG)
            settle(sender, DELIVERIES, [end(held, WorkState(state))])
            assert shown(owner, other) == ("processing", False)


def add_email(owner: Connection[Any], *, status: str) -> str:
    [(email,)] = owner.execute(
        "WITH event AS (INSERT INTO domain_events (event_type) VALUES ('x') RETURNING id)"
        " INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, subject,"
        " body_data, status) SELECT profiles.id, event.id, 'x', 'immediate', 's', '{}', %s"
        " FROM event, profiles LIMIT 1 RETURNING id::text",
        [status],
    ).fetchall()
    return str(email)


def shown(owner: Connection[Any], email: str) -> tuple[str, bool]:
    [(status, is_processed)] = owner.execute(
        "SELECT status, processed_at IS NOT NULL FROM pending_emails WHERE id = %s", [email]
    ).fetchall()
    return status, is_processed
