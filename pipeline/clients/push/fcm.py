"""Firebase Cloud Messaging: sends messages through its API, HTTP v1.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import threading
from types import TracebackType
from typing import Final, Self

import google.auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError
from google.auth.transport.requests import Request

from pipeline.clients.push.fcm_answers import read_fcm_answer
from pipeline.clients.push.fcm_body import fcm_body
from pipeline.clients.push.message import FcmMessage
from pipeline.clients.push.posting import PushAnswer, PushHttp
from pipeline.domain.clock import Clock, utc_now
from pipeline.domain.provider_answer import AuthFailed, ProviderReply, Result, Unavailable
from pipeline.settings.push import FcmSettings

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"


class FcmClient:
    """FCM for one run. Its connections and its access token are shared by all threads.

    A message is sent once. FCM knows no keys: the id of the delivery goes along in the data.
    """

    name = "fcm"

    def __init__(self, settings: FcmSettings, *, connections: int, clock: Clock = utc_now) -> None:
        self._clock = clock
        self._path = f"v1/projects/{settings.project}/messages:send"
        # A server on this machine asks for no token of Google.
        self._is_google = settings.base_url.startswith("https:")
        self._http = PushHttp(settings.base_url, settings.timeout, connections=connections)
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def send(self, message: FcmMessage) -> ProviderReply:
        """Send once."""
        return ProviderReply(results=(self._send(message),))

    def _send(self, message: FcmMessage) -> Result:
        token = self._token()
        if not isinstance(token, str):
            return token
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._http.post(self._path, fcm_body(message, self._clock()), headers)
        return read_fcm_answer(answer, self._clock()) if isinstance(answer, PushAnswer) else answer

    def _token(self) -> str | Result:
        """Return an access token that is valid."""
        try:
            with self._lock:
                if self._credentials is None:
                    self._credentials = self._found()
                if not self._credentials.valid:
                    self._credentials.refresh(Request())
                return str(self._credentials.token)
        except DefaultCredentialsError:
            return AuthFailed(code="no_credentials")
        except TransportError:
            return Unavailable(code="no_access_token", may_be_accepted=False)
        except GoogleAuthError:
            return AuthFailed(code="credentials_refused")

    def _found(self) -> Credentials:
        if not self._is_google:
            return AnonymousCredentials()
        credentials, _ = google.auth.default(scopes=[SCOPE])
        return credentials
