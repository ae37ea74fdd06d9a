"""Recognises a caller by what they send, and remembers each answer for a few seconds."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from cachetools import TTLCache

from pipeline.domain.errors import TransientError
from service.identity.caller import Caller, Means

# A revoked token stops within 10 s: after this, and the time of a look-up.
KEPT_SECONDS: Final = 3.0
_KEPT: Final = 10_000
# Who was recognised a while ago is asked for again without being counted as a stranger.
_TRUSTED_SECONDS: Final = 3600.0
_AT_ONCE: Final = 64


@dataclass(frozen=True, slots=True)
class Credential:
    """What a caller sent to prove who they are.

    Attributes:
        means: what kind it is.
        text: the token itself. Kept out of ``repr``, and never stored.
    """

    means: Means
    text: str

    def __repr__(self) -> str:
        return f"Credential({self.means})"

    @property
    def key(self) -> bytes:
        """A hash under which the answer is remembered."""
        return hashlib.sha256(f"{self.means} {self.text}".encode()).digest()


class Recogniser(Protocol):
    """Says who sent a credential of one kind."""

    async def __call__(self, text: str) -> Caller | None:
        """Return who sent it; None if it proves nothing.

        Raises:
            TransientError: nobody can say for now.
        """


class Recognition:
    """Asks the recogniser of a credential once every few seconds, however often it is sent.

    A refusal is remembered too, so that a wrong token that is sent again and again costs nothing.
    To be used in one event loop.

    Args:
        recognisers: what recognises each kind of credential.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        recognisers: Mapping[Means, Recogniser],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognisers = recognisers
        self._known: TTLCache[bytes, Caller | None] = TTLCache(_KEPT, KEPT_SECONDS, timer=clock)
        self._trusted: TTLCache[bytes, None] = TTLCache(_KEPT, _TRUSTED_SECONDS, timer=clock)
        self._asked: dict[bytes, asyncio.Task[Caller | None]] = {}

    def trusts(self, credential: Credential) -> bool:
        """Return whether a credential was good when it was last asked for."""
        return credential.key in self._trusted

    def is_asking(self, credential: Credential) -> bool:
        """Return whether a credential is being asked for now, so that once more costs nothing."""
        return credential.key in self._asked

    async def caller(self, credential: Credential) -> Caller | None:
        """Return who sent a credential; None if it proves nothing.

        Raises:
            TransientError: nobody can say for now.
        """
        key = credential.key
        try:
            # Not first asked whether it is there: it could expire in between.
            known: Caller | None = self._known[key]
        except KeyError:
            return await self._ask(key, credential)
        return known

    async def _ask(self, key: bytes, credential: Credential) -> Caller | None:
        asking = self._asked.get(key)
        if asking is None:
            if len(self._asked) >= _AT_ONCE:
                raise TransientError("too many new callers at once; try again")
            recogniser = self._recognisers[credential.means]
            asking = self._asked[key] = asyncio.ensure_future(recogniser(credential.text))
            asking.add_done_callback(lambda _: self._asked.pop(key, None))
        # One caller who gives up does not end the look-up that others wait for.
        caller = await asyncio.shield(asking)
        self._known[key] = caller
        if caller is None:
            self._trusted.pop(key, None)
        else:
            self._trusted[key] = None
        return caller
