"""A pause of a process at an exact instant: it has sent a statement that is not answered yet."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.deadline import wait_until
from tests.golden.stage import Stage

_WAITING: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)

_LOCK: Final = 13
_GATE: Final = f"""
    CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({_LOCK});
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER wait_at_the_gate BEFORE INSERT ON notification_processing
    FOR EACH ROW WHEN (NEW.event_id >= %s) EXECUTE FUNCTION wait_at_the_gate();
"""


@contextmanager
def writes_held_up(stage: Stage) -> Iterator[None]:
    """Until the block ends, whoever writes a notification waits."""
    with stage.database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE notifications IN SHARE MODE")
        yield


def wait_until_a_write_is_held_up(stage: Stage) -> None:
    """Return while somebody waits to write."""
    wait_until(lambda: stage.rows(_WAITING) != [(0,)], seconds=60, what="a write is held up")


@contextmanager
def writes_held_up_from(stage: Stage, event: int) -> Iterator[None]:
    """Until the block ends, whoever writes the ledger row of this event or a later one waits."""
    stage.execute(_GATE % event)
    with stage.database.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield


def wait_until_it_heard(process: int, number: signal.Signals = signal.SIGTERM) -> None:
    """Return when a process has begun to stop: a second signal would then have its usual effect."""
    status = Path(f"/proc/{process}/status")

    def is_caught() -> int:
        caught = status.read_text().partition("SigCgt:")[2].split()[0]
        return int(caught, 16) >> (number - 1) & 1

    wait_until(lambda: not is_caught(), seconds=60, what="the process hears the signal")
