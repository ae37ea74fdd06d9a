"""Notes of endpoints: that they take webhooks, or are gone."""

import logging
from collections.abc import Sequence
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load

_WORKED: Final = load(__package__, "note_working_endpoints")
_DISABLE: Final = load(__package__, "disable_endpoints")
_log: Final = logging.getLogger(__name__)


def note_working(connection: Connection[Any], recipients: Sequence[str]) -> None:
    """Note that endpoints took a webhook."""
    connection.execute(_WORKED, {"ids": list(recipients)})


def disable_gone(connection: Connection[Any], recipients: Sequence[str]) -> None:
    """Disable endpoints that say of themselves that they are gone."""
    for (name,) in connection.execute(_DISABLE, {"ids": list(recipients)}).fetchall():
        _log.warning("the webhook endpoint %s answered 410: it is disabled", name)
