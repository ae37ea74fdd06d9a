"""``/metrics``: true figures under few names, for a caller who may read."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from pipeline.ops.metrics.figures import FailuresSeen, LedgerFigures, PerMinute
from service.identity.caller import Scope
from service.observe.ledger import MOST_CLASSES, families
from tests.databases import Database
from tests.service.asking import bearer, token
from tests.service.serving import serving
from tests.service.whole import GRAPH, MAILS, SWITCH, WHOLE

# Few, so that nobody can add series: not a person, an event, a cause or a host.
LABELS: Final = {"type", "channel", "provider", "outcome", "graph", "job", "route", "le"}
NAME: Final = re.compile("fanout_[a-z0-9]+(_[a-z0-9]+)*")

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    """Every value of an exposition, by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: Mapping[Sample, float], name: str, **labels: str) -> float | None:
    return found.get((f"fanout_{name}", tuple(sorted(labels.items()))))


def plant(database: Database) -> None:
    """One of everything that is counted."""
    with database.connect() as connection:
        for event_type, state, emails in (
            ("document_uploaded", "completed", 1),
            ("document_uploaded", "dead", 0),
            ("moon_rose", "unrouted", 0),
            ("sun_set", "unrouted", 0),
            ("meeting_invited", "paused", 0),
        ):
            connection.execute(
                "WITH event AS (INSERT INTO domain_events (event_type, created_at)"
                " VALUES (%(type)s, now() - interval '3 minutes') RETURNING id, created_at)"
                " INSERT INTO notification_processing (event_id, event_type, processing_status,"
                " event_created_at, completed_at, notifications, emails, processor_id, paused_at)"
                " SELECT id, %(type)s, %(state)s, created_at,"
                " CASE WHEN %(state)s <> 'paused' THEN created_at + interval '2 seconds' END,"
                " 5, %(emails)s, 'fanout', CASE WHEN %(state)s = 'paused' THEN now() END"
                " FROM event",
                {"type": event_type, "state": state, "emails": emails},
            )
        connection.execute(
            """
            INSERT INTO domain_events (event_type, created_at)
                VALUES ('meeting_invited', now() - interval '10 minutes');
            INSERT INTO event_dead_letters
                (letter_key, stage, error_class, message, fingerprint)
                VALUES ('a', 'Decode', 'InvalidEvent', 'm', 'f1'),
                    ('b', 'Decode', 'InvalidEvent', 'm', 'f2'),
                    ('c', 'Decide', 'HandlerFailed', 'm', 'f3');
            INSERT INTO fanout.graphs (graph, started_at, last_seen_at, version, host)
                VALUES ('fanout', now(), now() - interval '7 seconds', '1', 'secret-host');
            INSERT INTO fanout.switches (name, state) VALUES
                ('meeting_invited', 'paused'), ('user.verified', 'paused');
            INSERT INTO fanout_replays (id, selector, planned)
                VALUES (gen_random_uuid(), '{}', 1);
            INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by)
                VALUES ('retention', now(), now(), 'tick');
            INSERT INTO fanout_heartbeat (beat_at) VALUES (now() - interval '4 seconds');
            """
        )


def test_the_figures_are_those_of_the_ledger(database: Database, tmp_path: Path) -> None:
    plant(database)
    with serving(database.viewer_dsn, tmp_path / "log") as served:
        assert served.client.get("/metrics").status_code == 401
        blind = served.client.get("/metrics", headers=bearer(token(database, "o", Scope.OPERATE)))
        assert blind.status_code == 403
        reads = bearer(token(database, "r", Scope.READ))
        answer = served.client.get("/metrics", headers=reads)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert "secret-host" not in answer.text
        found = samples(answer.text)
        reasons = served.client.get("/ready", headers=reads).json()["reasons"]
        for number in range(3):
            # A path and a method that nobody knows are no series of their own.
            served.client.request(f"WORD{number}", "/health")
            served.client.get(f"/nowhere/{number}", headers=reads)
        again = samples(served.client.get("/metrics", headers=reads).text)
        modern = served.client.get(
            "/metrics", headers=reads | {"Accept": "application/openmetrics-text; version=1.0.0"}
        )
    assert reasons.keys() >= {"slot", "events"}
    assert re.match(r"1 event waits, the oldest for 1\d min", reasons["events"]["seen"])
    assert modern.headers["Content-Type"].startswith("application/openmetrics-text")
    assert modern.text.endswith("# EOF\n")

    assert value(found, "up") == 1
    assert value(found, "ready") == 0  # nobody reads a slot here
    assert value(found, "figures_unread") == 0
    assert value(found, "events_per_minute", type="document_uploaded", outcome="completed") == 0.2
    assert value(found, "events_per_minute", type="document_uploaded", outcome="dead") == 0.2
    # Two types that nobody knows are one.
    assert value(found, "events_per_minute", type="other", outcome="unrouted") == 0.4
    told = partial(value, found, "notifications_per_minute", type="document_uploaded")
    assert (told(channel="email"), told(channel="in_app")) == (0.2, 2)
    assert value(found, "latency_p99_seconds") == 2
    assert value(found, "events_waiting") == 1
    assert 600 <= (value(found, "oldest_event_seconds") or 0) < 660
    assert value(found, "dead_letters_open", outcome="InvalidEvent") == 2
    assert value(found, "dead_letter_causes", outcome="HandlerFailed") == 1
    assert value(found, "slot_readers") == 0
    assert 4 <= (value(found, "heartbeat_seconds") or 0) < 60
    assert 7 <= (value(found, "graph_silent_seconds", graph="fanout") or 0) < 60
    assert value(found, "job_runs_waiting", job="retention") == 1
    for name in ("meeting_invited", "user.verified"):
        assert value(found, "switches_set", type=name, outcome="paused") == 1
    assert value(found, "events_paused", type="meeting_invited") == 1
    assert value(found, "replays_running") == 1
    assert found[("process_resident_memory_bytes", ())] > 1e7
    # What was refused is counted as well: before the route was looked for, or by the route.
    assert value(again, "http_requests_total", route="none", outcome="401") == 1
    assert value(again, "http_requests_total", route="GET /metrics", outcome="403") == 1
    assert value(again, "http_requests_total", route="GET /metrics", outcome="200") == 1
    assert value(again, "http_request_seconds_count", route="GET /metrics") == 2
    assert value(again, "http_requests_total", route="none", outcome="405") == 3
    assert value(again, "http_requests_total", route="none", outcome="404") == 3


