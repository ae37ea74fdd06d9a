"""The loopback FCM: what it is asked, what it takes and what it answers.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send
https://firebase.google.com/docs/cloud-messaging/error-codes

``tests/local/fcm`` holds it to these documents.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

from local.fcm.errors import fcm_error, google_error
from local.fcm.kept import KeptPush, stored_for
from local.fcm.rules import refusal
from local.fcm.tokens import TokenServer
from local.loopback import LoopbackReply, LoopbackRequest, StandIn
from pipeline.domain.clock import Clock, utc_now

# Not FCM's: how often each message was taken, for tests that run the server as a process.
COPIES: Final = "/copies"
_SEND: Final = re.compile(r"/v1/projects/([^/]+)/messages:send")


class FcmServer(StandIn):
    """Devices, messages, access tokens, and what goes wrong.

    Attributes:
        project: the Firebase project.
        tokens: the token endpoint, a server of its own.
        unregistered: registration tokens of which the app is gone.
        of_another_sender: registration tokens of another project.
        without_third_party: registration tokens whose push service refuses the project.
        accepted: every message, in order.
        on_accepted: is told of every message that is taken.
    """

    def __init__(
        self, project: str = "acme-app", folder: Path | None = None, clock: Clock = utc_now
    ) -> None:
        """Start with no message. Every registration token that looks like one is known.

        Args:
            project: the Firebase project.
            folder: where messages are written, a file for each; None: nowhere.
            clock: for access tokens and the times of messages.
        """
        super().__init__()
        self.project = project
        self.tokens = TokenServer(project, clock)
        self.unregistered: set[str] = set()
        self.of_another_sender: set[str] = set()
        self.without_third_party: set[str] = set()
        self.accepted: list[KeptPush] = []
        self.on_accepted: Callable[[KeptPush], None] = _nothing
        self._clock = clock
        self._folder = folder
        self._lock = threading.Lock()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[Self]:
        """Answer on a port until the block ends; 0: on a free one."""
        with self.tokens.serving(), super().serving(port):
            yield self

    def write_key(self, folder: Path) -> Path:
        """Write the key of a service account that may send; return the file."""
        return self.tokens.write_key(folder)

    def copies(self) -> Counter[tuple[str, str]]:
        """How often each message was taken, by the sender's name for it and its target."""
        with self._lock:
            return Counter((each.reference, each.target) for each in self.accepted)

    def stored_for(self, token: str) -> list[KeptPush]:
        """Return what a device gets that was offline all the time."""
        with self._lock:
            return stored_for(each for each in self.accepted if each.target == token)

    def usual(self, request: LoopbackRequest) -> LoopbackReply:
        """Take a message, or say why not."""
        if request.path == COPIES:
            copies = [[*key, count] for key, count in self.copies().items()]
            return LoopbackReply(status=200, body=copies)
        match = _SEND.fullmatch(request.path)
        if match is None or request.method != "POST":
            return LoopbackReply(status=404, body=b"<!DOCTYPE html><title>Not Found</title>")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not self.tokens.is_valid(token):
            return google_error(401, "UNAUTHENTICATED", "Request had invalid authentication.")
        if match[1] != self.project:
            return google_error(403, "PERMISSION_DENIED", "Permission denied on the project.")
        self.wait()
        try:
            content = json.loads(request.body)
        except ValueError:
            return google_error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        message: Any = content.get("message") if isinstance(content, dict) else None
        wrong = refusal(message) or self._wrong_token(message.get("token", ""))
        return wrong or self._keep(message)

    def _wrong_token(self, token: str) -> LoopbackReply | None:
        if token in self.unregistered:
            return fcm_error("UNREGISTERED")
        if token in self.of_another_sender:
            return fcm_error("SENDER_ID_MISMATCH")
        if token in self.without_third_party:
            return fcm_error("THIRD_PARTY_AUTH_ERROR")
        return None

    def _keep(self, message: dict[str, object]) -> LoopbackReply:
        name = f"projects/{self.project}/messages/{uuid4()}"
        kept = KeptPush(id=name, at=self._clock(), message=message)
        with self._lock:
            self.accepted.append(kept)
        if self._folder is not None:
            kept.write(self._folder)
        self.on_accepted(kept)
        return LoopbackReply(status=200, body={"name": name})


def _nothing(_: KeptPush) -> None:
    pass
