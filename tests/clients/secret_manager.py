"""A loopback stand-in of Google's Secret Manager: reading versions, over its real API.

It answers as the service documents it, but its errors quote the value, so that code that passes on
their text is caught:
https://cloud.google.com/secret-manager/docs/reference/rpc/google.cloud.secretmanager.v1
"""

import re
import tempfile
import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

import grpc
import pytest
from google.cloud.secretmanager import (
    AccessSecretVersionRequest,
    AccessSecretVersionResponse,
    SecretManagerServiceClient,
    SecretPayload,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from pipeline.clients import secret_manager

_SERVICE: Final = "google.cloud.secretmanager.v1.SecretManagerService"
_NAME: Final = re.compile(r"(projects/[^/]+/secrets/[\w-]+)/versions/(latest|\d+)")


@contextmanager
def stand_in(folder: Path) -> Iterator["SecretManager"]:
    """Replace Secret Manager within the block. New temporary files are in the folder."""
    made = SecretManager()
    with pytest.MonkeyPatch.context() as patch, made.serving():
        patch.setattr(secret_manager, "SecretManagerServiceClient", made.client)
        patch.setattr(tempfile, "tempdir", str(folder))
        yield made


class SecretManager:
    """The secrets, the requests for them, and the kind of answer.

    Attributes:
        asked: the requested versions, in order.
        refusal: the error status of every request; None: no error.
        answering: while cleared, requests get no answer.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refusal: grpc.StatusCode | None = None
        self.answering = threading.Event()
        self.answering.set()
        self._versions: dict[str, list[bytes]] = {}
        self._disabled: set[str] = set()
        self._address = ""

    def add(self, value: bytes, *, to: str | None = None) -> str:
        """Add a version to a secret, by default to a new one; return the name of the secret."""
        name = to or f"projects/acme/secrets/{uuid4().hex}"
        self._versions.setdefault(name, []).append(value)
        return name

    def disable(self, name: str, version: int) -> None:
        """Disable the version."""
        self._disabled.add(f"{name}/versions/{version}")

    def client(self) -> SecretManagerServiceClient:
        """Make Google's own client, connected to this server."""
        channel = grpc.insecure_channel(self._address)
        return SecretManagerServiceClient(
            transport=SecretManagerServiceGrpcTransport(channel=channel)
        )

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer on a free port until the block ends."""
        access = grpc.unary_unary_rpc_method_handler(
            self._access,
            request_deserializer=AccessSecretVersionRequest.deserialize,
            response_serializer=AccessSecretVersionResponse.serialize,
        )
        methods = {"AccessSecretVersion": access}
        with futures.ThreadPoolExecutor(16) as executor:
            server = grpc.server(
                executor, handlers=[grpc.method_handlers_generic_handler(_SERVICE, methods)]
            )
            self._address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
            server.start()
            try:
                yield
            finally:
                self.answering.set()
                server.stop(grace=None).wait()

    def _access(
        self, request: AccessSecretVersionRequest, context: grpc.ServicerContext
    ) -> AccessSecretVersionResponse:
        self.asked.append(request.name)
        self.answering.wait()
        match = _NAME.fullmatch(request.name)
        name, version = match.groups() if match else ("", "0")
        values = self._versions.get(name, [])
        number = len(values) if version == "latest" else int(version)
        refusal = self.refusal
        if refusal is None and match is None:
            refusal = grpc.StatusCode.INVALID_ARGUMENT
        elif refusal is None and not 0 < number <= len(values):
            refusal = grpc.StatusCode.NOT_FOUND
        elif refusal is None and f"{name}/versions/{number}" in self._disabled:
            refusal = grpc.StatusCode.FAILED_PRECONDITION
        if refusal is not None:
            context.abort(refusal, f"[{request.name}] {values}")
        return AccessSecretVersionResponse(
            name=f"{name}/versions/{number}", payload=SecretPayload(data=values[number - 1])
        )