def series(of: LedgerFigures) -> dict[Sample, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families(of)
        for sample in family.samples
    }


def test_names_and_labels_are_those_that_were_agreed() -> None:
    found = series(WHOLE)
    assert len(found) > 20
    for name, labels in found:
        assert NAME.fullmatch(name), name
        assert dict(labels).keys() <= LABELS, labels


def test_mails_have_the_figures_of_status() -> None:
    found = series(WHOLE)
    assert value(found, "mails_waiting") == 3
    assert value(found, "oldest_mail_seconds") == 0
    assert value(found, "mails_stuck") == 1
    assert value(found, "mails_failed_last_hour") == 2
    assert value(found, "mail_seconds_to_send") == 0.5
    quiet = series(replace(WHOLE, mails=replace(MAILS, seconds_to_send=None)))
    assert value(quiet, "mail_seconds_to_send") is None


def test_pushes_have_the_figures_of_status_by_channel() -> None:
    found = series(WHOLE)
    for name, figure in (
        ("pushes_waiting", 4),
        ("pushes_later", 1),
        ("oldest_push_seconds", 0),
        ("pushes_stuck", 2),
        ("pushes_held_back", 3),
        ("pushes_in_digest", 5),
        ("pushes_sent_last_hour", 6),
        ("pushes_failed_last_hour", 7),
        ("pushes_expired_last_hour", 8),
    ):
        assert value(found, name, channel="fcm") == figure, name


def test_reactions_have_the_figures_of_status_and_no_series_for_a_type_that_a_row_names() -> None:
    found = series(WHOLE)
    for name, figure in (
        ("waiting", 11),
        ("due", 2),
        ("stuck", 3),
        ("retried", 4),
        ("paused", 5),
        ("unrouted", 6),
        ("dead", 7),
        ("done_last_hour", 8),
        ("dead_last_hour", 9),
    ):
        assert value(found, f"reactions_{name}") == figure, name
    assert value(found, "oldest_reaction_seconds") == 0
    assert value(found, "reaction_p50_seconds") == 0.5
    assert not [each for each in found if "order.shipped" in str(each)]


def test_no_producer_and_no_row_can_add_series() -> None:
    strange = [PerMinute(f"type_{n}", "unrouted", 1, 0, 0) for n in range(1_000)]
    found = series(
        replace(
            WHOLE,
            per_minute=strange,
            failures={f"Error{n}": FailuresSeen(n, 1) for n in range(1_000)},
            graphs={f"graph_{n}": GRAPH for n in range(1_000)},
            switches={f"switch_{n}": SWITCH for n in range(1_000)},
        )
    )
    assert len(found) < 100
    assert value(found, "events_per_minute", type="other", outcome="unrouted") == 1_000
    assert value(found, "dead_letters_open", outcome="other") == sum(range(1_000 - MOST_CLASSES))
    assert value(found, "switches_set", type="other", outcome="paused") == 1_000


def test_a_part_that_could_not_be_read_has_no_series_and_no_zero() -> None:
    empty = LedgerFigures(
        **dict.fromkeys(set(LedgerFigures.__slots__) - {"unread"}),
        unread=11,
    )
    assert series(empty) == {("fanout_figures_unread", ()): 11}
    # A slot that does not exist was looked for.
    assert value(series(replace(WHOLE, slot=[])), "slot_readers") == 0
