"""Each way to push with its server on this machine, behind one interface for the tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from websockets.sync.client import connect

from local.bus import BusServer
from local.fcm import FcmServer
from local.loopback import StandIn
from pipeline.clients.push.centrifugo import Centrifugo
from pipeline.clients.push.client import PushClient
from pipeline.clients.push.fcm import FcmClient
from pipeline.clients.push.message import BusSignal, FcmMessage
from pipeline.clients.push.plain_bus import PlainBus
from pipeline.settings.push import BusKind, BusSettings, FcmSettings
from tests.clients.push.centrifugo_server import CentrifugoServer
from tests.deadline import wait_until

NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
TOKEN = "canary-token"  # noqa: S105 - of servers on this machine
ID = UUID(int=7)
USER = UUID(int=1)
PATIENCE = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Given:
    """A way to push, and its server.

    Attributes:
        client: sends.
        server: takes it.
        message: what is sent; somebody is there to take it.
        taken: how often the server took it.
        changed: a client with other settings.
        denied: a client that may not send.
        ids: what the server may have given as the id of what it took.
    """

    client: PushClient[Any]
    server: StandIn
    message: BusSignal | FcmMessage
    taken: Callable[[], int]
    changed: Callable[..., PushClient[Any]]
    denied: Callable[[], PushClient[Any]]
    ids: Callable[[], set[str]]


def fcm_message(**fields: Any) -> FcmMessage:  # noqa: ANN401
    given = {"id": ID, "token": "phone", "title": "Canary title", "body": "Canary body"}
    return FcmMessage(**{**given, **fields})


@pytest.fixture
def bus() -> Iterator[BusServer]:
    with BusServer(TOKEN, clock=lambda: NOW).serving() as server:
        yield server


@pytest.fixture
def centrifugo() -> Iterator[CentrifugoServer]:
    with CentrifugoServer(TOKEN).serving() as server:
        yield server


@pytest.fixture
def fcm(tmp_path: Path) -> Iterator[FcmServer]:
    with FcmServer().serving() as server:
        server.write_key(tmp_path)
        yield server


@pytest.fixture
def fcm_settings(fcm: FcmServer, tmp_path: Path) -> FcmSettings:
    return FcmSettings(
        project=fcm.project,
        base_url=fcm.base_url,
        credentials=str(tmp_path / "service-account.json"),
        timeout=PATIENCE,
    )


@pytest.fixture
def open_clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def of_bus(server: BusServer, stack: ExitStack) -> Given:
    settings = BusSettings(url=server.base_url, token=TOKEN, timeout=PATIENCE)
    # It takes all that comes: a browser never stops reading either.
    stack.enter_context(connect(f"{server.connect_url}?user={USER}", proxy=None, max_queue=None))
    wait_until(lambda: server.connected.count(USER), seconds=10, what="to be connected")

    def changed(**fields: Any) -> PushClient[Any]:  # noqa: ANN401
        return stack.enter_context(
            PlainBus(replace(settings, **fields), connections=4, clock=lambda: NOW)
        )

    return Given(
        client=changed(),
        server=server,
        message=BusSignal(id=ID, user_id=USER),
        taken=lambda: len(server.accepted),
        changed=lambda **fields: changed(**_named(fields, "url")),
        denied=lambda: changed(token="canary-wrong"),  # noqa: S106
        ids=lambda: {str(each.id) for each in server.accepted},
    )


def of_centrifugo(server: CentrifugoServer, stack: ExitStack) -> Given:
    settings = BusSettings(
        url=server.base_url, kind=BusKind.CENTRIFUGO, token=TOKEN, timeout=PATIENCE
    )
    server.clients[f"#{USER}"] = 1

    def changed(**fields: Any) -> PushClient[Any]:  # noqa: ANN401
        return stack.enter_context(
            Centrifugo(replace(settings, **fields), connections=4, clock=lambda: NOW)
        )

    return Given(
        client=changed(),
        server=server,
        message=BusSignal(id=ID, user_id=USER),
        taken=lambda: len(server.published),
        changed=lambda **fields: changed(**_named(fields, "url")),
        denied=lambda: changed(token="canary-wrong"),  # noqa: S106
        ids=lambda: {each["data"]["id"] for each in server.published},
    )


def of_fcm(server: FcmServer, settings: FcmSettings, stack: ExitStack) -> Given:
    def changed(**fields: Any) -> PushClient[Any]:  # noqa: ANN401
        return stack.enter_context(
            FcmClient(replace(settings, **fields), connections=4, clock=lambda: NOW)
        )

    def denied() -> PushClient[Any]:
        server.tokens.is_revoked = True
        return changed()

    return Given(
        client=changed(),
        server=server,
        message=fcm_message(),
        taken=lambda: len(server.accepted),
        changed=lambda **fields: changed(**_named(fields, "base_url")),
        denied=denied,
        ids=lambda: {each.id.rsplit("/", 1)[-1] for each in server.accepted},
    )


def _named(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {name if key == "url" else key: value for key, value in fields.items()}


@pytest.fixture(params=["bus", "centrifugo", "fcm"])
def given(request: pytest.FixtureRequest, open_clients: ExitStack) -> Given:
    value = request.getfixturevalue
    if request.param == "bus":
        return of_bus(value("bus"), open_clients)
    if request.param == "centrifugo":
        return of_centrifugo(value("centrifugo"), open_clients)
    return of_fcm(value("fcm"), value("fcm_settings"), open_clients)
