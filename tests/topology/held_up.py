"""A pause of the stream at an exact instant: it has sent a statement that is not answered yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.deadline import wait_until
from tests.golden.stage import Stage

_WAITING: Final = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@contextmanager
def writes_held_up(stage: Stage) -> Iterator[None]:
    """Until the block ends, whoever writes a notification waits."""
    with stage.database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE notifications IN SHARE MODE")
        yield


def wait_until_a_write_is_held_up(stage: Stage) -> None:
    """Return while somebody waits to write."""
    wait_until(lambda: stage.rows(_WAITING) != [(0,)], seconds=60, what="a write is held up")
