"""The limits: too large, too often, too many at once and too slow, and the others are served."""

import asyncio
import json
import resource
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, cycle, islice, repeat
from typing import Final
from urllib.parse import urlsplit

import httpx2
import psutil
import pytest
from starlette.types import Message, Receive, Scope, Send

from service.identity.caller import Caller, Means
from service.identity.caller import Scope as CallerScope
from service.identity.recognise import KEPT_SECONDS, Credential, Recognition
from service.limits.crowd import Crowd
from service.limits.rate import Rate
from tests.databases import Database
from tests.service.asking import bearer, routes, token
from tests.service.pipelining import connected, sent
from tests.service.serving import Served, running

MEGABYTES_10: Final = 10_000_000
CROWD: Final = 2_000
# A slow client is closed after 6 s. The rest is for a slow machine.
CLOSED_WITHIN: Final = 20.0
SECONDS: Final = 60.0
MOST_MEMORY_BYTES: Final = 400_000_000
FORGED: Final = 60


@pytest.fixture(scope="module")
def served(shared_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    count_look_ups(shared_database)
    with running(
        tmp_path_factory.mktemp("limits") / "log",
        "tests.service.changing",
        OPERATOR_DATABASE_URL=shared_database.operator_dsn,
        VIEWER_DATABASE_URL=shared_database.viewer_dsn,
        CALLER_RATE="50",
        ADDRESS_RATE="10",
    ) as served:
        yield served


@pytest.fixture(scope="module")
def operator(shared_database: Database) -> dict[str, str]:
    return bearer(token(shared_database, "operator", *CallerScope))


def form(answer: httpx2.Response) -> tuple[int, str]:
    body = answer.json()
    assert body.keys() == {"error", "message"}
    return answer.status_code, body["error"]


def pieces(total: int) -> Iterator[bytes]:
    """A body that does not say its length."""
    for _ in range(total // 10_000):
        yield b" " * 10_000


def test_a_large_body_is_refused_whether_it_says_its_length_or_not(
    served: Served, operator: dict[str, str]
) -> None:
    """Control: one that is small enough is taken."""
    kind = {"Content-Type": "application/json"}
    small = b'{"a": "' + b"a" * 900_000 + b'"}'
    large = (413, "Content Too Large")
    post = served.client.post
    assert post("/v1/texts", content=small, headers=operator | kind).json() == 1
    assert form(post("/v1/texts", content=b" " * MEGABYTES_10, headers=operator)) == large
    assert form(post("/v1/texts", content=pieces(MEGABYTES_10), headers=operator | kind)) == large
    # A route that takes no body does nothing either.
    assert form(post("/v1/things/1", content=b" " * MEGABYTES_10, headers=operator)) == large
    # Who is not recognised has no body read, whatever its size.
    assert form(post("/v1/texts", content=pieces(MEGABYTES_10)))[0] == 401
    assert served.client.get("/health").status_code == 200


def test_a_large_body_is_refused_by_every_route(served: Served, shared_database: Database) -> None:
    large = bearer(token(shared_database, "large", *CallerScope))
    for route in routes():
        answer = served.client.request(
            route.method, route.path, content=b" " * MEGABYTES_10, headers=large
        )
        assert answer.status_code == 413, route


@pytest.mark.parametrize(
    ("path", "header", "statuses"),
    [
        ("/v1/me?" + "a" * 9_000, "", {414}),
        ("/" + "a" * 9_000, "", {414}),
        ("/v1/me", "a" * 20_000, {400, 431}),
        ("/v1/me", "a" * 200_000, {400, 431}),
    ],
    ids=["query", "path", "headers", "very large headers"],
)
def test_a_large_head_is_refused(
    served: Served, operator: dict[str, str], path: str, header: str, statuses: set[int]
) -> None:
    answer = served.client.get(path, headers=operator | {"X-Large": header})
    assert answer.status_code in statuses
    assert form(answer)


def test_what_is_not_http_is_refused_in_our_own_form(served: Served) -> None:
    statuses, answer = sent(served, b"\x16\x03\x01 nonsense\r\n\r\n")
    assert statuses == {400: 1}
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == "Bad Request"


def test_who_asks_too_often_waits_and_others_do_not(
    served: Served, shared_database: Database
) -> None:
    often, seldom = (
        bearer(token(shared_database, name, CallerScope.READ)) for name in ("often", "one")
    )
    head = f"GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: {often['Authorization']}\r\n"
    # More than the burst and the rate allow, unless each takes longer than 15 ms.
    requests = f"{head}\r\n" * 399 + f"{head}Connection: close\r\n\r\n"
    statuses, answers = sent(served, requests.encode())
    assert statuses.keys() == {200, 429}
    assert statuses[200] >= 100
    assert answers.count(b'{"error":"Too Many Requests","message":"too many') == statuses[429]
    assert answers.lower().count(b"\r\nretry-after: 1\r\n") == statuses[429]
    assert served.client.get("/v1/me", headers=seldom).status_code == 200


def count_look_ups(database: Database) -> None:
    """Have the function that looks a token up count its calls, in this database."""
    with database.connect() as connection:
        connection.execute("CREATE SEQUENCE public.look_ups")
        row = connection.execute(
            "SELECT pg_get_functiondef('fanout.use_token'::regproc)"
        ).fetchone()
        assert row
        counting = "BEGIN\n    PERFORM nextval('public.look_ups');"
        connection.execute(row[0].replace("BEGIN", counting, 1).encode())


def look_ups(database: Database) -> int:
    with database.connect() as connection:
        row = connection.execute(
            "SELECT last_value + is_called::int FROM public.look_ups"
        ).fetchone()
        assert row
        return int(row[0])


def test_forged_tokens_cost_no_look_up_each_and_do_not_keep_others_out(
    served: Served, shared_database: Database
) -> None:
    before = look_ups(shared_database)
    valid = bearer(token(shared_database, "valid", CallerScope.READ))
    assert served.client.get("/v1/me", headers=valid).status_code == 200
    # Control: each look-up is counted.
    assert look_ups(shared_database) == before + 1
    started = time.monotonic()
    again = [ask_with(served, "a" * 43) for _ in range(FORGED)]
    others = [ask_with(served, f"{each:043}") for each in range(FORGED)]
    took = time.monotonic() - started
    assert {*again, *others} <= {401, 429}
    # One that was good a moment ago goes on.
    assert served.client.get("/v1/me", headers=valid).status_code == 200
    counted = look_ups(shared_database) - before
    # The burst, the rate, one token again each three seconds, and the valid one.
    assert counted <= 20 + 10 * took + 2 * (took / 3 + 1) + 2
    # Unless each takes longer than 50 ms, most of them were refused before.
    assert took > 6 or counted < 2 * FORGED
    assert took > 6 or 429 in others


def ask_with(served: Served, secret: str) -> int:
    return served.client.get("/v1/me", headers=bearer(f"fanout_{secret}")).status_code


def test_two_thousand_requests_at_once_are_all_answered(
    served: Served, operator: dict[str, str]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * CROWD)), hard))
    url = urlsplit(str(served.client.base_url))
    head = f"Host: x\r\nAuthorization: {operator['Authorization']}\r\nConnection: close\r\n\r\n"
    # One that takes a while, and every route that reads; without an event 1 some answer 404 or 422.
    paths = ["/v1/moments/0.01", *(each.path for each in routes() if each.method == "GET")]

    async def ask(path: str) -> int:
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        writer.write(f"GET {path} HTTP/1.1\r\n{head}".encode())
        status = await reader.readline()
        await reader.read()
        writer.close()
        return int(status.split()[1])

    async def everybody() -> list[int]:
        return await asyncio.wait_for(
            asyncio.gather(*map(ask, islice(cycle(paths), CROWD))), SECONDS
        )

    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(asyncio.run, everybody())
        health = [served.client.get("/health").status_code]
        while not asking.done():
            health.append(served.client.get("/health").status_code)
    statuses = Counter(asking.result())
    assert statuses.keys() <= {200, 404, 422, 429, 503}
    assert statuses[200] > 0
    assert sum(statuses.values()) == CROWD
    assert set(health) == {200}
    assert served.process.poll() is None
    assert psutil.Process(served.process.pid).memory_info().rss < MOST_MEMORY_BYTES


