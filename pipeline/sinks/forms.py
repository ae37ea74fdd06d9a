"""Record in which form messages arrive, for the command that narrows what is captured.

A message of an id alone shows that Debezium no longer routes payloads, and that this pipeline
runs, which understands such messages.
"""

import threading
import time
from collections.abc import Iterable
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import TransientError
from pipeline.domain.message import ID_ATTRIBUTE, REPLAY_ATTRIBUTE, Message
from pipeline.settings import DatabaseSettings

IDS: Final = "ids"
PAYLOADS: Final = "payloads"
EVERY_SECONDS: Final = 10.0

_RECORD: Final = load(__package__, "record_forms")

_lock: Final = threading.Lock()
_due: Final[dict[str, float]] = {}


def form_of(message: Message) -> str | None:
    """In which form change data capture sent a message; None for one that it did not send."""
    event_id = message.attributes.get(ID_ATTRIBUTE)
    if event_id is None or REPLAY_ATTRIBUTE in message.attributes:
        return None
    return IDS if message.data == event_id.encode() else PAYLOADS


def record_forms(settings: DatabaseSettings, messages: Iterable[Message]) -> None:
    """Note the forms of these messages in ``fanout.messages_seen``, each once in a while.

    Raises:
        ConfigurationError: the table is missing, or closed to us.
    """
    forms = sorted(_due_of({form for form in map(form_of, messages) if form is not None}))
    if not forms:
        return

    def record(connection: Connection[Any]) -> None:
        connection.execute(_RECORD, {"forms": forms})

    try:
        with_connection(settings, record)
    except TransientError:
        # Nothing depends on this one: the next is due soon, and events matter more.
        return


def leave_forms(settings: DatabaseSettings, messages: Iterable[Message]) -> None:
    """Note nothing: for a dry run."""


def _due_of(forms: set[str]) -> set[str]:
    now = time.monotonic()
    with _lock:
        due = {form for form in forms if _due.get(form, 0.0) <= now}
        _due.update(dict.fromkeys(due, now + EVERY_SECONDS))
    return due


def forget() -> None:
    """Record whatever comes next, however soon."""
    with _lock:
        _due.clear()
