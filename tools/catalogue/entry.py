"""One event type as the catalogue describes it: read from its handler, tried with its example."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

from pipeline.fanout.handler import Handler
from pipeline.fanout.recipients import first_paragraph, recipients
from pipeline.testing import Told
from pipeline.testing.rehearsal import COLUMNS, example, rehearse, spares_the_actor
from tools.catalogue.fields import Key, keys
from tools.catalogue.schema import payload_schema

_ANOTHER: Final = UUID("f0000000-0000-4000-8000-000000000001")


class Need(Enum):
    """Whether anyone is told without it; EITHER: it may stand in the payload or in the column."""

    NONE = auto()
    EITHER = auto()
    ALONE = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a payload, and whether it is needed."""

    key: Key
    need: Need


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``domain_events`` that changes what follows, and whether it is needed."""

    name: str
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a producer and a reader must know of one event type.

    Attributes:
        handler: what the rest was read from.
        occasion: what happened.
        consequence: what follows, in one sentence.
        recipients: who may hear of it.
        spares_actor: whether whoever caused the event is left out.
        schema: the JSON Schema of the payload.
        example: a payload.
        told: what the example leads to.
        fields: the keys of the payload.
        columns: the columns that matter.
    """

    handler: Handler[Any]
    occasion: str
    consequence: str
    recipients: str
    spares_actor: bool
    schema: Mapping[str, Any]
    example: Mapping[str, Any]
    told: Told
    fields: Sequence[Field]
    columns: Sequence[Column]


def describe(handler: Handler[Any]) -> Entry:
    """Everything about one event type.

    Raises:
        LookupError: the payload class gives no example.
    """
    schema, sent = payload_schema(handler.payload), example(handler)
    return Entry(
        handler=handler,
        occasion=first_paragraph(inspect.getmodule(type(handler))).partition(": ")[2],
        consequence=first_paragraph(type(handler)),
        recipients=recipients(handler),
        spares_actor=spares_the_actor(handler),
        schema=schema,
        example=sent,
        told=rehearse(handler, sent),
        fields=[
            Field(key, _need_of_key(handler, sent, key.name))
            for key in keys(handler.payload, schema)
        ],
        columns=list(_columns(handler, sent)),
    )


def _columns(handler: Handler[Any], sent: Mapping[str, Any]) -> Iterator[Column]:
    effects = rehearse(handler, sent).outcome.effects
    for name in COLUMNS:
        variants = ({**COLUMNS, name: None}, {**COLUMNS, name: _ANOTHER})
        if any(rehearse(handler, sent, varied).outcome.effects != effects for varied in variants):
            yield Column(name, _need_of_column(handler, sent, name))


def _need_of_key(handler: Handler[Any], sent: Mapping[str, Any], name: str) -> Need:
    less = _without(sent, name)
    if not rehearse(handler, less).reached:
        return Need.ALONE
    return _need_of_either(handler, less, name)


def _need_of_column(handler: Handler[Any], sent: Mapping[str, Any], name: str) -> Need:
    if not rehearse(handler, sent, {**COLUMNS, name: None}).reached:
        return Need.ALONE
    return _need_of_either(handler, _without(sent, name), name)


def _need_of_either(handler: Handler[Any], less: Mapping[str, Any], name: str) -> Need:
    alone = name not in COLUMNS or rehearse(handler, less, {**COLUMNS, name: None}).reached
    return Need.NONE if alone else Need.EITHER


def _without(sent: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in sent.items() if key != name}
