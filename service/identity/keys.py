"""Public keys that somebody publishes: fetched once, and again when they have changed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import httpx2
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import Key, KeySet

from pipeline.domain.errors import TransientError
from pipeline.settings.urls import is_url

# A key that was withdrawn is refused after this; a new one is found at once, by its unknown id.
_FRESH_SECONDS: Final = 600.0
# While nobody answers, keys that are known stay in use for so long.
_USABLE_SECONDS: Final = 86_400.0
# Unknown ids of keys, and failures, cause no more than one request in this time.
_PAUSE_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 3.0
_DISCOVERY: Final = "/.well-known/openid-configuration"

_log: Final = logging.getLogger(__name__)


class PublicKeys:
    """The keys of one publisher, to be used in one event loop.

    Args:
        name: of the publisher, for an error.
        locate: returns the address of the keys.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        name: str,
        locate: Callable[[], Awaitable[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._locate = locate
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    async def find(self, key_id: str | None) -> Key | None:
        """Return a key; None if the publisher has none with this id.

        Raises:
            TransientError: the keys are not known, and nobody answers.
        """
        if self._age() > _FRESH_SECONDS:
            await self._refresh()
        key = self._known(key_id)
        if key is None:
            await self._refresh()
            key = self._known(key_id)
        if key is None and (self._keys is None or self._age() > _USABLE_SECONDS):
            raise TransientError(f"the keys of {self._name} cannot be read; try again")
        return key

    def _age(self) -> float:
        return self._clock() - self._fetched_at

    def _known(self, key_id: str | None) -> Key | None:
        if self._keys is None or self._age() > _USABLE_SECONDS:
            return None
        try:
            return self._keys.get_by_kid(key_id)
        except InvalidKeyIdError:
            return None

    async def _refresh(self) -> None:
        """Fetch the keys, unless that was tried a moment ago. A failure leaves what is known."""
        async with self._one_at_a_time:
            if self._clock() - self._tried_at < _PAUSE_SECONDS:
                return
            self._tried_at = self._clock()
            try:
                self._keys = KeySet.import_key_set(await fetch_json(await self._locate()))
            except (httpx2.HTTPError, JoseError, LookupError, TypeError, ValueError) as error:
                # Its text may hold the address.
                _log.warning("the keys of %s cannot be read: %s", self._name, type(error).__name__)
                return
            self._fetched_at = self._clock()


def at(url: str) -> Callable[[], Awaitable[str]]:
    """Return a function that locates keys at a fixed address."""

    async def locate() -> str:
        return url

    return locate


def discovered(issuer: str) -> Callable[[], Awaitable[str]]:
    """Return a function that asks an OIDC provider where its keys are."""

    async def locate() -> str:
        document = await fetch_json(issuer.rstrip("/") + _DISCOVERY)
        if document["issuer"] != issuer or not is_url(document["jwks_uri"], or_local=True):
            raise ValueError("this is the document of another provider")
        return str(document["jwks_uri"])

    return locate


async def fetch_json(url: str) -> Any:  # noqa: ANN401 - of others
    """Return the JSON document at an address. It is not redirected elsewhere."""
    async with httpx2.AsyncClient(timeout=_TIMEOUT_SECONDS) as client:
        answer = await client.get(url)
        answer.raise_for_status()
        return answer.json()
