"""Figures of the ledger with every part, for tests of what is made of them."""

from datetime import UTC, datetime
from typing import Final

from pipeline.ops.jobs.read import JobSeen
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.metrics.figures import (
    CaptureLag,
    FailuresSeen,
    LedgerFigures,
    PerMinute,
    ReplaysSeen,
)
from pipeline.ops.push.figures import ChannelFigures
from pipeline.ops.reactions.figures import ReactionFigures
from pipeline.ops.status.figures import GraphSeen, Latency, Pipeline, SlotFigures, SwitchSeen

GRAPH: Final = GraphSeen(last_seen_seconds=1, started_seconds=2, version="1", host="h")
SWITCH: Final = SwitchSeen(
    state="paused", who="w", reason=None, since_seconds=1, until_seconds=None, waiting=2
)
SLOT: Final = SlotFigures(
    active=True,
    wal_status="reserved",
    lag_bytes=1,
    kept_bytes=2,
    left_bytes=3,
    inactive_seconds=4.0,
    invalidation_reason=None,
    synced=False,
)
MAILS: Final = MailFigures(
    waiting=3,
    oldest_seconds=None,
    stuck=1,
    held=0,
    sent_last_hour=5,
    seconds_to_send=0.5,
    failed_last_hour=2,
    expired_last_hour=0,
)
JOB: Final = JobSeen(
    name="retention",
    summary="",
    cron="* * * * *",
    zone="UTC",
    schedule="",
    next_at=datetime(2026, 3, 2, tzinfo=UTC),
    overdue=False,
    done_at=None,
    done_seconds=1.0,
    waiting=0,
    paused_by=None,
    paused_since=None,
    last=None,
)
PUSHES: Final = {
    "fcm": ChannelFigures(
        waiting=4,
        later=1,
        oldest_seconds=None,
        stuck=2,
        held_back=3,
        in_digest=5,
        sent_last_hour=6,
        failed_last_hour=7,
        expired_last_hour=8,
    )
}
REACTIONS: Final = ReactionFigures(
    waiting=11,
    unseen=1,
    due=2,
    oldest_seconds=None,
    stuck=3,
    retried=4,
    paused=5,
    unrouted=6,
    dead=7,
    done_last_hour=8,
    dead_last_hour=9,
    p50_seconds=0.5,
    unrouted_types={"order.shipped": 6},
    unrouted_kinds=1,
)
WHOLE: Final = LedgerFigures(
    per_minute=[PerMinute(None, "dead", 1, 2, 3)],
    latency=Latency(0.1, 0.2, 0.3),
    pipeline=Pipeline(
        waiting=1, oldest_seconds=None, passed_over=0, done_seconds=None, versions=()
    ),
    emails={"immediate": 1},
    failures={"InvalidEvent": FailuresSeen(2, 1)},
    slot=[SLOT],
    capture=CaptureLag(1.0, None),
    graphs={"fanout": GRAPH},
    jobs=[JOB],
    mails=MAILS,
    pushes=PUSHES,
    reactions=REACTIONS,
    switches={"document_uploaded": SWITCH},
    replays=ReplaysSeen(0, 1.0),
    unread=0,
)
