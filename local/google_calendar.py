"""A loopback Google Calendar: the token endpoint, watches and channels, as Google documents them.

``tests/clients/test_google_calendar.py`` holds it to Google's documents. What it is asked is kept,
and what it answers can be set beforehand, once or for as long as wanted.
"""

import json
import re
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote
from uuid import uuid4

from pipeline.domain.clock import Clock, utc_now

REFRESH: Final = "refresh"
WATCH: Final = "watch"
STOP: Final = "stop"

# A channel lives for this long at most, whatever is asked for; Google documents it as the default.
LONGEST_LIFE: Final = timedelta(days=7)
_CHANNEL_ID: Final = re.compile(r"[A-Za-z0-9\-_+/=]{1,64}")
_WATCH_PATH: Final = re.compile(r"/calendar/v3/calendars/([^/]+)/events/watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What is answered: a status, a body and headers."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    # After what would have been done otherwise, as when an answer is lost on its way.
    done_all_the_same: bool = False


@dataclass(slots=True, kw_only=True)
class Grant:
    """What a person has granted: calendars, and until it is revoked a refresh token."""

    calendars: set[str]
    is_revoked: bool = False
    # The refresh token that the next refresh gives, in place of this one.
    rotates_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeChannel:
    """A channel that exists."""

    id: str
    resource_id: str
    calendar_id: str
    address: str
    expiration: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestSeen:
    """One request: what for, the path as it was written, and the body."""

    operation: str
    path: str
    body: Mapping[str, Any]
    authorization: str | None


class GoogleCalendarServer:
    """Grants, channels, what was asked, and how it answers.

    Attributes:
        clients: the OAuth clients and their secrets.
        grants: by refresh token.
        access_tokens: those that are valid, and the refresh token that each came from.
        channels: those that exist, by id.
        asked: every request, in the order in which they came.
        most_at_once: the most requests that were in progress at the same time.
    """

    def __init__(self, clock: Clock = utc_now) -> None:
        self._clock = clock
        self.clients: dict[str, str] = {}
        self.grants: dict[str, Grant] = {}
        self.access_tokens: dict[str, str] = {}
        self.channels: dict[str, MadeChannel] = {}
        self.asked: list[RequestSeen] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._held: frozenset[str] = frozenset()
        self._released = threading.Condition()
        self._next: dict[str, deque[Reply]] = defaultdict(deque)
        self._always: dict[str, Reply] = {}
        self._port = 0

    @property
    def base_url(self) -> str:
        """Of the Calendar API, its version included."""
        return f"http://127.0.0.1:{self._port}/calendar/v3"

    @property
    def token_url(self) -> str:
        """Of the token endpoint."""
        return f"http://127.0.0.1:{self._port}/token"

    def answer_next(self, operation: str, *replies: Reply) -> None:
        """Answer the next requests of an operation with these, one each."""
        self._next[operation].extend(replies)

    def answer_always(self, operation: str, reply: Reply | None) -> None:
        """Answer every request of an operation with this; None: as it should be again."""
        self._always.pop(operation, None)
        if reply is not None:
            self._always[operation] = reply

    def hold(self, *operations: str) -> None:
        """From now on, whoever asks for these hears nothing, until they are released."""
        self._held = frozenset(operations)

    def release(self) -> None:
        """Answer what was held."""
        with self._released:
            self._held = frozenset()
            self._released.notify_all()

    def asked_for(self, operation: str) -> list[RequestSeen]:
        """The requests of one operation."""
        return [each for each in self.asked if each.operation == operation]

    @contextmanager
    def serving(self) -> Iterator["GoogleCalendarServer"]:
        """Answer on a free port until the block ends."""
        server = _Server(("127.0.0.1", 0), _Handler)
        server.calendar = self
        self._port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release()
            server.shutdown()
            server.server_close()
            thread.join()

    def reply(self, path: str, body: bytes, authorization: str | None) -> Reply:
        """What is answered to a request."""
        operation, content = _read(path, body)
        with self._lock:
            self.asked.append(
                RequestSeen(
                    operation=operation, path=path, body=content, authorization=authorization
                )
            )
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        with self._released:
            self._released.wait_for(lambda: operation not in self._held)
        with self._lock:
            self._at_once -= 1
            waiting = self._next[operation]
            told = waiting.popleft() if waiting else self._always.get(operation)
            if told is not None and not told.done_all_the_same:
                return told
            usual = self._usual(operation, path, content, authorization)
            return told or usual

    def _usual(
        self, operation: str, path: str, content: Mapping[str, Any], authorization: str | None
    ) -> Reply:
        if operation == REFRESH:
            return self._refresh(content)
        grant = self._grant(authorization)
        if grant is None:
            return google_error(401, "authError", "Invalid Credentials")
        if operation == STOP:
            return self._stop(content)
        if operation == WATCH and (match := _WATCH_PATH.fullmatch(path)):
            return self._watch(grant, unquote(match[1]), content)
        return google_error(404, "notFound", "Not Found")

    def _refresh(self, form: Mapping[str, Any]) -> Reply:
        if form.get("grant_type") != "refresh_token":
            return oauth_error(400, "unsupported_grant_type", "Invalid grant_type")
        if self.clients.get(form.get("client_id", "")) != form.get("client_secret"):
            return oauth_error(401, "invalid_client", "The provided client secret is invalid.")
        refresh_token = form.get("refresh_token", "")
        grant = self.grants.get(refresh_token)
        if grant is None or grant.is_revoked:
            return oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        access_token = f"ya29.{uuid4().hex}"
        body: dict[str, Any] = {
            "access_token": access_token,
            "expires_in": 3599,
            "scope": "https://www.googleapis.com/auth/calendar.events",
            "token_type": "Bearer",
        }
        if (rotated := grant.rotates_to) is not None:
            grant.rotates_to = None
            del self.grants[refresh_token]
            self.grants[rotated] = grant
            self.access_tokens = {
                token: rotated if owner == refresh_token else owner
                for token, owner in self.access_tokens.items()
            }
            refresh_token = body["refresh_token"] = rotated
        self.access_tokens[access_token] = refresh_token
        return Reply(status=200, body=body)

    def _grant(self, authorization: str | None) -> Grant | None:
        scheme, _, token = (authorization or "").partition(" ")
        grant = self.grants.get(self.access_tokens.get(token, ""))
        return grant if scheme == "Bearer" and grant and not grant.is_revoked else None

    def _watch(self, grant: Grant, calendar_id: str, content: Mapping[str, Any]) -> Reply:
        if error := self._refusal(content):
            return error
        if calendar_id != "primary" and calendar_id not in grant.calendars:
            return google_error(404, "notFound", "Not Found")
        now = self._clock().timestamp() * 1000
        longest = now + LONGEST_LIFE.total_seconds() * 1000
        made = MadeChannel(
            id=content["id"],
            # The same for every channel that watches the same.
            resource_id=f"resource-{min(grant.calendars, default='')}-{calendar_id}",
            calendar_id=calendar_id,
            address=content["address"],
            expiration=round(min(float(content.get("expiration", longest)), longest)),
        )
        if made.expiration <= now:
            return google_error(400, "invalid", "Invalid expiration")
        self.channels[made.id] = made
        return Reply(status=200, body=channel_body(made))

    def _refusal(self, content: Mapping[str, Any]) -> Reply | None:
        """What is wrong with a channel as it is asked for."""
        channel_id, address = str(content.get("id")), str(content.get("address"))
        if not _CHANNEL_ID.fullmatch(channel_id):
            return google_error(400, "channelIdInvalid", "Channel id invalid")
        if channel_id in self.channels:
            return google_error(400, "channelIdNotUnique", f"Channel id {channel_id} not unique")
        if content.get("type") not in {"web_hook", "webhook"}:
            return google_error(400, "invalid", "Invalid Value")
        if not address.startswith("https://"):
            words = f"WebHook callback must be HTTPS: {address}"
            return google_error(400, "push.webhookUrlNotHttps", words)
        return None

    def _stop(self, content: Mapping[str, Any]) -> Reply:
        found = self.channels.get(content.get("id", ""))
        if found is None or found.resource_id != content.get("resourceId"):
            words = f"Channel '{content.get('id')}' not found for project '1'"
            return google_error(404, "notFound", words)
        del self.channels[found.id]
        return Reply(status=204)


def channel_body(channel: MadeChannel) -> dict[str, str]:
    """A channel as Google shows it: whole numbers of 64 bits are text in its JSON."""
    return {
        "kind": "api#channel",
        "id": channel.id,
        "resourceId": channel.resource_id,
        "resourceUri": "https://www.googleapis.com/calendar/v3/calendars/x/events?alt=json",
        "expiration": str(channel.expiration),
    }


def google_error(
    status: int, reason: str, message: str = "", *, retry_after: str | None = None
) -> Reply:
    """An error of the Calendar API."""
    domain = "usageLimits" if "imit" in reason else "global"
    return Reply(
        status=status,
        body={
            "error": {
                "errors": [{"domain": domain, "reason": reason, "message": message}],
                "code": status,
                "message": message,
            }
        },
        headers={} if retry_after is None else {"Retry-After": retry_after},
    )


def oauth_error(status: int, error: str, description: str) -> Reply:
    """An error of the token endpoint."""
    return Reply(status=status, body={"error": error, "error_description": description})


def _read(path: str, body: bytes) -> tuple[str, Mapping[str, Any]]:
    if path == "/token":
        form = parse_qs(body.decode(), keep_blank_values=True)
        return REFRESH, {name: values[0] for name, values in form.items()}
    content = json.loads(body or b"{}")
    return (STOP if path == "/calendar/v3/channels/stop" else WATCH), content


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    calendar: GoogleCalendarServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet.
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        """Answer one request."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.calendar.reply(self.path, body, self.headers.get("Authorization"))
        content = reply.body
        if content is None:
            content = b""
        elif not isinstance(content, bytes):
            content = json.dumps(content).encode()
        try:
            self.send_response(HTTPStatus(reply.status))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            if reply.status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            # Whoever asked has gone: it is a stand-in for a slow server, too.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass
