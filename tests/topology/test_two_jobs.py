"""An old job is drained beside the new one: both read one subscription, events count once."""

import json
import re
from pathlib import Path

from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1, U2, U4
from tests.streams import Broker, Stream

EVENTS = 600


def insert(stage: Stage) -> list[int]:
    rows = stage.rows(
        "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
        " SELECT 'document_uploaded', %s, %s, %s FROM generate_series(1, %s) RETURNING id",
        U1, P1, R1, EVENTS,
    )  # fmt: skip
    return [row[0] for row in rows]


def old_message(event_id: int) -> Message:
    """A message of an earlier release, with the row in it."""
    body = {"type": "document_uploaded", "payload": None, "created_at": "2026-01-01T00:00:00Z"}
    return Message(
        json.dumps(body).encode(), {"id": str(event_id), "event_type": "document_uploaded"}
    )


def acknowledged(stream: Stream) -> int:
    found = re.search(r"stopped; (\d+) acknowledged", stream.log)
    assert found
    return int(found[1])


def test_two_jobs_on_one_subscription_tell_each_event_once(
    stage: Stage, events: Broker, tmp_path: Path
) -> None:
    ids = insert(stage)
    one = Stream(events, stage.database.writer_dsn, tmp_path / "one")
    other = Stream(events, stage.database.writer_dsn, tmp_path / "other")
    with one, other:
        # Old and new messages of the same events, a few at a time, so that both jobs get some.
        for start in range(0, EVENTS, 20):
            some = ids[start : start + 20]
            events.publish([*map(old_message, some), *stage.messages(*some)])
        wait_until(
            lambda: list(stage.ledger().values()) == ["completed"] * EVENTS,
            seconds=60,
            what="all are completed",
        )
        wait_until(events.is_drained, seconds=60, what="nothing is left to acknowledge")
        assert one.stop() == other.stop() == 0
    assert acknowledged(one) + acknowledged(other) >= 2 * EVENTS
    assert min(acknowledged(one), acknowledged(other)) > 0, "one of them got nothing"
    told = [(row.event, row.user) for row in stage.notifications()]
    assert sorted(told) == sorted((event, user) for event in ids for user in (U2, U4))
