"""Credentials are asked for once, in a small number at once, and keys outlive their publisher."""

import asyncio
from typing import Final

import httpx2
import pytest
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from pipeline.domain.errors import TransientError
from service.identity.caller import Caller, Means
from service.identity.door import Door
from service.identity.keys import PublicKeys, discovered
from service.identity.recognise import Credential, Recogniser, Recognition
from service.settings import Limits
from tests.service.asking import bearer
from tests.service.issuer import issuing

AT_ONCE: Final = 64
DAY: Final = 86_400.0


async def everybody(text: str) -> Caller:
    return Caller(name=text, scopes=frozenset(), means=Means.TOKEN)


async def nobody(text: str) -> None:
    del text


def test_so_many_callers_are_looked_up_at_once_and_one_more_is_told_to_come_back() -> None:
    looked_up: list[str] = []
    opened = asyncio.Event()

    async def slowly(text: str) -> Caller:
        looked_up.append(text)
        await opened.wait()
        return await everybody(text)

    async def names() -> list[str]:
        recognition = Recognition({Means.TOKEN: slowly})

        async def ask(name: str) -> str:
            caller = await recognition.caller(Credential(Means.TOKEN, name))
            return caller.name if caller else ""

        # Each is sent twice, and looked up once.
        asking = [asyncio.ensure_future(ask(f"{each // 2}")) for each in range(2 * AT_ONCE)]
        while len(looked_up) < AT_ONCE:
            await asyncio.sleep(0)
        with pytest.raises(TransientError, match="try again"):
            await asyncio.wait_for(ask("one more"), 30)
        opened.set()
        return await asyncio.gather(*asking)

    assert asyncio.run(names()) == [f"{each // 2}" for each in range(2 * AT_ONCE)]
    assert len(looked_up) == AT_ONCE


@pytest.mark.parametrize(
    ("recogniser", "statuses"), [(everybody, {200}), (nobody, {401, 429})], ids=["good", "control"]
)
def test_callers_at_one_address_are_not_counted_as_strangers(
    recogniser: Recogniser, statuses: set[int]
) -> None:
    """Control: whose tokens are wrong are counted."""
    app = FastAPI()

    @app.get("/")
    async def who(request: Request) -> str:
        return str(request.state.caller.name)

    limits = Limits(caller_rate=1000, address_rate=1)
    door = Door(app, open_paths=(), recognisers={Means.TOKEN: recogniser}, limits=limits)

    async def ask() -> set[int]:
        transport = httpx2.ASGITransport(app=door)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            return {(await client.get("/", headers=bearer(f"{n}"))).status_code for n in range(100)}

    assert asyncio.run(ask()) == statuses


@pytest.mark.parametrize(
    ("tokens", "statuses"), [(1, {200}), (100, {200, 429})], ids=["one", "control"]
)
def test_the_first_requests_of_a_caller_may_come_all_at_once(
    tokens: int, statuses: set[int]
) -> None:
    """Control: those of many callers that nobody knows yet are counted, each of them."""
    app = FastAPI()
    opened, arrived = asyncio.Event(), 0

    @app.get("/")
    async def who(request: Request) -> str:
        return str(request.state.caller.name)

    async def slowly(text: str) -> Caller:
        await opened.wait()
        return await everybody(text)

    limits = Limits(caller_rate=1000, address_rate=1)
    door = Door(app, open_paths=(), recognisers={Means.TOKEN: slowly}, limits=limits)

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 100:
            opened.set()
        await door(scope, receive, send)

    async def ask() -> set[int]:
        transport = httpx2.ASGITransport(app=counted)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            asking = [client.get("/", headers=bearer(f"{n % tokens}")) for n in range(100)]
            return {each.status_code for each in await asyncio.gather(*asking)}

    assert asyncio.run(asyncio.wait_for(ask(), 60)) == statuses


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "control"])
def test_an_open_path_answers_while_nobody_can_say_who_calls(*, is_open: bool) -> None:
    """Control: a closed one waits for as long as the look-up takes."""
    app = FastAPI()
    opened = asyncio.Event()

    @app.get("/")
    async def who(request: Request) -> bool:
        return hasattr(request.state, "caller")

    async def slowly(text: str) -> Caller:
        await opened.wait()
        return await everybody(text)

    door = Door(
        app,
        open_paths={"/"} if is_open else (),
        recognisers={Means.TOKEN: slowly},
        limits=Limits(),
        told_more=["/"],
        greet_seconds=0.01,
    )

    async def ask() -> object:
        transport = httpx2.ASGITransport(app=door)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            asking = asyncio.ensure_future(client.get("/", headers=bearer("amara")))
            if is_open:
                first = (await asyncio.wait_for(asking, 30)).json()
            else:
                first = (await asyncio.wait({asking}, timeout=0.1))[0]
            opened.set()
            await asking
            # The look-up went on, so that a later answer is that of a caller.
            async with asyncio.timeout(30):
                while not (await client.get("/", headers=bearer("amara"))).json():
                    await asyncio.sleep(0.01)
            return first

    assert asyncio.run(ask()) == (False if is_open else set())


def test_keys_are_used_for_a_day_after_their_publisher_has_gone() -> None:
    now = 0.0
    with issuing() as issuer:
        keys = PublicKeys("the provider", discovered(issuer.url), clock=lambda: now)
        known = str(issuer.key.kid)

        async def find_later(seconds: float) -> bool:
            nonlocal now
            now += seconds
            return await keys.find(known) is not None

        async def look() -> None:
            assert await find_later(0)
            fetched = len(issuer.asked)
            assert await find_later(599)
            assert len(issuer.asked) == fetched
            issuer.is_up = False
            assert await find_later(2)
            assert len(issuer.asked) > fetched
            assert await find_later(DAY - 700)
            with pytest.raises(TransientError, match="the keys of the provider"):
                await find_later(100)
            issuer.is_up = True
            assert await find_later(3)

        asyncio.run(look())
