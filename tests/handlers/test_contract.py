"""What holds for every handler of the table, and so for the next one too."""

import importlib
import inspect
import pickle
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final, TypeVar

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import handlers
from pipeline.domain.decide import Policy, decide
from pipeline.domain.events import Payload
from pipeline.domain.handler import Handler
from pipeline.domain.identifiers import EventType
from pipeline.domain.row import MAX_TYPE_CHARACTERS
from pipeline.handlers import HANDLERS
from tests.builders import NOON
from tests.handlers.strategies import events, facts

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])

NO_EXCLUSIONS: Final = Policy(system_users=frozenset(), max_event_age=None)


def for_every_handler(test: FunctionT) -> FunctionT:
    """Run the test once per registered handler."""
    each = [pytest.param(handler, id=name) for name, handler in HANDLERS.items()]
    decorated: FunctionT = pytest.mark.parametrize("handler", each)(test)
    return decorated


def defined_handlers() -> Iterator[type[Handler[Any]]]:
    """Every concrete handler that a module of the package defines."""
    for found in pkgutil.walk_packages(handlers.__path__, f"{handlers.__name__}."):
        module = importlib.import_module(found.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == module.__name__
            if own and issubclass(member, Handler) and not inspect.isabstract(member):
                yield member


def test_every_handler_that_is_defined_is_registered() -> None:
    registered = {type(handler) for handler in HANDLERS.values()}
    assert set(defined_handlers()) - registered == set()


@pytest.mark.parametrize("event_type", HANDLERS)
def test_a_handler_is_registered_under_its_own_event_type(event_type: EventType) -> None:
    assert HANDLERS[event_type].event_type == event_type
    assert 0 < len(event_type) <= MAX_TYPE_CHARACTERS


@for_every_handler
def test_a_handler_says_what_it_needs(handler: Handler[Any]) -> None:
    assert issubclass(handler.payload, Payload)
    assert handler.channels
    assert len(set(handler.channels)) == len(handler.channels)
    assert handler.preference.name


@for_every_handler
def test_an_empty_payload_is_a_valid_one(handler: Handler[Any]) -> None:
    assert handler.payload.model_validate({}) == handler.payload()


@for_every_handler
def test_a_handler_is_documented(handler: Handler[Any]) -> None:
    kind = type(handler)
    module = inspect.getmodule(kind)
    assert module is not None
    assert (module.__doc__ or "").startswith(f"{handler.event_type}: ")
    for documented in (kind, handler.payload, kind.audience, kind.decide):
        assert documented.__doc__
        assert inspect.getdoc(documented) != inspect.getdoc(Handler)


@for_every_handler
def test_a_handler_can_be_pickled(handler: Handler[Any]) -> None:
    copy = pickle.loads(pickle.dumps(handler))  # noqa: S301 - our own bytes
    assert type(copy) is type(handler)
    assert vars(copy) == vars(handler)


@for_every_handler
@given(data=st.data())
@settings(max_examples=50)
def test_a_handler_decides_every_valid_event_always_alike_and_in_what_can_be_stored(
    handler: Handler[Any], data: st.DataObject
) -> None:
    event, known = data.draw(events(handler)), data.draw(facts())
    assert handler.audience(event) == handler.audience(event)
    first, again = (decide(handler, event, known, NO_EXCLUSIONS, now=NOON) for _ in range(2))
    assert first == again
    for _, effect in first.effects:
        assert b"\\u0000" not in orjson.dumps(asdict(effect))
    for each in (event, first):
        assert pickle.loads(pickle.dumps(each)) == each  # noqa: S301 - our own bytes
