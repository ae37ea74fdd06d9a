"""The results of the sample events, read from the tables that the application reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from local.demo.pushes import ShownPush, read_pushes
from local.demo.reactions import ShownReaction
from pipeline.fanout.outcome import FINAL

_PENDING: Final = """
    SELECT count(*) FROM unnest(%(events)s::bigint[]) AS event (id)
    WHERE NOT EXISTS (
        SELECT FROM notification_processing WHERE event_id = event.id
        AND processing_status = ANY (%(final)s)
    )
"""
_RECEIVED: Final = """
    SELECT coalesce(person.full_name, person.email), result.channel, result.what, result.detail
    FROM (
        SELECT user_id, event_id, 1 AS rank, 'in-app' AS channel, title AS what, body AS detail
        FROM notifications WHERE event_id = ANY (%(events)s)
        UNION ALL
        SELECT user_id, event_id, 2, 'e-mail', subject,
               CASE delivery_type WHEN 'immediate' THEN 'at once' ELSE 'in the next digest' END
        FROM pending_emails WHERE event_id = ANY (%(events)s)
    ) AS result
    JOIN profiles AS person ON person.id = result.user_id
    ORDER BY 1, result.rank, result.event_id
"""
_SKIPS: Final = """
    SELECT coalesce(person.full_name, person.email, decision.user_id::text),
           event.event_type,
           array_agg(DISTINCT CASE decision.channel WHEN 'email' THEN 'e-mail' ELSE 'in-app' END),
           decision.reason, count(DISTINCT event.id)
    FROM notification_decisions AS decision
    JOIN domain_events AS event ON event.id = decision.event_id
    LEFT JOIN profiles AS person ON person.id = decision.user_id
    WHERE event.id = ANY (%(events)s) AND decision.reason <> 'counted'
    GROUP BY 1, 2, decision.reason
    ORDER BY 1, 2, decision.reason
"""
_SET_ASIDE: Final = """
    SELECT ledger.event_id, ledger.event_type, ledger.processing_status,
           coalesce(letter.message, ledger.reason)
    FROM notification_processing AS ledger
    LEFT JOIN event_dead_letters AS letter USING (event_id)
    WHERE ledger.event_id = ANY (%(events)s) AND ledger.processing_status <> 'completed'
    ORDER BY ledger.event_id
"""
_RUNS: Final = """
    SELECT job, emitted::int FROM fanout.job_runs WHERE state = 'done' ORDER BY job
"""
_MAIL_IS_ON: Final = "SELECT count(*) FROM fanout.channels WHERE channel = 'email'"
_UNSENT: Final = """
    SELECT count(*) FROM pending_emails
    WHERE delivery_type = 'immediate' AND status IN ('pending', 'processing')
"""
_FIRST_SENT: Final = """
    SELECT delivery.provider_id
    FROM fanout.deliveries AS delivery JOIN pending_emails AS email ON email.id::text = source_id
    WHERE delivery.state = 'done' AND delivery.source = 'pending_emails'
    ORDER BY email.event_id, email.id LIMIT 1
"""
_EMITTED: Final = "SELECT id FROM domain_events WHERE id <> ALL (%(events)s) ORDER BY id"
_LATENCIES: Final = """
    SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY completed_at - event_created_at),
           max(completed_at - event_created_at)
    FROM notification_processing
    WHERE event_id = ANY (%(events)s)
"""


@dataclass(frozen=True, slots=True)
class Received:
    """One notification or e-mail that one person got."""

    person: str
    channel: str
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class SkipCount:
    """One person's skips of one event type for one reason: the channels and the number."""

    person: str
    event_type: str
    channels: Sequence[str]
    reason: str
    events: int


@dataclass(frozen=True, slots=True)
class SetAside:
    """One event that led to no notification: ``status`` is dead, unrouted or expired."""

    event_id: int
    event_type: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobDone:
    """One run of a scheduled job, and how many events it wrote."""

    job: str
    emitted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SentMail:
    """One of the mails that were sent.

    Attributes:
        of: how many were sent in all.
        to: its recipient.
        text: as the recipient reads it.
        page: the file with its HTML.
    """

    of: int
    to: str
    subject: str
    text: str
    page: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All results of the sample events."""

    received: Sequence[Received]
    skips: Sequence[SkipCount]
    set_aside: Sequence[SetAside]
    jobs: Sequence[JobDone]
    mail: SentMail
    pushes: Sequence[ShownPush]
    reaction: ShownReaction
    median: timedelta
    worst: timedelta


def count_pending(connection: psycopg.Connection[Any], events: Sequence[int]) -> int:
    """Count the events that have no final state in the ledger yet."""
    asked = {"events": list(events), "final": [status.value for status in FINAL]}
    row = connection.execute(_PENDING, asked).fetchone()
    return int(row[0]) if row else len(events)


def read_jobs(connection: psycopg.Connection[Any]) -> list[JobDone]:
    """Read the runs of scheduled jobs that are done."""
    return [JobDone(*row) for row in connection.execute(_RUNS)]


def read_emitted(connection: psycopg.Connection[Any], events: Sequence[int]) -> list[int]:
    """Return the events that are not among these: those that the jobs wrote."""
    found = connection.execute(_EMITTED, {"events": list(events)})
    return [event for (event,) in found]


def is_mail_on(connection: psycopg.Connection[Any]) -> bool:
    """Return whether the graph of mail has begun: what is written from now on is sent."""
    return connection.execute(_MAIL_IS_ON).fetchone() == (1,)


def count_unsent(connection: psycopg.Connection[Any]) -> int:
    """Count the mails that are to be sent at once and are not sent yet."""
    row = connection.execute(_UNSENT).fetchone()
    return int(row[0]) if row else 0


def first_sent(connection: psycopg.Connection[Any]) -> str:
    """Return what the provider calls the mail of the first event; empty: none was sent."""
    row = connection.execute(_FIRST_SENT).fetchone()
    return str(row[0]) if row else ""


def read_results(
    connection: psycopg.Connection[Any],
    events: Sequence[int],
    mail: SentMail,
    reaction: ShownReaction,
) -> Results:
    """Read all results of these events. Every event must have its final state."""
    asked = {"events": list(events)}
    median, worst = connection.execute(_LATENCIES, asked).fetchall()[0]
    return Results(
        received=[Received(*row) for row in connection.execute(_RECEIVED, asked)],
        skips=[SkipCount(*row) for row in connection.execute(_SKIPS, asked)],
        set_aside=[SetAside(*row) for row in connection.execute(_SET_ASIDE, asked)],
        jobs=read_jobs(connection),
        mail=mail,
        pushes=read_pushes(connection),
        reaction=reaction,
        median=median,
        worst=worst,
    )