def test_a_slow_client_is_closed_and_holds_nothing_up(
    served: Served, shared_database: Database
) -> None:
    """Control: a client that only takes its time before its next request is not closed."""
    # Nobody who has used up a rate in another test.
    operator = bearer(token(shared_database, "calm", *CallerScope))
    head = f"POST /v1/texts HTTP/1.1\r\nHost: x\r\nAuthorization: {operator['Authorization']}\r\n"
    large = head.replace("POST /v1/texts", "GET /v1/large") + "\r\n"
    several = bearer(token(shared_database, "slow", *CallerScope))["Authorization"]
    bodies = [
        f"{each.method} {each.path} HTTP/1.1\r\nHost: x\r\nAuthorization: {several}\r\n"
        "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
        for each in routes()
    ]
    with (
        ThreadPoolExecutor(4 + len(bodies)) as threads,
        connected(served) as idle,
    ):
        assert answers(idle)
        everywhere = [threads.submit(trickle, served, each.encode(), b" ") for each in bodies]
        slow = [
            threads.submit(trickle, served, b"GET /v1/me HTTP/1.1\r\nX-Slow: ", b"a"),
            threads.submit(trickle, served, f"{head}Content-Length: 900\r\n\r\n".encode(), b" "),
            threads.submit(
                trickle, served, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\n \r\n"
            ),
            threads.submit(read_nothing, served, large.encode()),
        ]
        assert served.client.get("/v1/moments/0", headers=operator).status_code == 200
        ended = [each.result(SECONDS) for each in slow]
        routed = [each.result(SECONDS) for each in everywhere]
        assert answers(idle)
    assert [status for _, status in ended] == [408, 408, 408, None]
    assert all(seconds < CLOSED_WITHIN for seconds, _ in ended + routed), ended + routed
    # A route that needs no body may answer before it has come.
    assert {status for _, status in routed} >= {200, 408}
    assert not {None, 500} & {status for _, status in routed}, routed


