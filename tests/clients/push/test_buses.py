"""What the two protocols of the bus say, and how their answers are read."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import pytest
from websockets.sync.client import connect

from local.bus import BusServer
from local.loopback import Fault, LoopbackReply
from pipeline.clients.push.centrifugo import Centrifugo
from pipeline.clients.push.message import BusSignal
from pipeline.clients.push.plain_bus import PlainBus
from pipeline.domain.provider_answer import (
    Absent,
    Accepted,
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.push import BusKind, BusSettings
from tests.clients.push.centrifugo_server import CentrifugoServer
from tests.clients.push.conftest import ID, PATIENCE, TOKEN, USER
from tests.deadline import wait_until

TOPIC = BusSignal(id=ID, topic="global_notifications")
SIGNAL = BusSignal(id=ID, user_id=USER)
NOBODY = BusSignal(id=ID, user_id=UUID(int=99))
HERE = Accepted(provider_id=str(ID))


@pytest.fixture
def plain(bus: BusServer) -> Iterator[PlainBus]:
    settings = BusSettings(url=bus.base_url, token=TOKEN, timeout=PATIENCE)
    with PlainBus(settings, connections=2) as client:
        yield client


def settings_of(server: CentrifugoServer, namespace: str = "") -> BusSettings:
    return BusSettings(
        url=server.base_url,
        kind=BusKind.CENTRIFUGO,
        namespace=namespace,
        token=TOKEN,
        timeout=PATIENCE,
    )


@pytest.fixture
def client(centrifugo: CentrifugoServer) -> Iterator[Centrifugo]:
    with Centrifugo(settings_of(centrifugo), connections=2) as client:
        yield client


def result_of(client: PlainBus | Centrifugo, signal: BusSignal = SIGNAL) -> Result:
    [result] = client.send(signal).results
    return result


def test_the_plain_bus_says_whether_somebody_had_it(bus: BusServer, plain: PlainBus) -> None:
    assert result_of(plain) == Absent(code="not_connected")
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(connect(f"{bus.connect_url}?user={USER}", proxy=None))
        wait_until(lambda: bus.connected.count(USER) == 2, seconds=10, what="two connections")
        assert result_of(plain) == HERE
        assert bus.accepted[-1].delivered == 2
        assert result_of(plain, NOBODY) == Absent(code="not_connected")


def test_a_signal_of_the_plain_bus_has_no_text_in_it(bus: BusServer, plain: PlainBus) -> None:
    result_of(plain)
    result_of(plain, TOPIC)
    assert [json.loads(each.body) for each in bus.asked] == [
        {"id": str(ID), "user_id": str(USER), "signal": "sync_notify"},
        {"id": str(ID), "topic": "global_notifications", "signal": "sync_notify"},
    ]


def test_a_signal_that_the_plain_bus_refuses_is_refused(bus: BusServer, plain: PlainBus) -> None:
    bus.fail_next(Fault(reply=LoopbackReply(status=400)))
    assert result_of(plain) == Refused(code="http_400", blame=Blame.CONTENT)


@pytest.mark.parametrize("delivered", ["1", 1.5, True, None, -1, [1]])
def test_a_count_of_the_plain_bus_is_a_whole_number(
    bus: BusServer, plain: PlainBus, delivered: object
) -> None:
    bus.fail_next(Fault(reply=LoopbackReply(status=200, body={"delivered": delivered})))
    assert result_of(plain) == Unavailable(code="unreadable_answer", may_be_accepted=True)


def test_centrifugo_is_asked_for_the_count_and_told_in_one_request(
    centrifugo: CentrifugoServer, client: Centrifugo
) -> None:
    assert result_of(client) == Absent(code="not_connected")
    centrifugo.clients[f"#{USER}"] = 3
    assert result_of(client) == HERE
    assert len(centrifugo.asked) == 2
    assert json.loads(centrifugo.asked[0].body) == {
        "commands": [
            {"presence_stats": {"channel": f"#{USER}"}},
            {
                "publish": {
                    "channel": f"#{USER}",
                    "data": {"id": str(ID), "signal": "sync_notify"},
                    "idempotency_key": str(ID),
                }
            },
        ]
    }


def test_a_repeated_signal_is_published_once_by_centrifugo(
    centrifugo: CentrifugoServer, client: Centrifugo
) -> None:
    centrifugo.clients[f"#{USER}"] = 1
    assert result_of(client) == result_of(client) == HERE
    assert len(centrifugo.published) == 1


def test_centrifugo_has_personal_channels_in_a_namespace_and_topics_outside(
    centrifugo: CentrifugoServer,
) -> None:
    centrifugo.clients = {f"personal:#{USER}": 1, "global_notifications": 5}
    with Centrifugo(settings_of(centrifugo, "personal"), connections=1) as client:
        assert result_of(client) == result_of(client, TOPIC) == HERE
    channels = [each["channel"] for each in centrifugo.published]
    assert channels == [f"personal:#{USER}", "global_notifications"]


def test_centrifugo_without_the_namespace_or_presence_needs_a_setting(
    centrifugo: CentrifugoServer, client: Centrifugo
) -> None:
    with Centrifugo(settings_of(centrifugo, "unknown"), connections=1) as other:
        assert result_of(other) == AuthFailed(code="centrifugo_102")
    centrifugo.has_presence = False
    assert result_of(client) == AuthFailed(code="centrifugo_108")


@pytest.mark.parametrize("command", ["publish", "presence_stats"])
@pytest.mark.parametrize(
    ("code", "result"),
    [
        (100, Unavailable(code="centrifugo_100", may_be_accepted=True)),
        (101, AuthFailed(code="centrifugo_101")),
        (103, AuthFailed(code="centrifugo_103")),
        (104, AuthFailed(code="centrifugo_104")),
        (106, RateLimited(code="centrifugo_106", retry_at=None)),
        (107, Refused(code="centrifugo_107", blame=Blame.CONTENT)),
        (111, RateLimited(code="centrifugo_111", retry_at=None)),
        (4242, Refused(code="centrifugo_4242", blame=Blame.CONTENT)),
    ],
)
def test_an_error_of_centrifugo_is_read_by_its_code(
    centrifugo: CentrifugoServer, client: Centrifugo, command: str, code: int, result: Result
) -> None:
    centrifugo.errors[command] = code
    assert result_of(client) == result


@pytest.mark.parametrize(
    "body",
    [
        {"replies": []},
        {"replies": [1, 2]},
        {"replies": [{}, {}]},
        {"replies": [{"presence_stats": {"num_clients": "1"}}, {"publish": {}}]},
        {"replies": [{"presence_stats": None}, {"publish": {}}]},
        {"replies": [{"presence_stats": {"num_clients": 1}}, {}]},
        {"replies": [{"error": "words"}, {"publish": {}}]},
        {"error": {"code": "words"}},
    ],
)
def test_what_centrifugo_does_not_answer_is_in_doubt(
    centrifugo: CentrifugoServer, client: Centrifugo, body: dict[str, Any]
) -> None:
    centrifugo.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
    assert result_of(client) == Unavailable(code="unreadable_answer", may_be_accepted=True)


def test_a_count_of_nobody_may_be_left_out_as_protocol_buffers_do(
    centrifugo: CentrifugoServer, client: Centrifugo
) -> None:
    body: dict[str, Any] = {"replies": [{"presence_stats": {}}, {"publish": {}}]}
    centrifugo.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
    assert result_of(client) == Absent(code="not_connected")
