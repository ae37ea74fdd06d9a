"""Whoever asks shares one look, and nobody waits for longer than they said."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from service.observe.shared import Shared


class Looks:
    """Counts looks, and holds each until it is let go."""

    def __init__(self, *values: int | None) -> None:
        self.begun = 0
        self.may_end = threading.Event()
        self._values = values

    def __call__(self) -> int | None:
        self.begun += 1
        assert self.may_end.wait(30)
        return self._values[self.begun - 1] if self._values else self.begun


@contextmanager
def shared(look: Callable[[], int | None], **pauses: float) -> Iterator[Shared[int | None]]:
    one = Shared(look, **{"every": 0.0} | pauses)
    try:
        yield one
    finally:
        one.close()


def value(seen: object) -> object:
    return getattr(seen, "value", None)


def test_a_thousand_who_ask_at_once_cost_one_look() -> None:
    looks = Looks()

    async def ask() -> list[object]:
        with shared(looks) as one:
            asked = [asyncio.ensure_future(one.get(30)) for _ in range(1_000)]
            await asyncio.sleep(0)
            looks.may_end.set()
            return [value(seen) for seen in await asyncio.gather(*asked)]

    assert asyncio.run(ask()) == [1] * 1_000
    assert looks.begun == 1


def test_an_answer_is_kept_for_as_long_as_it_was_said_and_no_longer() -> None:
    looks = Looks()
    looks.may_end.set()

    async def ask(every: float) -> list[object]:
        with shared(looks, every=every) as one:
            return [value(await one.get(30)) for _ in range(3)]

    assert asyncio.run(ask(3_600)) == [1, 1, 1]
    assert asyncio.run(ask(0)) == [2, 3, 4]


def test_who_needs_a_newer_answer_gets_one_and_the_others_keep_theirs() -> None:
    looks = Looks()
    looks.may_end.set()

    async def ask() -> list[object]:
        with shared(looks, every=3_600) as one:
            asked = [await one.get(30), await one.get(30, oldest=3_600)]
            return [
                value(seen) for seen in [*asked, await one.get(30, oldest=0), await one.get(30)]
            ]

    assert asyncio.run(ask()) == [1, 1, 2, 2]


def test_after_a_look_that_saw_nothing_the_next_comes_sooner() -> None:
    looks = Looks(None, 7, 8)
    looks.may_end.set()

    async def ask() -> list[object]:
        with shared(looks, every=3_600, again=0) as one:
            return [value(await one.get(30)) for _ in range(3)]

    assert asyncio.run(ask()) == [None, 7, 7]


def test_a_slow_look_is_rare() -> None:
    looks = Looks()

    async def ask() -> list[object]:
        with shared(looks, share=0.0001) as one:
            first = asyncio.ensure_future(one.get(30))
            await asyncio.sleep(0.05)
            looks.may_end.set()
            return [value(await first), value(await one.get(30))]

    # 50 ms are that share of 500 s.
    assert asyncio.run(ask()) == [1, 1]


def test_nobody_waits_for_longer_than_they_said_and_the_look_goes_on() -> None:
    looks = Looks()

    async def ask() -> list[object]:
        with shared(looks) as one:
            hurried = await one.get(0.01)
            looks.may_end.set()
            return [hurried, value(await one.get(30))]

    assert asyncio.run(ask()) == [None, 1]
    assert looks.begun == 1


def test_one_who_gives_up_does_not_end_the_look_of_the_others() -> None:
    looks = Looks()

    async def ask() -> object:
        with shared(looks) as one:
            hurried = asyncio.ensure_future(one.get(30))
            patient = asyncio.ensure_future(one.get(30))
            await asyncio.sleep(0)
            hurried.cancel()
            looks.may_end.set()
            return value(await patient)

    assert asyncio.run(ask()) == 1


def test_a_look_that_fails_fails_for_those_who_asked_and_the_next_is_taken() -> None:
    looks = Looks(*())
    looks.may_end.set()

    def fails_at_first() -> int | None:
        if looks() == 1:
            raise ZeroDivisionError
        return 2

    async def ask() -> object:
        with shared(fails_at_first) as one:
            with pytest.raises(ZeroDivisionError):
                await one.get(30)
            return value(await one.get(30))

    assert asyncio.run(ask()) == 2