def answers(connection: socket.socket) -> bool:
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(65_536)
    return answer.startswith(b"HTTP/1.1 200")


def trickle(served: Served, start: bytes, more: bytes) -> tuple[float, int | None]:
    """Send a little now and then; return how long that went on, and the status at the end."""
    started = time.monotonic()
    answer = b""
    with connected(served) as connection:
        connection.settimeout(0.2)
        connection.sendall(start)
        while time.monotonic() - started < SECONDS:
            try:
                answer = connection.recv(65_536)
                break
            except TimeoutError:
                try:
                    connection.sendall(more)
                except OSError:
                    break
    return time.monotonic() - started, int(answer.split()[1]) if answer else None


def read_nothing(served: Served, request: bytes) -> tuple[float, int | None]:
    """Read nothing of a large answer; return how long the server put up with that."""
    started = time.monotonic()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = urlsplit(str(served.client.base_url))
        connection.connect((url.hostname, url.port))
        connection.sendall(request)
        closed = select.poll()
        closed.register(connection, select.POLLERR | select.POLLHUP)
        assert closed.poll(SECONDS * 1000)
    return time.monotonic() - started, None


def test_a_crowd_waits_in_a_queue_with_an_end() -> None:
    """Control: with room for all of them, none is refused."""

    async def statuses(waiting: int) -> list[int]:
        opened = asyncio.Event()

        async def app(_: Scope, __: Receive, send: Send) -> None:
            await opened.wait()
            await send({"type": "http.response.start", "status": 200})

        crowd = Crowd(app, at_once=2, waiting=waiting, open_paths={"/health"})
        sent: list[int] = []

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent.append(message["status"])

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def ask(path: str) -> None:
            await crowd({"type": "http", "path": path}, receive, send)

        asking = [asyncio.create_task(ask("/v1/me")) for _ in range(10)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        health = asyncio.create_task(ask("/health"))
        refused = list(sent)
        opened.set()
        await asyncio.gather(*asking, health)
        assert refused == [503] * max(0, 8 - waiting)
        return sorted(sent)

    assert asyncio.run(statuses(3)) == [200] * 6 + [503] * 5
    assert asyncio.run(statuses(8)) == [200] * 11


def test_the_rate_is_a_burst_and_then_so_many_a_second() -> None:
    now = 100.0
    rate = Rate(10, clock=lambda: now)
    assert [rate.take("a") for _ in range(20)] == [0] * 20
    assert 0 < rate.take("a") <= 0.1 + 1e-9
    assert rate.take("b") == 0
    now += 0.11
    assert rate.take("a") == 0
    assert rate.take("a") > 0
    rate.give_back("a")
    assert rate.take("a") == 0
    now += 60
    assert [rate.take("a") for _ in range(20)] == [0] * 20


def turning(calls: int, seconds: float) -> Callable[[], float]:
    """Return a clock that stands still, and goes on once, after so many calls."""
    times = chain(repeat(0.0, calls), repeat(seconds))
    return lambda: next(times)


@pytest.mark.parametrize("calls", range(20))
def test_what_is_forgotten_at_any_moment_breaks_no_request(calls: int) -> None:
    """A burst and an answer are forgotten between any two looks at the clock."""
    rate = Rate(10, clock=turning(calls, 2.0))
    assert rate.take("a") == 0
    rate.give_back("a")
    assert rate.take("a") == 0

    async def recogniser(text: str) -> Caller:
        return Caller(name=text, scopes=frozenset(), means=Means.TOKEN)

    recognition = Recognition({Means.TOKEN: recogniser}, turning(calls, KEPT_SECONDS))

    async def ask_twice() -> list[Caller | None]:
        return [await recognition.caller(Credential(Means.TOKEN, "ida")) for _ in range(2)]

    assert [each.name for each in asyncio.run(ask_twice()) if each] == ["ida", "ida"]


def test_a_rate_below_one_a_second_lets_the_first_request_pass() -> None:
    now = 100.0
    rate = Rate(0.1, clock=lambda: now)
    assert rate.take("a") == 0
    assert rate.take("a") == pytest.approx(10)
    now += 10.1
    assert rate.take("a") == 0
