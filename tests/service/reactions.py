"""The API over a database that has reactions and nothing else, and what tests do with both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient
from httpx2 import Response

from pipeline.domain.message import Message
from service.identity.caller import Scope
from tests.databases import Database
from tests.service.api import application
from tests.service.asking import bearer, token
from tests.steps.reactions.board import Board
from tests.streams import SUBSCRIPTION, TOPIC, Broker


@dataclass(frozen=True, slots=True)
class ReactionApi:
    """An instance of the service over the events of a board.

    Attributes:
        client: sends the token of a caller with both scopes.
        broker: with the topic that the graph of reactions reads.
    """

    board: Board
    client: TestClient
    broker: Broker

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        """Send an order, as another program does."""
        return self.client.post(path, json=body, headers=headers)

    def answer(self, path: str, body: object = None) -> tuple[int, Any]:
        """Return the status and the body of the answer to an order."""
        answered = self.post(path, body)
        return answered.status_code, answered.json()

    def published(self) -> list[Message]:
        """Take the wake-ups that were published since the last call."""
        return self.broker.take(SUBSCRIPTION)

    def stats(self) -> Any:  # noqa: ANN401 - JSON
        """Return the stats of ``/health`` as a new instance counts them."""
        with served(self.board.database, dict(self.client.headers)) as client:
            return client.get("/health").json()["stats"]


@contextmanager
def served(
    database: Database, headers: dict[str, str], *, topic: str | None = TOPIC
) -> Iterator[TestClient]:
    """Serve from a database until the block ends."""
    app = application(database, topic=None, reaction_topic=topic)
    with TestClient(app, raise_server_exceptions=False, headers=headers) as client:
        yield client


def headers_of(database: Database, name: str = "amara") -> dict[str, str]:
    """Return the headers of a new caller with both scopes."""
    return bearer(token(database, name, Scope.READ, Scope.OPERATE))
