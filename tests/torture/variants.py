"""Variants of the pipeline: set to die at a given instant, or weakened so that it must fail.

The process of a life calls each variant once, before the stream starts. A weakened variant raises
an error if the code that it weakens has changed: a control must not pass by accident.
"""

import importlib
import itertools
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NoReturn

import pytest

from pipeline.clients.postgres.session import Session
from pipeline.clients.pubsub.subscription import Subscription
from pipeline.domain.wake_up import WakeUp


@dataclass(frozen=True, slots=True)
class DieBeforeWriting:
    """Die just before the nth batch is written: decided, with no row in the database."""

    nth: int

    def __call__(self) -> None:
        """Set the instant of death."""
        _wrap("pipeline.sinks.write_outcomes.write_unlocked", partial(_die_at, self.nth))


@dataclass(frozen=True, slots=True)
class DieBeforeAcknowledging:
    """Die just before the nth bundle is acknowledged: committed, but not acknowledged."""

    nth: int

    def __call__(self) -> None:
        """Set the instant of death."""
        _wrap(
            "pipeline.clients.pubsub.subscription.Subscription.acknowledge",
            partial(_die_at, self.nth),
        )


def acknowledge_early() -> None:
    """Weakened: messages are acknowledged as soon as they are pulled."""

    def weaken(honest: Callable[[Subscription], list[WakeUp]]) -> Callable[..., Any]:
        def pull(self: Subscription) -> list[WakeUp]:
            pulled = honest(self)
            self.acknowledge([each.receipt for each in pulled if each.receipt is not None])
            return [replace(each, receipt=None) for each in pulled]

        return pull

    _wrap("pipeline.clients.pubsub.subscription.Subscription._pull", weaken)


def fetch_completed_events() -> None:
    """Weakened: an event that is completed in the ledger is fetched again."""
    rows = importlib.import_module("pipeline.facts.rows")
    join = b"ON ledger.event_id = asked.id"
    weakened = join + b" AND ledger.processing_status <> 'completed'"
    _replace("pipeline.facts.rows._ROWS", exchange(vars(rows)["_ROWS"], join, weakened))


def write_without_the_gate() -> None:
    """Weakened: an event that is completed in the ledger is written again."""
    outcomes = importlib.import_module("pipeline.sinks.outcomes")
    gate = b"ledger.processing_status <> 'completed'\n    AND "
    _replace("pipeline.sinks.outcomes._WRITE", exchange(vars(outcomes)["_WRITE"], gate, b""))


def commit_without_waiting() -> None:
    """Weakened: Postgres confirms a commit before it is written to the disk."""

    def weaken(honest: Any) -> Any:  # noqa: ANN401 - a property
        def settings(session: Session) -> dict[str, str]:
            said: dict[str, str] = honest.fget(session)
            assert said["synchronous_commit"] == "on", "the code to weaken has changed"
            return {**said, "synchronous_commit": "off"}

        return property(settings)

    _wrap("pipeline.clients.postgres.session.Session.settings", weaken)


def exchange(text: bytes, old: bytes, new: bytes) -> bytes:
    """Replace the only occurrence of a text; fail if there is none or another one."""
    assert text.count(old) == 1, "the code to weaken has changed"
    return text.replace(old, new)


def _die_at(nth: int, honest: Callable[..., Any]) -> Callable[..., Any]:
    calls = itertools.count(1)

    def armed(*arguments: object, **options: object) -> object:
        if next(calls) == nth:
            _die()
        return honest(*arguments, **options)

    return armed


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def _wrap(name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function by the result of ``wrap``."""
    module, *path = _resolve(name)
    honest: Any = module
    for part in path:
        honest = getattr(honest, part)
    _replace(name, wrap(honest))


def _resolve(name: str) -> Sequence[Any]:
    parts = name.split(".")
    number = next(i for i, part in enumerate(parts) if part[0].isupper() or i == len(parts) - 1)
    return importlib.import_module(".".join(parts[:number])), *parts[number:]


def _replace(name: str, value: object) -> None:
    pytest.MonkeyPatch().setattr(name, value)
