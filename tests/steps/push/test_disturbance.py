"""What decides whether phones may ring, as push reads it: with its own login."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.clients.postgres.lease import claim
from pipeline.domain.delivery import Priority
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import ProjectId, ThreadId
from pipeline.domain.lease import Lease
from pipeline.fanout.effects import Channel
from pipeline.fanout.handlers import HANDLERS
from pipeline.fanout.preferences import PreferenceRow, Scope, resolve
from pipeline.ops.families import Family
from pipeline.ops.migrate import migrate
from pipeline.push.verdict import Disturb, OverBudget, QuietUntil, Unwanted, Verdict
from pipeline.steps.deliveries import DELIVERIES_ALONE
from pipeline.steps.push.disturbance import may_disturb
from pipeline.steps.sending.unwanted import PushTold, read_unwanted
from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import M1, P1, R1, T1, U1, U2, U3, U4
from tests.plans import Plan, explaining_cursor, used

MINUTE: Final = timedelta(minutes=1)


@dataclass
class Phone:
    """A database in which deliveries of the bus go to phones next."""

    stage: Stage
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        # Nobody has quiet hours, whatever the time of the test, unless the test says so.
        self.execute("UPDATE fanout.disturbance SET quiet_from = '00:00', quiet_until = '00:00'")

    def deliver(
        self,
        user: UUID = U2,
        *,
        kind: str = "project_access_granted",
        channel: str = "bus",
        age: timedelta = timedelta(0),
        cause: str | None = None,
        **columns: object,
    ) -> str:
        """Insert a delivery; return its cause."""
        cause = cause or f"activity.notifications:{uuid4()}"
        values = {
            "id": uuid4(), "cause": cause, "channel": channel, "kind": kind, "user_id": user,
            "recipient": str(uuid4()), "created_at": self.now - age, **columns,
        }  # fmt: skip
        marks = ", ".join(["%s"] * len(values))
        self.execute(
            f"INSERT INTO fanout.deliveries ({', '.join(values)}) VALUES ({marks})",  # noqa: S608
            *values.values(),
        )
        return cause

    def event(self, user: UUID = U2, kind: str = "project_access_granted", **columns: Any) -> str:  # noqa: ANN401
        """Insert an event and the delivery that tells it; return the cause."""
        priority = columns.pop("priority", Priority.NORMAL)
        cause = f"domain_events:{self.stage.emit(kind, {}, **columns)}"
        return self.deliver(user, kind=kind, cause=cause, priority=priority)

    def leases(self, channel: str = "bus") -> list[Lease]:
        """Claim all deliveries of a channel."""
        with self.connect() as connection:
            return claim(
                connection,
                DELIVERIES_ALONE,
                timedelta(minutes=5),
                most=100,
                only={"channel": channel},
            )

    def ask(self, channel: str = "bus") -> list[Verdict]:
        """Return what is decided about what is due, in the order in which it was inserted."""
        leases = self.leases(channel)
        with self.connect() as connection:
            verdicts = may_disturb(connection, leases, self.now)
        return [verdicts[each] for each in sorted(verdicts)]

    def connect(self) -> psycopg.Connection[Any]:
        """Connect as push does."""
        return psycopg.connect(self.stage.database.push_dsn, autocommit=True)

    def execute(self, statement: str, *parameters: object) -> None:
        """Run a statement as the owner."""
        self.stage.execute(statement, *parameters)

    def have(self, view: str, **columns: object) -> None:
        """Say something of U2, as the application does."""
        given = ", ".join(f"{value} AS {name}" for name, value in columns.items())
        self.execute(
            f"CREATE OR REPLACE VIEW fanout.{view} AS SELECT '{U2}'::uuid AS user_id, {given}"
        )


@pytest.fixture
def phone(stage: Stage) -> Phone:
    return Phone(stage)


def test_by_default_a_phone_rings_twice_an_hour_and_not_at_night(phone: Phone) -> None:
    phone.execute(
        "UPDATE fanout.disturbance SET quiet_from = default, quiet_until = default;"
        "UPDATE fanout.digest_hours SET zone = 'Europe/Berlin'"
    )
    for _ in range(3):
        phone.deliver()
    leases = phone.leases()
    with phone.connect() as connection:
        noon = may_disturb(connection, leases, datetime(2026, 3, 2, 11, tzinfo=UTC))
        night = may_disturb(connection, leases, datetime(2026, 3, 28, 21, tzinfo=UTC))
    assert list(noon.values()) == [Disturb(), Disturb(), OverBudget(has_digest=False)]
    # Clocks are put forward that night: eight o'clock comes an hour earlier.
    assert set(night.values()) == {QuietUntil(datetime(2026, 3, 29, 6, tzinfo=UTC))}


def test_the_night_is_that_of_the_person(phone: Phone) -> None:
    phone.execute("UPDATE fanout.disturbance SET quiet_from = default, quiet_until = default")
    phone.have("person_zones", zone="'Asia/Tokyo'::text")
    phone.deliver(U2)
    phone.deliver(U3)
    phone.now = datetime(2026, 3, 2, 17, tzinfo=UTC)
    # In Los Angeles, which is the zone of everyone else, it is nine in the morning.
    assert phone.ask() == [QuietUntil(datetime(2026, 3, 2, 23, tzinfo=UTC)), Disturb()]


@pytest.mark.parametrize("zone", ["No/where", "Europe", "", "../etc", "x" * 300])
def test_a_zone_that_does_not_exist_is_the_usual_one(phone: Phone, zone: str) -> None:
    phone.execute("UPDATE fanout.disturbance SET quiet_from = '22:00', quiet_until = '08:00'")
    phone.have("person_zones", zone=f"'{zone}'::text")
    phone.deliver()
    phone.now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert phone.ask() == [QuietUntil(datetime(2026, 3, 2, 16, tzinfo=UTC))]


def test_without_any_zone_the_error_says_where_to_set_one(phone: Phone) -> None:
    # Postgres knows this as a zone, and nobody else does.
    phone.execute("UPDATE fanout.digest_hours SET zone = 'XYZ-3'")
    phone.deliver()
    with pytest.raises(ConfigurationError, match=r"invalid zone in fanout\.digest_hours"):
        phone.ask()


@pytest.mark.parametrize(("minutes", "rings"), [(9, True), (11, False)])
def test_who_was_active_in_the_last_ten_minutes_has_no_quiet_hours(
    phone: Phone, minutes: int, *, rings: bool
) -> None:
    phone.execute("UPDATE fanout.disturbance SET quiet_from = '00:00', quiet_until = '23:59:59'")
    phone.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    at = phone.now - minutes * MINUTE
    # Each time that they were active can be a row.
    times = f"unnest(ARRAY['{at.isoformat()}', '{(at - 60 * MINUTE).isoformat()}']::timestamptz[])"
    phone.have("person_activity", active_at=times)
    phone.deliver()
    [verdict] = phone.ask()
    assert (verdict == Disturb()) is rings


def test_people_have_hours_and_budgets_of_their_own_where_they_set_them(phone: Phone) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    phone.execute("UPDATE fanout.digest_hours SET zone = 'UTC'")
    phone.now = noon
    none = {"per_hour": "NULL::int", "per_day": "NULL::int"}
    phone.have(
        "person_disturbance", quiet_from="'11:00'::time", quiet_until="'13:30'::time", **none
    )
    phone.deliver(U2)
    phone.deliver(U3)
    assert phone.ask() == [QuietUntil(noon + 90 * MINUTE), Disturb()]
    # Half of their hours is none.
    for quiet_from, quiet_until, per_hour, per_day in (
        ("NULL", "'13:30'", "0", "NULL"),
        ("'11:00'", "NULL", "NULL", "0"),
    ):
        phone.have(
            "person_disturbance",
            quiet_from=f"{quiet_from}::time",
            quiet_until=f"{quiet_until}::time",
            per_hour=f"{per_hour}::int",
            per_day=f"{per_day}::int",
        )
        phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
        assert phone.ask() == [OverBudget(has_digest=False), Disturb()]


def test_a_send_window_is_when_phones_ring(phone: Phone) -> None:
    phone.execute("UPDATE fanout.digest_hours SET zone = 'UTC'")
    phone.execute(
        "INSERT INTO fanout.send_windows (days, opens, closes) VALUES"
        " ('{1,2,3,4,5}', '09:00', '17:00'), ('{7}', '20:00', '24:00')"
    )
    # A Friday.
    phone.now = datetime(2026, 3, 6, 17, tzinfo=UTC)
    phone.deliver()
    assert phone.ask() == [QuietUntil(datetime(2026, 3, 8, 20, tzinfo=UTC))]
    phone.now = datetime(2026, 3, 8, 23, 59, tzinfo=UTC)
    phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    assert phone.ask() == [Disturb()]


def test_a_budget_counts_what_rang_however_many_devices_rang(phone: Phone) -> None:
    two_devices = phone.deliver(channel="fcm", age=30 * MINUTE, state="done", finished_at=phone.now)
    phone.deliver(channel="fcm", age=30 * MINUTE, cause=two_devices)
    ended: Any = {"channel": "fcm", "age": 10 * MINUTE, "finished_at": phone.now}
    phone.deliver(**ended, state="cancelled")
    phone.deliver(**ended, state="expired")
    phone.deliver(**ended, state="dead", error_class="Refused")
    phone.deliver(**{**ended, "age": 61 * MINUTE}, state="done")
    phone.deliver(channel="fcm", age=MINUTE, priority=Priority.CRITICAL)
    phone.deliver(U3, channel="fcm", age=MINUTE)
    phone.deliver()
    phone.deliver()
    assert phone.ask() == [Disturb(), OverBudget(has_digest=False)]


def test_a_day_has_a_budget_too(phone: Phone) -> None:
    for number in range(9):
        phone.deliver(channel="fcm", age=(2 + number) * timedelta(hours=1))
    phone.deliver(channel="fcm", age=timedelta(hours=25))
    phone.deliver()
    phone.deliver()
    assert phone.ask() == [Disturb(), OverBudget(has_digest=False)]


def test_what_is_on_its_way_to_a_phone_is_counted_already(phone: Phone) -> None:
    for _ in range(3):
        phone.deliver(channel="fcm")
    assert phone.ask("fcm") == [Disturb()] * 3


def test_what_is_too_much_waits_for_the_digest_where_there_is_one(phone: Phone) -> None:
    phone.execute("UPDATE fanout.disturbance SET per_hour = 0")
    phone.deliver()
    assert phone.ask() == [OverBudget(has_digest=False)]
    phone.execute("INSERT INTO fanout.channels (channel) VALUES ('email')")
    phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    assert phone.ask() == [OverBudget(has_digest=True)]
    # It needs mail, and the job that makes it.
    for table in ("fanout.digest_pushes", "fanout.job_runs", "public.pending_emails"):
        phone.execute(f"ALTER TABLE {table} RENAME TO away")
        phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
        assert phone.ask() == [OverBudget(has_digest=False)]
        schema, name = table.split(".")
        phone.execute(f"ALTER TABLE {schema}.away RENAME TO {name}")


def test_two_workers_spend_the_last_push_of_a_budget_once(phone: Phone) -> None:
    phone.execute("UPDATE fanout.disturbance SET per_hour = 1")
    phone.deliver()
    phone.deliver()
    leases = phone.leases()

    def decide(lease: Lease) -> Verdict:
        with phone.connect() as connection, connection.transaction():
            verdict = may_disturb(connection, [lease], phone.now)[lease.sequence]
            if verdict == Disturb():
                connection.execute(
                    "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id)"
                    " SELECT gen_random_uuid(), cause, 'fcm', 'd', kind, user_id"
                    " FROM fanout.deliveries WHERE sequence = %s",
                    [lease.sequence],
                )
                connection.execute("SELECT pg_sleep(0.05)")
            return verdict

    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(decide, leases))
    assert sorted(map(repr, verdicts)) == sorted(
        map(repr, [Disturb(), OverBudget(has_digest=False)])
    )


def test_a_mute_of_push_is_for_the_phone_and_beats_the_answer_for_the_app(phone: Phone) -> None:
    phone.event(project_id=P1)
    phone.stage.prefer(U2, "muted", channel="in_app")
    phone.event(project_id=P1)
    assert phone.ask() == [Unwanted("muted")] * 2
    phone.stage.prefer(U2, "immediate", channel="push")
    phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    assert phone.ask() == [Disturb()] * 2


def test_a_word_about_push_beats_a_narrower_answer_for_the_app(phone: Phone) -> None:
    phone.stage.prefer(U2, "muted", channel="in_app", project=P1)
    phone.stage.prefer(U2, "immediate", channel="push")
    phone.event(project_id=P1)
    assert phone.ask() == [Disturb()]


def test_only_a_mute_of_push_itself_holds_back_what_is_critical(phone: Phone) -> None:
    phone.stage.prefer(U2, "muted", channel="in_app")
    phone.event(project_id=P1, priority=Priority.CRITICAL)
    assert phone.ask() == [Disturb()]
    phone.stage.prefer(U2, "muted", channel="push")
    phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    assert phone.ask() == [Unwanted("muted")]


def lose_project(phone: Phone) -> None:
    phone.execute("DELETE FROM project_access_grants WHERE user_id = %s", U4)


def leave_thread(phone: Phone) -> None:
    phone.execute("DELETE FROM chat_thread_participants WHERE user_id = %s", U3)


def lose_document(phone: Phone) -> None:
    phone.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)


LOST: Final[Mapping[str, tuple[UUID, str, Mapping[str, UUID], Any]]] = {
    "a project": (U4, "project_access_granted", {"project_id": P1}, lose_project),
    "a thread": (U3, "chat_message_sent", {"project_id": P1, "thread_id": T1}, leave_thread),
    "a document": (U4, "document_uploaded", {"project_id": P1, "resource_id": R1}, lose_document),
}


@pytest.mark.parametrize("what", LOST)
@pytest.mark.parametrize("priority", [Priority.NORMAL, Priority.CRITICAL])
def test_who_has_lost_access_gets_nothing_of_it_on_the_phone(
    phone: Phone, what: str, priority: Priority
) -> None:
    user, kind, columns, lose = LOST[what]
    phone.event(user, kind, priority=priority, **columns)
    assert phone.ask() == [Disturb()]
    lose(phone)
    phone.execute("UPDATE fanout.deliveries SET next_attempt_at = now()")
    assert phone.ask() == [Unwanted("no_access")]


def test_that_access_was_lost_is_told_and_a_guest_of_a_meeting_needs_no_project(
    phone: Phone,
) -> None:
    lose_project(phone)
    phone.event(U4, "project_access_revoked", project_id=P1)
    phone.event(U4, "meeting_updated", project_id=P1, meeting_id=M1)
    # Control: what needs the project.
    phone.event(U4, "project_access_granted", project_id=P1)
    assert phone.ask() == [Disturb(), Disturb(), Unwanted("no_access")]


def test_without_the_fan_out_nothing_is_muted_and_the_rest_holds(
    empty_database: Database,
) -> None:
    migrate(empty_database.dsn, family=Family.PUSH)
    with empty_database.connect() as owner:
        owner.execute("UPDATE fanout.disturbance SET per_hour = 1, quiet_until = quiet_from")
        owner.execute(
            "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id)"
            " SELECT gen_random_uuid(), 'activity.notifications:' || n, 'bus', n, 'system', %s"
            " FROM generate_series(1, 2) AS n",
            [U2],
        )
    with psycopg.connect(empty_database.push_dsn, autocommit=True) as connection:
        leases = claim(connection, DELIVERIES_ALONE, MINUTE, most=2, only={"channel": "bus"})
        verdicts = may_disturb(connection, leases, datetime.now(UTC))
    assert list(verdicts.values()) == [Disturb(), OverBudget(has_digest=False)]


ROWS: Final = st.lists(
    st.tuples(
        st.sampled_from(["global", "project", "thread"]),
        st.sampled_from([P1, T1, UUID(int=7)]),
        st.sampled_from(["chat_message", "meeting_invited", "*", "other"]),
        st.sampled_from(["push", "in_app", "*", "email"]),
        st.sampled_from(["muted", "immediate", "digest"]),
        st.integers(0, 3),
    ),
    max_size=6,
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=ROWS, kind=st.sampled_from(["chat_message_sent", "meeting_invited"]))
def test_the_statement_mutes_exactly_what_the_rule_mutes(
    stage: Stage, rows: list[tuple[str, UUID, str, str, str, int]], kind: str
) -> None:
    stage.execute("DELETE FROM user_notification_preferences")
    event = stage.emit(kind, {}, project_id=P1, thread_id=T1)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    known = []
    for scope, scope_id, event_type, channel, status, minute in rows:
        given_id = None if scope == "global" else scope_id
        row = PreferenceRow(
            id=uuid4(),
            scope=Scope[scope.upper()],
            scope_id=given_id,
            event_type=event_type,
            channel=channel,
            status=status,
            updated_at=start + minute * MINUTE,
        )
        inserted = stage.rows(
            "INSERT INTO user_notification_preferences (id, user_id, scope_type, scope_id,"
            " event_type, channel, status, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING RETURNING id",
            row.id, U2, scope, given_id, event_type, channel, status, row.updated_at,
        )  # fmt: skip
        known += [row] if inserted else []
    verdict = resolve(
        known,
        HANDLERS[kind].preference,  # type: ignore[index]
        Channel.PUSH,
        thread_id=ThreadId(T1),
        project_id=ProjectId(P1),
    )
    told = PushTold(
        number=1, user_id=U2, cause=f"domain_events:{event}", kind=kind, is_critical=False
    )
    with psycopg.connect(stage.database.push_dsn, autocommit=True) as connection:
        assert read_unwanted(connection, [told]) == ({1: "muted"} if verdict.muted else {})


def test_a_batch_reads_by_indexes_alone(phone: Phone) -> None:
    """Where Postgres may avoid it, it reads no table as a whole: only the settings."""
    for user in (U1, U2, U3, U4):
        phone.event(user, project_id=P1)
    leases = phone.leases()
    plans: list[Plan] = []
    with psycopg.connect(
        phone.stage.database.push_dsn,
        autocommit=True,
        cursor_factory=explaining_cursor(plans),
        options="-c enable_seqscan=off",
    ) as connection:
        may_disturb(connection, leases, phone.now)
    scanned = used(plans, "Relation Name", by="Seq Scan")
    assert scanned <= {"disturbance", "send_windows", "digest_hours", "channels"}
    assert "deliveries_to_phones_idx" in used(plans, "Index Name")
