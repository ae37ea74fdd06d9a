"""The look of ``/ready``, over a connection of its own."""

from collections.abc import Collection
from typing import Final

import psycopg

from pipeline.clients.postgres.errors import classify
from pipeline.clients.postgres.watchdog import WATCHDOG
from pipeline.ops.doctor.installation import Installation, Unreachable
from pipeline.ops.ready.look import (
    CONNECT_SECONDS,
    LOOK_SECONDS,
    SESSION,
    Readiness,
    look,
    unreachable,
)
from pipeline.settings import CaptureNames, DatabaseSettings

_SEE_LOG: Final = "see the server's log"


class ReadinessLook:
    """Looks at the installation whenever it is called, from one thread.

    It keeps its connection, which no other work can take away. A connection that was lost says
    nothing about the server by itself, so it is opened once more.
    """

    def __init__(
        self, database: DatabaseSettings, names: CaptureNames, graphs: Collection[str]
    ) -> None:
        self._database = database
        self._names = names
        self._graphs = graphs
        self._kept: Installation | None = None

    def __call__(self) -> Readiness:
        """Look once."""
        if self._kept is not None:
            try:
                return self._look(self._kept)
            except (Unreachable, psycopg.Error):
                self._forget()
        self._kept = Installation(
            database=self._database,
            names=self._names,
            session=SESSION,
            connect_seconds=CONNECT_SECONDS,
        )
        try:
            return self._look(self._kept)
        except Unreachable as error:
            self._forget()
            return unreachable(error.refusal.words, error.refusal.fix)
        except psycopg.Error as error:
            self._forget()
            return unreachable(str(classify(error)), _SEE_LOG)

    def _look(self, installation: Installation) -> Readiness:
        with WATCHDOG.watch(installation.connection(), LOOK_SECONDS):
            return look(installation, self._graphs)

    def close(self) -> None:
        """Close the connection. To be called from the thread that looks."""
        self._forget()

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._kept = None
