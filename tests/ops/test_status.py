"""Status: the figures of a planted installation, on the screen and as JSON, for an operator."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import StringIO
from pathlib import Path
from select import select
from typing import Any, Final

import psycopg
import pytest
from rich.console import Console

from local.debezium.configuration import read as read_configuration
from pipeline.domain.errors import ConfigurationError
from pipeline.jobs.job import OF_JOBS
from pipeline.jobs.table import JOBS
from pipeline.ops.status.figures import Queue, StatusFigures
from pipeline.ops.status.read import read_status
from pipeline.screens.status import render
from pipeline.settings import CAPTURE_NAME, DatabaseSettings
from tests.databases import Database
from tests.torture.proxy import Proxy

ROOT: Final = Path(__file__).parents[2]
HIDE_CURSOR: Final = "\x1b[?25l"
SHOW_CURSOR: Final = "\x1b[?25h"
KEYS: Final = {
    "database": str,
    "taken_at": str,
    "has_events": bool,
    "queues": {
        name: {"waiting": int, "oldest_seconds": float}
        for name in ("events", "paused", "emails:immediate", "emails:aggregated")
    },
    "pipeline": {
        "waiting": int,
        "oldest_seconds": float,
        "passed_over": int,
        "done_seconds": type(None),
        "versions": list,
    },
    "graphs": {
        "fanout": {
            "last_seen_seconds": float,
            "started_seconds": float,
            "version": str,
            "host": str,
        },
    },
    "switches": {
        "document_uploaded": {
            "state": str,
            "who": str,
            "reason": str,
            "since_seconds": float,
            "until_seconds": type(None),
            "waiting": int,
        },
    },
    "jobs": {
        name: {"done_seconds": type(None), "overdue": bool, "state": type(None)}
        for name, job in JOBS.items()
        if job.needs == OF_JOBS
    },
    "overdue_jobs": int,
    "mails": {
        "waiting": int,
        "oldest_seconds": type(None),
        "stuck": int,
        "held": int,
        "sent_last_hour": int,
        "seconds_to_send": type(None),
        "failed_last_hour": int,
        "expired_last_hour": int,
    },
    "pushes": {
        channel: {
            "waiting": int,
            "later": int,
            "oldest_seconds": type(None),
            "stuck": int,
            "held_back": int,
            "in_digest": int,
            "sent_last_hour": int,
            "failed_last_hour": int,
            "expired_last_hour": int,
        }
        for channel in ("bus", "fcm", "webhook")
    },
    "reactions": type(None),
    "other_program": {"name": str, "seconds": float},
    "last_hour": {
        "states": {"completed": int, "expired": int, "unrouted": int, "dead": int},
        "per_minute": list,
    },
    "latency": {"p50_seconds": float, "p95_seconds": float, "p99_seconds": float},
    "slot_name": str,
    "slot": {
        "active": bool,
        "wal_status": str,
        "lag_bytes": int,
        "kept_bytes": int,
        "left_bytes": int,
        "inactive_seconds": float,
        "invalidation_reason": type(None),
        "synced": bool,
    },
    "idle_slot_seconds": type(None),
    "heartbeat_seconds": float,
    "log_bytes": int,
    "dead_letters": {"open": int, "causes": int, "latest": list},
    "retention": {
        "last_event_id": type(None),
        "moved_seconds": type(None),
        "held_by": type(None),
        "behind_seconds": type(None),
    },
    "calendar_grants": {"revoked": int, "oldest_seconds": float},
    "not_installed": list,
    "not_visible": list,
    "locked": list,
    "locks": list,
}
CAUSE_KEYS: Final = {
    "fingerprint": str,
    "error_class": str,
    "stage": str,
    "message": str,
    "letters": int,
    "first_seen_seconds": float,
    "last_seen_seconds": float,
    "sample_event_id": int,
}


@pytest.fixture
def planted(database: Database) -> Iterator[Database]:
    """Three completed events and a dead one, one that waits, two e-mails, a heartbeat, a slot."""
    with database.connect() as connection:
        connection.execute(
            """
            INSERT INTO auth.users (id) VALUES ('a0000000-0000-4000-8000-000000000001');
            INSERT INTO public.profiles (id, email, app_role) VALUES
                ('a0000000-0000-4000-8000-000000000001', 'ida@example.test', 'borrower');
            INSERT INTO public.domain_events (event_type, created_at)
            SELECT 'a', date_trunc('minute', now()) - interval '10 minutes'
            FROM generate_series(1, 5);
            INSERT INTO public.domain_events (event_type) VALUES ('document_uploaded');
            INSERT INTO public.notification_processing
                (event_id, event_type, processing_status, paused_at)
            VALUES (6, 'document_uploaded', 'paused', now() - interval '3 minutes');
            INSERT INTO fanout.switches (name, state, reason, who)
            VALUES ('document_uploaded', 'paused', 'wrong links', 'ida');
            INSERT INTO public.notification_processing
                (event_id, processing_status, event_created_at, completed_at)
            SELECT id, CASE id WHEN 4 THEN 'dead' ELSE 'completed' END, created_at,
                created_at + id * interval '1 second'
            FROM public.domain_events WHERE id < 5;
            INSERT INTO public.pending_emails
                (user_id, event_id, event_type, delivery_type, subject, body_data)
            SELECT profiles.id, event_id, 'a', delivery_type, 'hello', '{}'
            FROM public.profiles,
                (VALUES (1, 'immediate'), (2, 'aggregated')) AS email (event_id, delivery_type)
            WHERE profiles.email = 'ida@example.test';
            INSERT INTO public.event_dead_letters
                (letter_key, event_id, stage, error_class, message, fingerprint)
            VALUES ('event:4', 4, 'Decide', 'HandlerFailed', 'KeyError in a handler', 'f00d');
            INSERT INTO public.fanout_heartbeat (beat_at) VALUES (now() - interval '5 seconds');
            INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host) VALUES
                ('fanout', now() - interval '1 hour', now() - interval '12 s', '0.2.0', 'one');
            """
        )
        connection.execute(
            "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [CAPTURE_NAME]
        )
        yield database
        connection.execute("SELECT pg_drop_replication_slot(%s)", [CAPTURE_NAME])


def status_of(dsn: str) -> StatusFigures:
    return read_status(DatabaseSettings(dsn=dsn))


def screen(status: StatusFigures) -> str:
    """What a terminal of 80 columns shows."""
    text = StringIO()
    Console(file=text, width=80).print(render(status))
    return text.getvalue()


def told(status: StatusFigures) -> tuple[Mapping[str, int], list[int]]:
    """What the last hour says whenever it is looked at: the states, and the minutes with events."""
    assert status.last_hour is not None
    return status.last_hour.states, [events for events in status.last_hour.per_minute if events]


def start(dsn: str, *flags: str, output: int = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", "status", *flags],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": dsn, "TERM": "xterm"},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
    )


def shape(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The keys and the types of a JSON object."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    return type(value)


def test_the_slot_is_the_one_that_debezium_is_told_to_read() -> None:
    environment = {
        "DATABASE_HOST": "h",
        "DATABASE_NAME": "d",
        "DATABASE_PASSWORD": "p",
        "PUBSUB_PROJECT_ID": "p",
    }
    settings = read_configuration(ROOT / "debezium" / "application.properties", environment)
    assert settings["debezium.source.slot.name"] == CAPTURE_NAME


def test_an_operator_without_pg_monitor_sees_everything_but_the_log_on_disk(
    planted: Database,
) -> None:
    status = status_of(planted.operator_dsn)
    assert status.not_visible == ["log_bytes"]
    assert status.queues is not None
    assert {name: queue.waiting for name, queue in status.queues.items()} == {
        "events": 1,
        "paused": 1,
        "emails:immediate": 1,
        "emails:aggregated": 1,
    }
    assert (status.queues["events"].oldest_seconds or 0) >= 600
    assert status.last_hour is not None
    assert status.last_hour.states == {"completed": 3, "expired": 0, "unrouted": 0, "dead": 1}
    assert len(status.last_hour.per_minute) == 60
    assert sum(status.last_hour.per_minute) == max(status.last_hour.per_minute) == 4
    assert status.latency is not None
    assert status.latency.p50_seconds == pytest.approx(2)
    assert status.latency.p99_seconds == pytest.approx(2.98)
    assert status.slot is not None
    assert (status.slot.active, status.slot.wal_status) == (False, "reserved")
    assert (status.slot.kept_bytes or 0) >= (status.slot.lag_bytes or 0) >= 0
    assert 0 < (status.slot.left_bytes or 0) < 1.1 * 2**30
    assert 5 <= (status.heartbeat_seconds or 0) < 60
    assert status.dead_letters is not None
    assert [(f.fingerprint, f.letters, f.sample_event_id) for f in status.dead_letters.latest] == [
        ("f00d", 1, 4)
    ]
    assert "log on disk  not visible to this role" in screen(status)


def test_a_member_of_pg_monitor_sees_the_log_on_disk_too(planted: Database) -> None:
    status = status_of(planted.dsn)
    assert status.not_visible == []
    assert (status.log_bytes or 0) >= 16 * 2**20
    assert "not visible" not in screen(status)


@pytest.mark.parametrize(
    ("revoked", "part"),
    [
        ("SELECT ON public.fanout_queue FROM fanout_operator", "queues"),
        ("SELECT ON public.event_dead_letters FROM fanout_operator", "dead_letters"),
        ("SELECT ON public.fanout_heartbeat FROM fanout_operator", "heartbeat_seconds"),
        ("EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC", "slot"),
    ],
    ids=lambda given: given.split()[-1],
)
def test_a_part_that_is_not_visible_says_so_and_costs_no_other(
    planted: Database, revoked: str, part: str
) -> None:
    before = status_of(planted.operator_dsn)
    with planted.connect() as connection:
        connection.execute(f"REVOKE {revoked}".encode())
    status = status_of(planted.operator_dsn)
    assert status.not_visible == [
        name
        for name in ("queues", "slot", "heartbeat_seconds", "log_bytes", "dead_letters")
        if name in {part, "log_bytes"}
    ]
    assert getattr(status, part) is None
    assert screen(status).count("not visible to this role") == 2
    # Each bar is a minute, so they stand further to the left a minute later.
    assert (
        told(status)
        == told(before)
        == ({"completed": 3, "expired": 0, "unrouted": 0, "dead": 1}, [4])
    )


def test_a_graph_says_where_it_runs_and_is_missed_when_it_has_been_silent_for_5_minutes(
    planted: Database,
) -> None:
    def graph_last_seen(ago: str) -> str:
        with planted.connect() as connection:
            connection.execute(
                "UPDATE fanout.graphs SET last_seen_at = now() - %s::interval", [ago]
            )
        return screen(status_of(planted.operator_dsn))

    assert re.search(
        r"graphs  fanout seen (1[2-9]|[2-5]\d)\.\d s ago, runs for 1\.0 h, on one",
        screen(status_of(planted.operator_dsn)),
    )
    assert "no sign of life" not in graph_last_seen("4 minutes")
    assert "fanout: no sign of life for 6 min, last seen on one" in graph_last_seen("6 minutes")


def test_what_is_paused_is_shown_with_who_why_and_how_many_wait(planted: Database) -> None:
    shown = " ".join(screen(status_of(planted.operator_dsn)).split())
    assert "1 event paused, the oldest for 3 min" in shown
    assert "document_uploaded paused for" in shown
    assert "by ida: wrong links; 1 event waits" in shown
    with planted.connect() as connection:
        connection.execute(
            "UPDATE fanout.switches SET state = 'open', until = now() + interval '5 minutes'"
        )
    shown = " ".join(screen(status_of(planted.operator_dsn)).split())
    assert "document_uploaded, its breaker is open for" in shown
    assert "one is tried in" in shown
    with planted.connect() as connection:
        connection.execute(
            "DELETE FROM fanout.switches; DELETE FROM public.notification_processing"
            " WHERE processing_status = 'paused'"
        )
    assert "paused" not in screen(status_of(planted.operator_dsn))


def test_a_graph_that_never_ran_here_is_said_to_be_so(database: Database) -> None:
    status = status_of(database.operator_dsn)
    assert status.graphs == {}
    assert "graphs  fanout has never run here" in screen(status)


def test_the_screen_fits_80_columns_whatever_it_shows(planted: Database) -> None:
    with planted.connect() as connection:
        connection.execute(
            """
            INSERT INTO public.event_dead_letters
                (letter_key, event_id, stage, error_class, message, fingerprint)
            SELECT number::text, 9000000000000000000 + number, 'WriteOutcomes',
                'RejectedByDatabase', repeat('a long message ', 20), number::text
            FROM generate_series(1, 7) AS number
            """
        )
    status = status_of(planted.dsn)
    shown = screen(status)
    assert max(map(len, shown.splitlines())) <= 80
    assert "8 open, of 8 causes" in shown
    assert shown.count("RejectedByDatabase") == 5
    assert status.slot is not None
    assert "nobody has read the slot" in shown
    assert "nobody" not in screen(replace(status, slot=replace(status.slot, active=True)))
    assert "gone" in screen(replace(status, slot=replace(status.slot, wal_status="lost")))


def test_a_database_without_events_has_zeros_and_no_slot(database: Database) -> None:
    status = status_of(database.operator_dsn)
    assert status.queues is not None
    assert set(status.queues.values()) == {Queue(0, None)}
    assert (status.slot, status.heartbeat_seconds) == (None, None)
    shown = screen(status)
    for words in ("no slot fanout_events", "none yet", "none open", "no event completed"):
        assert words in shown
    assert shown.splitlines()[-1] == (
        "No events yet. To try it with sample people and events: python -m pipeline seed"
    )
    # The sample is of the fan-out.
    assert "seed" not in screen(replace(status, not_installed=("queues",)))


def test_where_there_are_events_or_nobody_can_tell_no_sample_is_offered(
    planted: Database,
) -> None:
    assert "seed" not in screen(status_of(planted.operator_dsn))
    with planted.connect() as connection:
        connection.execute("TRUNCATE public.domain_events CASCADE")
        assert "seed" in screen(status_of(planted.operator_dsn))
        connection.execute("REVOKE SELECT ON public.domain_events FROM fanout_operator")
    hidden = status_of(planted.operator_dsn)
    assert hidden.has_events is None
    assert "seed" not in screen(hidden)


def test_json_has_these_keys_and_no_others(planted: Database) -> None:
    output, errors = start(planted.dsn, "--json").communicate(timeout=30)
    assert errors == ""
    assert output.count("\n") == 1
    status = json.loads(output)
    assert shape(status) == KEYS
    assert shape(status["dead_letters"]["latest"][0]) == CAUSE_KEYS


def test_a_watch_goes_on_until_it_is_stopped(planted: Database) -> None:
    with start(planted.operator_dsn, "--json", "--watch", "0.1s") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        with planted.connect() as connection:
            connection.execute("INSERT INTO public.domain_events (event_type) VALUES ('b')")
        later = (json.loads(line)["queues"]["events"]["waiting"] for line in process.stdout)
        assert first["queues"]["events"]["waiting"] == 1
        assert next(waiting for waiting in later if waiting > 1) == 2
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(10) == 130


def read_until(output: int, words: str) -> str:
    """The output of a process up to these words."""
    # Bytes, since a piece may end within a character.
    read = b""
    deadline = time.monotonic() + 60
    while words.encode() not in read:
        left = max(0.0, deadline - time.monotonic())
        assert select([output], [], [], left)[0], f"{words!r} not in {read!r}"
        piece = os.read(output, 65_536)
        assert piece, f"it ended before {words!r}: {read!r}"
        read += piece
    return read.decode(errors="replace")


def test_a_watch_can_be_followed_through_a_pipe_and_is_ended_by_sigterm(planted: Database) -> None:
    with start(planted.operator_dsn, "--watch", "0.1s") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        read_until(process.stdout.fileno(), "1 event without a final state")
        with planted.connect() as connection:
            connection.execute("INSERT INTO public.domain_events (event_type) VALUES ('b')")
        read_until(process.stdout.fileno(), "2 events without a final state")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr.read() == ""


def test_a_watch_that_is_ended_leaves_the_terminal_as_it_was(planted: Database) -> None:
    ours, theirs = os.openpty()
    with start(planted.operator_dsn, "--watch", "0.1s", output=theirs) as process:
        shown = read_until(ours, "1 event without a final state")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        os.write(theirs, b"the end")
        shown += read_until(ours, "the end")
    os.close(ours)
    os.close(theirs)
    assert shown.rindex(SHOW_CURSOR) > shown.rindex(HIDE_CURSOR)


def test_a_watch_waits_for_a_server_that_is_away(planted: Database) -> None:
    with (
        Proxy(planted.operator_dsn) as proxy,
        start(proxy.dsn, "--watch", "0.1s") as process,
    ):
        assert process.stdout is not None
        read_until(process.stdout.fileno(), "1 event without a final state")
        proxy.cut_after(lambda: 0)
        read_until(process.stdout.fileno(), "; trying")
        proxy.cut_after(None)
        read_until(process.stdout.fileno(), "1 event without a final state")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_who_reads_no_further_ends_the_watch_without_a_word(planted: Database) -> None:
    for flags in (["--json"], []):
        with start(planted.operator_dsn, "--watch", "0.1s", *flags) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            read_until(process.stdout.fileno(), "states" if flags else "final state")
            process.stdout.close()
            assert process.wait(10) == 1
            assert process.stderr.read() == ""


def test_a_watch_without_a_pause_is_refused(database: Database) -> None:
    output, errors = start(database.operator_dsn, "--watch", "0s").communicate(timeout=30)
    assert (output, errors) == ("", "pipeline status: --watch needs a duration above zero\n")


@pytest.mark.parametrize("flag", ["--json", "--watch"])
def test_a_database_that_cannot_be_read_is_one_line_and_status_1(
    database: Database, flag: str
) -> None:
    process = start(f"{database.dsn}_is_gone", flag)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith("pipeline status: Postgres cannot be reached: ")
    assert errors.count("\n") == 1


def test_a_database_that_was_never_migrated_is_told_to_migrate(empty_database: Database) -> None:
    with pytest.raises(ConfigurationError, match="python -m pipeline migrate"):
        status_of(empty_database.dsn)


def test_control_the_operator_of_these_tests_is_no_member_of_pg_monitor(
    database: Database,
) -> None:
    with (
        psycopg.connect(database.operator_dsn) as operator,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        operator.execute("SELECT * FROM pg_ls_waldir()")


def test_an_event_at_infinity_spoils_no_figure(planted: Database) -> None:
    before = read_status(DatabaseSettings(dsn=planted.operator_dsn))
    with planted.connect() as connection:
        connection.execute(
            """
            WITH timeless AS (
                INSERT INTO domain_events (event_type, created_at)
                VALUES ('a', 'infinity'), ('a', '-infinity') RETURNING id, created_at
            )
            INSERT INTO notification_processing
                (event_id, processing_status, event_created_at, completed_at)
            SELECT id, 'completed', created_at, now() FROM timeless
            """
        )
    after = read_status(DatabaseSettings(dsn=planted.operator_dsn))
    assert after.latency == before.latency


def test_what_waits_from_the_future_is_said_to_be_from_there(planted: Database) -> None:
    status = status_of(planted.dsn)
    ahead = {"events": Queue(1, -7_200.0), "emails:immediate": Queue(1, -0.5)}
    shown = screen(replace(status, queues={**(status.queues or {}), **ahead}))
    assert "1 event without a final state, the oldest 2.0 h in the future" in shown
    assert "1 e-mail to be sent at once, the oldest for 0 ms" in shown


def test_locks_of_many_tables_take_a_part_of_the_time_for_all(database: Database) -> None:
    tables = (
        *("domain_events", "notification_processing", "event_dead_letters", "fanout_heartbeat"),
        *("fanout.graphs", "fanout.switches", "fanout.job_runs", "fanout.deliveries"),
        *("fanout.retention_marks", "fanout.calendar_grants"),
    )
    seconds = 6
    with database.connect() as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {', '.join(tables)}".encode())
        status = read_status(DatabaseSettings(dsn=database.operator_dsn), seconds=seconds)
    # A second for each of them would be too much.
    assert len(status.locked) > seconds
