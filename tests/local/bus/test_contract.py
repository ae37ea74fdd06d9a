"""The bus on this machine keeps the plain protocol, as docs/push.md describes it."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx2
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from local.bus import BusServer, Shown, ShownPerson
from tests.deadline import wait_until

GRACE = UUID(int=1)
OMAR = UUID(int=2)
TOPIC = "global_notifications"
NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)


class Shelf:
    """One person, one notification, which is hostile."""

    def people(self) -> list[ShownPerson]:
        return [ShownPerson(id=GRACE, name="Grace")]

    def notifications(self, user_id: UUID) -> list[Shown]:
        title = "<img src=x onerror=alert(1)>"
        one = Shown(id="1", title=title, body="b", at=NOW.isoformat())
        return [one] if user_id == GRACE else []


@pytest.fixture
def bus() -> Iterator[BusServer]:
    with BusServer(shelf=Shelf(), clock=lambda: NOW).serving() as bus:
        yield bus


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


def listening(bus: BusServer, user: UUID, topics: str = "") -> ClientConnection:
    before = bus.connected.count(user)
    client = connect(f"{bus.connect_url}?user={user}&topics={topics}", proxy=None)
    wait_until(lambda: bus.connected.count(user) > before, seconds=10, what="to be connected")
    return client


def signal(bus: BusServer, http: httpx2.Client, **fields: object) -> httpx2.Response:
    body = {"id": str(uuid4()), "signal": "sync_notify", **fields}
    return http.post(
        f"{bus.base_url}/signals", json=body, headers={"Authorization": f"Bearer {bus.token}"}
    )


def test_a_signal_reaches_every_connection_of_its_user_and_nobody_else(
    bus: BusServer, http: httpx2.Client
) -> None:
    id_ = str(uuid4())
    with listening(bus, GRACE) as one, listening(bus, GRACE) as two, listening(bus, OMAR) as omar:
        answer = signal(bus, http, id=id_, user_id=str(GRACE))
        assert (answer.status_code, answer.json()) == (200, {"delivered": 2})
        for client in (one, two):
            assert json.loads(client.recv(10)) == {"id": id_, "signal": "sync_notify"}
        with pytest.raises(TimeoutError):
            omar.recv(0)
    [kept] = bus.accepted
    assert (str(kept.id), kept.target, kept.delivered, kept.at) == (id_, str(GRACE), 2, NOW)
    assert bus.copies() == {(id_, str(GRACE)): 1}


def test_a_user_who_is_not_connected_or_has_left_gets_nothing(
    bus: BusServer, http: httpx2.Client
) -> None:
    assert signal(bus, http, user_id=str(GRACE)).json() == {"delivered": 0}
    with listening(bus, GRACE):
        pass
    wait_until(lambda: not bus.connected.count(GRACE), seconds=10, what="to be forgotten")
    assert signal(bus, http, user_id=str(GRACE)).json() == {"delivered": 0}


def test_a_client_that_has_lost_its_network_does_not_count(
    bus: BusServer, http: httpx2.Client
) -> None:
    bus.answer_seconds = 0.1
    address = bus.connect_url.removeprefix("ws://").partition("/")[0]
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port))) as dumb:
        # It connects and then answers no ping, as a phone in a tunnel.
        dumb.sendall(
            f"GET /connect?user={GRACE} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        wait_until(lambda: bus.connected.count(GRACE) == 1, seconds=10, what="to be connected")
        assert signal(bus, http, user_id=str(GRACE)).json() == {"delivered": 0}


def test_a_topic_reaches_those_who_listen_to_it(bus: BusServer, http: httpx2.Client) -> None:
    with listening(bus, GRACE, TOPIC) as grace, listening(bus, OMAR):
        assert signal(bus, http, topic=TOPIC).json() == {"delivered": 1}
        assert json.loads(grace.recv(10))["topic"] == TOPIC
    assert bus.accepted[0].target == f"topic:{TOPIC}"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id": "1", "signal": "s", "topic": "t"}',
        json.dumps({"id": str(GRACE), "signal": "s"}).encode(),
        json.dumps({"id": str(GRACE), "signal": "s", "user_id": "x"}).encode(),
        json.dumps({"id": str(GRACE), "signal": "s", "user_id": str(GRACE), "topic": "t"}).encode(),
    ],
)
def test_what_is_no_signal_is_refused(bus: BusServer, http: httpx2.Client, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {bus.token}"}
    answer = http.post(f"{bus.base_url}/signals", content=body, headers=headers)
    assert answer.status_code == 400
    assert bus.accepted == []


def test_publishers_need_the_token_and_the_path(bus: BusServer, http: httpx2.Client) -> None:
    url = f"{bus.base_url}/signals"
    assert http.post(url, json={}).status_code == 401
    assert http.post(url, json={}, headers={"Authorization": "Bearer x"}).status_code == 401
    assert http.get(url).status_code == 404
    assert http.post(f"{bus.base_url}/else").status_code == 404


def test_the_page_fetches_what_it_shows_and_lets_no_other_page_listen(
    bus: BusServer, http: httpx2.Client
) -> None:
    page = http.get(bus.page_url)
    assert "script" in page.text
    for each in ("default-src 'self'", "frame-ancestors 'none'"):
        assert each in page.headers["content-security-policy"]
    assert http.get(f"{bus.page_url}page.js").headers["content-type"].startswith("text/javascript")
    assert http.get(f"{bus.page_url}people").json() == [{"id": str(GRACE), "name": "Grace"}]
    [shown] = http.get(f"{bus.page_url}notifications?user={GRACE}").json()
    assert shown["title"].startswith("<img")
    assert http.get(f"{bus.page_url}notifications?user=x").status_code == 400
    assert http.get(f"{bus.page_url}server.py").status_code == 404
    for strange in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert http.get(bus.page_url, headers=strange).status_code == 403
    evil = Origin("https://evil.example")
    with pytest.raises(InvalidStatus):
        connect(f"{bus.connect_url}?user={GRACE}", origin=evil, proxy=None)
    with pytest.raises(InvalidStatus):
        connect(f"{bus.connect_url}?user=x", proxy=None)


def test_many_signals_at_once_each_reach_their_user_once(
    bus: BusServer, http: httpx2.Client
) -> None:
    with listening(bus, GRACE) as grace:
        threads = [
            threading.Thread(target=signal, args=(bus, http), kwargs={"user_id": str(GRACE)})
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        ids = {json.loads(grace.recv(10))["id"] for _ in threads}
        for thread in threads:
            thread.join()
    assert len(ids) == len(threads)
    assert {kept.delivered for kept in bus.accepted} == {1}
