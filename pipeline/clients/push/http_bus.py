"""What the protocols of the websocket bus share: a signal in, one request, a result out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pipeline.clients.http_answers import json_object
from pipeline.clients.posting import HttpAnswer, HttpPoster
from pipeline.clients.provider_secret import provider_secret
from pipeline.clients.push.bus_answers import bus_failure
from pipeline.clients.push.message import BusSignal
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.provider_answer import ProviderReply, Result
from pipeline.settings.push import BusSettings, is_bus_token


@dataclass(frozen=True, slots=True, kw_only=True)
class BusRequest:
    """What is posted to a bus: the path, the body, and the headers with the token."""

    path: str
    body: bytes
    headers: Mapping[str, str] = field(repr=False)


class HttpBus(ABC):
    """A bus that is told by HTTP. Safe to use from several threads."""

    name = "bus"

    def __init__(self, settings: BusSettings, *, connections: int, clock: Clock = utc_now) -> None:
        self._settings = settings
        self._clock = clock
        self._http = HttpPoster(settings.url, settings.timeout, connections=connections)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, message: BusSignal) -> ProviderReply:
        """Signal once; see ``PushClient``."""
        return ProviderReply(results=(self._send(message),))

    def _send(self, message: BusSignal) -> Result:
        settings = self._settings
        token = provider_secret(settings.token, settings.token_secret, "token", is_bus_token)
        if not isinstance(token, str):
            return token
        request = self._request(message, token)
        answer = self._http.post(request.path, request.body, request.headers)
        if not isinstance(answer, HttpAnswer):
            return answer
        failure = bus_failure(answer, self._clock())
        return failure or self._result(json_object(answer.body), message)

    @abstractmethod
    def _request(self, message: BusSignal, token: str) -> BusRequest:
        """Return what is posted for a signal."""

    @abstractmethod
    def _result(self, content: Mapping[str, Any], message: BusSignal) -> Result:
        """Return what an answer with status 200 means."""
