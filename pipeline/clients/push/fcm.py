"""Firebase Cloud Messaging: sends messages through its API, HTTP v1.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
"""

from http import HTTPStatus
from typing import Self

from pipeline.clients.posting import HttpAnswer, HttpPoster
from pipeline.clients.push.access_token import AccessTokens
from pipeline.clients.push.fcm_answers import read_fcm_answer
from pipeline.clients.push.fcm_body import fcm_body
from pipeline.clients.push.message import FcmMessage
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.provider_answer import ProviderReply, Result
from pipeline.settings.push import FcmSettings


class FcmClient:
    """FCM for one run. Its connections and its access token are shared by all threads.

    A message is sent once. FCM knows no keys: the id of the delivery goes along in the data.
    """

    name = "fcm"

    def __init__(self, settings: FcmSettings, *, connections: int, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._path = f"v1/projects/{settings.project}/messages:send"
        self._http = HttpPoster(settings.base_url, settings.timeout, connections=connections)
        self._tokens = AccessTokens(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def send(self, message: FcmMessage) -> ProviderReply:
        """Send once; see ``PushClient``."""
        return ProviderReply(results=(self._send(message),))

    def _send(self, message: FcmMessage) -> Result:
        token = self._tokens.token()
        if not isinstance(token, str):
            return token
        body = fcm_body(message, self._clock())
        answer = self._http.post(self._path, body, {"Authorization": f"Bearer {token}"})
        if not isinstance(answer, HttpAnswer):
            return answer
        if answer.status == HTTPStatus.UNAUTHORIZED:
            # It may have been revoked: the next message asks for another one.
            self._tokens.forget(token)
        return read_fcm_answer(answer, self._clock())
