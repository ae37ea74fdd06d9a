"""The rules for every handler in the table."""

import importlib
import inspect
import json
import pickle
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import InvalidRow
from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Payload
from pipeline.reactions import handlers
from pipeline.reactions.ask import outcome_of
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.outcome import Done
from pipeline.reactions.row import ReactionRow, decode_reaction
from tests.payloads import as_json, examples, payload_objects
from tests.reactions.asking import AT, EVENT

FunctionT = TypeVar("FunctionT", bound=Callable[..., None])

MAX_TYPE_CHARACTERS: Final = 100


def for_every_handler(test: FunctionT) -> FunctionT:
    """Run the test once per registered handler."""
    each = [pytest.param(handler, id=name) for name, handler in REACTION_HANDLERS.items()]
    decorated: FunctionT = pytest.mark.parametrize("handler", each)(test)
    return decorated


def defined_handlers() -> Iterator[type[ReactionHandler[Any]]]:
    """Return every concrete handler that a module of the package defines."""
    for found in pkgutil.walk_packages(handlers.__path__, f"{handlers.__name__}."):
        module = importlib.import_module(found.name)
        for _, member in inspect.getmembers(module, inspect.isclass):
            own = member.__module__ == module.__name__
            if own and issubclass(member, ReactionHandler) and not inspect.isabstract(member):
                yield member


def decoded(
    handler: ReactionHandler[Any], payload: object, metadata: str | None = None
) -> ReactionEvent[Any]:
    """Return the event of a row with this payload."""
    row = ReactionRow(
        id=EVENT,
        type=handler.event_type,
        created_at=AT,
        aggregate_type=None,
        aggregate_id=None,
        payload=json.dumps(payload, default=as_json),
        metadata=metadata,
        version=1,
    )
    return decode_reaction(row, handler.payload)


def read(handler: ReactionHandler[Any], payload: object) -> ReactionEvent[Any] | str:
    """Return the event, or why it was refused."""
    try:
        return decoded(handler, payload)
    except InvalidRow as refused:
        return str(refused)


def test_an_error_names_the_column_that_cannot_be_read() -> None:
    handler = REACTION_HANDLERS[EventType("user.verified")]
    with pytest.raises(InvalidRow, match=r"^metadata: a number is too large"):
        decoded(handler, {"userId": UUID(int=1)}, metadata='{"a": 1e400}')


def test_every_handler_that_is_defined_is_registered() -> None:
    registered = {type(handler) for handler in REACTION_HANDLERS.values()}
    assert set(defined_handlers()) - registered == set()


@pytest.mark.parametrize("event_type", REACTION_HANDLERS)
def test_a_handler_is_registered_under_its_own_event_type(event_type: EventType) -> None:
    assert REACTION_HANDLERS[event_type].event_type == event_type
    assert "." in event_type
    assert len(event_type) <= MAX_TYPE_CHARACTERS


def test_every_type_that_a_handler_names_has_a_handler() -> None:
    """An event that we write ourselves must not end as one that nobody handles."""
    family = Path(inspect.getfile(handlers)).parents[1]
    texts = [path.read_text("utf-8") for path in sorted(family.rglob("*.py"))]
    named = {name for text in texts for name in re.findall(r"\btype=EventType\((.*?)\)", text)}
    assert {'"community.request_routed"', '"intro.offer_time_over"'} <= named
    assert {name.strip('"') for name in named} <= set(REACTION_HANDLERS)


@for_every_handler
def test_a_handler_is_documented(handler: ReactionHandler[Any]) -> None:
    kind = type(handler)
    module = inspect.getmodule(kind)
    assert module is not None
    assert (module.__doc__ or "").startswith(f"{handler.event_type}: ")
    for documented in (kind, handler.payload, kind.react):
        assert documented.__doc__
        assert inspect.getdoc(documented) != inspect.getdoc(ReactionHandler.react)


@for_every_handler
def test_a_handler_can_be_pickled(handler: ReactionHandler[Any]) -> None:
    copy = pickle.loads(pickle.dumps(handler))  # noqa: S301 - our own bytes
    assert (type(copy), vars(copy)) == (type(handler), vars(handler))


@for_every_handler
def test_a_payload_is_an_object_whose_example_has_every_key(
    handler: ReactionHandler[Any],
) -> None:
    assert issubclass(handler.payload, Payload)
    (_, documented) = examples(handler.payload)
    assert sorted(documented) == handler.payload.keys()
    decoded(handler, documented)


@for_every_handler
@given(data=st.data())
@settings(max_examples=25)
def test_a_handler_decides_what_it_accepts_always_alike_and_in_what_can_be_stored(
    handler: ReactionHandler[Any], data: st.DataObject
) -> None:
    event = read(handler, data.draw(payload_objects(handler.payload)))
    if isinstance(event, str):
        return
    assert list(handler.questions(event)) == list(handler.questions(event))
    first, again = (outcome_of(handler, event, Answers()) for _ in range(2))
    assert first == again
    for effect in first.effects if isinstance(first, Done) else ():
        assert b"\\u0000" not in orjson.dumps(asdict(effect))


@for_every_handler
@pytest.mark.parametrize("payload", [None, [], "text", 1, True])
def test_a_payload_that_is_no_object_is_refused_without_a_word_of_it(
    handler: ReactionHandler[Any], payload: object
) -> None:
    with pytest.raises(InvalidRow) as refused:
        decoded(handler, payload)
    assert str(refused.value) == "payload: an object is needed"


@for_every_handler
@pytest.mark.parametrize("hostile", [["x"], {"x": 1}, "'; DROP TABLE users --", 1e308, -1, True])
def test_a_hostile_value_is_refused_or_passed_on_and_never_quoted(
    handler: ReactionHandler[Any], hostile: object
) -> None:
    (_, documented) = examples(handler.payload)
    for key in documented:
        said = read(handler, {**documented, key: hostile})
        if isinstance(said, str):
            assert key in said
            assert "DROP" not in said
        else:
            outcome_of(handler, said, Answers())
