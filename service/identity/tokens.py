"""Recognises API tokens by their hash in the database."""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import anyio
import anyio.to_thread

from pipeline.ops.tokens.read import holder_of
from pipeline.ops.tokens.secret import digest, is_token
from pipeline.settings import DatabaseSettings
from service.identity.caller import Caller, Means

# Connections and threads of their own: a slow question holds up no other caller at the door.
_CONNECTIONS: Final = 2
_RETRY_FOR: Final = timedelta(seconds=2)
_STATEMENT_TIMEOUT: Final = timedelta(seconds=3)


class TokenRecogniser:
    """Says whose token a text is.

    Args:
        database: with the login of a viewer.
    """

    def __init__(self, database: DatabaseSettings) -> None:
        self._database = replace(
            database,
            pool_size=_CONNECTIONS,
            retry_for=_RETRY_FOR,
            statement_timeout=_STATEMENT_TIMEOUT,
        )
        self._threads = anyio.CapacityLimiter(_CONNECTIONS)

    async def __call__(self, text: str) -> Caller | None:
        """Return the holder of a token; None if it is unknown, expired or revoked.

        Raises:
            TransientError: the database does not answer.
        """
        if not is_token(text):
            return None
        holder = await anyio.to_thread.run_sync(
            partial(holder_of, self._database, digest(text)), limiter=self._threads
        )
        if holder is None:
            return None
        return Caller(name=holder.name, scopes=holder.scopes, means=Means.TOKEN)
