"""The API in this process, on the golden stage, asked by a caller who may do everything."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi.testclient import TestClient
from httpx2 import Response

from pipeline.settings import DatabaseSettings
from service.app import Application, build_app
from service.identity.caller import Scope
from service.settings import Limits, ServiceSettings
from tests.databases import Database
from tests.golden.stage import Stage
from tests.golden.world import P1, R1, U1
from tests.programs import Program
from tests.service.asking import bearer, token
from tests.streams import TOPIC

OPERATOR: Final = "amara"
# Tests ask faster than people.
GENEROUS: Final = Limits(caller_rate=100_000, address_rate=100_000)
NOWHERE: Final = "postgresql://nobody@127.0.0.1:1/none"


@dataclass(frozen=True, slots=True)
class Api:
    """An instance of the service.

    Attributes:
        stage: the events behind it.
        client: sends the token of a caller with both scopes.
        reader: the headers of a caller who may only read.
    """

    stage: Stage
    client: TestClient
    reader: dict[str, str]

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Return the answer to a question that must succeed."""
        given = {name: str(value) for name, value in query.items() if value is not None}
        answer = self.client.get(path, params=given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: object = None, *, key: str | None = None) -> Response:
        """Return the answer to an order."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.client.post(path, json={} if body is None else body, headers=headers)

    def refusal(self, answer: Response, status: int) -> str:
        """Return the message of an answer that must be an error in our form."""
        assert answer.status_code == status, answer.text
        error = answer.json()
        assert set(error) == {"error", "message"}
        message = error["message"]
        assert isinstance(message, str)
        return message


def application(
    database: Database | None,
    *,
    topic: str | None = TOPIC,
    reaction_topic: str | None = TOPIC,
) -> Application:
    """Make the application as an instance of the service has it; without a database to describe."""
    operator, viewer = (
        DatabaseSettings(dsn=dsn)
        for dsn in ([database.operator_dsn, database.viewer_dsn] if database else [NOWHERE] * 2)
    )
    return build_app(
        ServiceSettings(
            operator=operator,
            viewer=viewer,
            topic=topic,
            reaction_topic=reaction_topic,
            limits=GENEROUS,
        )
    )


@contextmanager
def asked(stage: Stage, secret: str | None = None, reader: str | None = None) -> Iterator[Api]:
    """Serve from a stage until the block ends. Without tokens, it creates them."""
    secret = secret or token(stage.database, OPERATOR, Scope.READ, Scope.OPERATE)
    reader = reader or token(stage.database, "reader", Scope.READ)
    with TestClient(
        application(stage.database), raise_server_exceptions=False, headers=bearer(secret)
    ) as client:
        yield Api(stage, client, bearer(reader))


@contextmanager
def another(api: Api, *, topic: str | None = TOPIC) -> Iterator[Api]:
    """A second instance beside the first one, with the same callers."""
    with TestClient(
        application(api.stage.database, topic=topic),
        raise_server_exceptions=False,
        headers=dict(api.client.headers),
    ) as client:
        yield replace(api, client=client)


def command(database: Database, *arguments: str, dsn: str | None = None) -> Any:  # noqa: ANN401
    """Return what a command prints as JSON, with the login of an operator or another one."""
    environment = os.environ | {"DATABASE_URL": dsn or database.operator_dsn}
    with Program("pipeline", *arguments, "--json", environment=environment) as program:
        done = program.completed(timeout=60)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def comparable(document: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a document with every time in one form, for a comparison."""
    match document:
        case dict():
            return {name: comparable(value) for name, value in document.items()}
        case list():
            return [comparable(value) for value in document]
        case str():
            try:
                return datetime.fromisoformat(document)
            except ValueError:
                return document
        case _:
            return document


def upload(stage: Stage, file_name: object = "a.pdf", age: timedelta = timedelta(0)) -> int:
    """Insert an upload by Ann, which tells two people; a name that is not a text makes it dead."""
    return stage.emit(
        "document_uploaded",
        {"fileName": file_name},
        age=age,
        actor_id=U1,
        project_id=P1,
        resource_id=R1,
    )
