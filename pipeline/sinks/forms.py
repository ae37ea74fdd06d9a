"""Record the form in which messages arrive, for the command ``capture``.

A message that holds only an id shows that Debezium no longer sends payloads, and that this version
of the pipeline runs: older versions do not understand such messages.
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
    """Return the form of a message; None if change data capture did not send it."""
    event_id = message.attributes.get(ID_ATTRIBUTE)
    if event_id is None or REPLAY_ATTRIBUTE in message.attributes:
        return None
    return IDS if message.data == event_id.encode() else PAYLOADS


def record_forms(settings: DatabaseSettings, messages: Iterable[Message]) -> None:
    """Record the forms of messages in ``fanout.messages_seen``, each form every 10 seconds.

    Raises:
        ConfigurationError: the table is missing, or its rights are.
    """
    forms = sorted(_due_of({form for form in map(form_of, messages) if form is not None}))
    if not forms:
        return

    def record(connection: Connection[Any]) -> None:
        connection.execute(_RECORD, {"forms": forms})

    try:
        with_connection(settings, record)
    except TransientError:
        # Events must not wait for this. The next record is due soon.
        return


def ignore_forms(settings: DatabaseSettings, messages: Iterable[Message]) -> None:
    """Record nothing. A dry run uses this."""


def _due_of(forms: set[str]) -> set[str]:
    now = time.monotonic()
    with _lock:
        due = {form for form in forms if _due.get(form, 0.0) <= now}
        _due.update(dict.fromkeys(due, now + EVERY_SECONDS))
    return due


def forget() -> None:
    """Forget when the forms were recorded, so that the next call records them."""
    with _lock:
        _due.clear()
