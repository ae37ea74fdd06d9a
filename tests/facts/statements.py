"""See every statement that a connection sends."""

from typing import Any

import psycopg


def recording_cursor(statements: list[object]) -> type[psycopg.Cursor[Any]]:
    """A cursor that works as any other, and adds what it executes to ``statements``."""

    class RecordingCursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *parameters: Any, **options: Any) -> "RecordingCursor":  # noqa: ANN401 - psycopg's own
            statements.append(query)
            super().execute(query, *parameters, **options)
            return self

    return RecordingCursor
