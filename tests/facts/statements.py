"""Records every statement that a connection sends."""

from typing import Any, Final

import psycopg

from pipeline.clients.postgres.sql import load

_SETTINGS: Final = load("pipeline.clients.postgres", "apply_settings")


def recording_cursor(statements: list[object]) -> type[psycopg.Cursor[Any]]:
    """Make a cursor class that also adds each statement to ``statements``.

    The settings that a session applies at its start are left out.
    """

    class RecordingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *parameters: Any, **options: Any) -> "RecordingCursor":  # noqa: ANN401 - psycopg's own
            if query != _SETTINGS:
                statements.append(query)
            super().execute(query, *parameters, **options)
            return self

    return RecordingCursor
