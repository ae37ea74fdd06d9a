"""Access tokens for FCM: a key of a service account in; what a request shows to Google out.

https://firebase.google.com/docs/cloud-messaging/send/v1-api#authorize-http-v1-send-requests
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import google.auth
from google.auth.credentials import Credentials, TokenState
from google.auth.exceptions import GoogleAuthError, RefreshError, TransportError
from google.oauth2 import service_account

from pipeline.clients.push.token_endpoint import TokenEndpoint
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.provider_answer import AuthFailed, Unavailable
from pipeline.settings.push import FcmSettings

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
NO_TOKEN: Final = Unavailable(code="no_access_token", may_be_accepted=False)
# After a failure nobody asks for a token for so long: all threads would ask one after the other.
PAUSE_SECONDS: Final = 1.0


def credentials_of(settings: FcmSettings) -> Credentials:
    """Find the credentials for FCM. They have no token yet.

    Raises:
        ConfigurationError: there are none, or their file is invalid.
    """
    name = settings.credentials
    try:
        content = json.loads(Path(name).read_bytes()) if name else {}
        if content.get("type") == "service_account":
            return _service_account(content)
        # It reads other kinds of files by itself: their name is in the same variable.
        found, _ = google.auth.default(scopes=[SCOPE])
    except (GoogleAuthError, OSError, ValueError, AttributeError):
        problem = (
            # Not quoted: some set it to the key itself.
            "invalid GOOGLE_APPLICATION_CREDENTIALS: expected"
            if name
            else "no Google credentials for FCM: set GOOGLE_APPLICATION_CREDENTIALS to"
        )
        raise ConfigurationError(
            f"{problem} the path of a service account's key, as the Firebase console makes it"
        ) from None
    return found


def _service_account(content: Mapping[str, str]) -> Credentials:
    make: Callable[..., Credentials] = service_account.Credentials.from_service_account_info
    return make(content, scopes=[SCOPE])


class AccessTokens:
    """The access token of one service account, shared by all threads.

    Some minutes before its end a token is refreshed in the background, while it is still used. Only
    where there is no valid token do threads wait, for ``settings.timeout`` at most.
    """

    def __init__(self, settings: FcmSettings) -> None:
        self._settings = settings
        self._timeout = settings.timeout.total_seconds()
        self._refreshing = threading.Lock()
        self._credentials: Credentials | None = None
        self._failed: tuple[float, AuthFailed | Unavailable] | None = None

    def token(self) -> str | AuthFailed | Unavailable:
        """Return a valid access token, or why there is none."""
        held = self._credentials
        match TokenState.INVALID if held is None else held.token_state:
            case TokenState.FRESH if held is not None:
                return str(held.token)
            case TokenState.STALE if held is not None:
                token = str(held.token)
                self._refresh_behind()
                return token
            case _:
                return self._wait_for_token()

    def forget(self, token: str) -> None:
        """Use a token no more: FCM refused it."""
        with self._refreshing:
            if self._credentials is not None and self._credentials.token == token:
                self._credentials.token = None

    def _wait_for_token(self) -> str | AuthFailed | Unavailable:
        if not self._refreshing.acquire(timeout=self._timeout):
            return NO_TOKEN
        try:
            held = self._credentials
            if held is not None and held.token_state is not TokenState.INVALID:
                return str(held.token)
            if self._failed is not None and time.monotonic() < self._failed[0]:
                return self._failed[1]
            return self._refreshed()
        finally:
            self._refreshing.release()

    def _refresh_behind(self) -> None:
        """Begin a refresh unless one is under way."""
        if self._failed is not None and time.monotonic() < self._failed[0]:
            return
        if self._refreshing.acquire(blocking=False):
            threading.Thread(target=self._refresh_and_release, daemon=True).start()

    def _refresh_and_release(self) -> None:
        try:
            self._refreshed()
        finally:
            self._refreshing.release()

    def _refreshed(self) -> str | AuthFailed | Unavailable:
        """Ask for a token. Whoever calls holds the lock."""
        result = self._asked()
        self._failed = (
            None if isinstance(result, str) else (time.monotonic() + PAUSE_SECONDS, result)
        )
        return result

    def _asked(self) -> str | AuthFailed | Unavailable:
        try:
            if self._credentials is None:
                self._credentials = credentials_of(self._settings)
            with TokenEndpoint(self._timeout) as endpoint:
                self._credentials.refresh(endpoint)
        except ConfigurationError:
            return AuthFailed(code="no_credentials")
        except TransportError:
            return NO_TOKEN
        except RefreshError as error:
            return NO_TOKEN if error.retryable else AuthFailed(code="credentials_refused")
        except (GoogleAuthError, ValueError, TypeError, OverflowError):
            # What came is not what a token endpoint answers. google-auth does not check its form.
            return NO_TOKEN
        return str(self._credentials.token)
