"""Uploads that a test gives a stream, and what became of them."""

from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1


def upload(stage: Stage) -> int:
    """Insert an upload; return its id."""
    return stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1, resource_id=R1)


def insert_uploads(stage: Stage, number: int) -> None:
    """Insert uploads with one statement."""
    stage.execute(
        "INSERT INTO domain_events (event_type, actor_id, project_id, resource_id)"
        " SELECT 'document_uploaded', %s, %s, %s FROM generate_series(1, %s)",
        U1, P1, R1, number,
    )  # fmt: skip


def completed(stage: Stage) -> set[int]:
    """Return the completed events."""
    return {event for event, status in stage.ledger().items() if status == "completed"}


def wait_for(stage: Stage, events: set[int]) -> None:
    """Return when these events are completed."""
    wait_until(lambda: events <= completed(stage), seconds=30, what=f"{events} are completed")


def insert_poison(stage: Stage, payload: str, created_at: str) -> int:
    """Insert an upload with any payload and time; return its id."""
    rows = stage.rows(
        "INSERT INTO domain_events"
        " (event_type, payload, created_at, actor_id, project_id, resource_id)"
        " VALUES ('document_uploaded', %s::jsonb, %s::timestamptz, %s, %s, %s) RETURNING id",
        payload, created_at, U1, P1, R1,
    )  # fmt: skip
    return int(rows[0][0])


def wait_for_letters(stage: Stage, number: int) -> None:
    """Return when there are so many dead letters."""
    wait_until(
        lambda: stage.rows("SELECT count(*) FROM event_dead_letters") == [(number,)],
        seconds=20,
        what=f"{number} dead letters are written",
    )
