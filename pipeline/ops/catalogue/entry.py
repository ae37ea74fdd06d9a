"""One event type in the catalogue: read from its handler, and tried with its example."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

from pipeline.fanout.handler import Handler
from pipeline.fanout.recipients import first_paragraph, recipients
from pipeline.ops.catalogue.fields import PayloadKey, keys
from pipeline.ops.catalogue.schema import payload_schema
from pipeline.testing import Told
from pipeline.testing.rehearsal import COLUMNS, example, rehearse, spares_the_actor

_ANOTHER: Final = UUID("f0000000-0000-4000-8000-000000000001")


class Need(Enum):
    """Whether the event needs this value to notify anyone; EITHER: payload or column is enough."""

    NONE = auto()
    EITHER = auto()
    ALONE = auto()


@dataclass(frozen=True, slots=True)
class PayloadField:
    """One key of a payload, and whether the event needs it."""

    key: PayloadKey
    need: Need


@dataclass(frozen=True, slots=True)
class UsedColumn:
    """One column of ``domain_events`` that changes the results, and whether the event needs it."""

    name: str
    need: Need


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """The facts about one event type for producers and readers.

    Attributes:
        handler: the source of the other attributes.
        occasion: what happened.
        consequence: the results, in one sentence.
        recipients: who may be notified.
        spares_actor: whether the actor is skipped.
        schema: the JSON Schema of the payload.
        example: a payload.
        told: the results of the example.
        fields: the keys of the payload.
        columns: the columns that change the results.
    """

    handler: Handler[Any]
    occasion: str
    consequence: str
    recipients: str
    spares_actor: bool
    schema: Mapping[str, Any]
    example: Mapping[str, Any]
    told: Told
    fields: Sequence[PayloadField]
    columns: Sequence[UsedColumn]


def describe(handler: Handler[Any]) -> CatalogueEntry:
    """Collect all facts about one event type.

    Raises:
        LookupError: the payload class has no example.
    """
    schema, sent = payload_schema(handler.payload), example(handler)
    return CatalogueEntry(
        handler=handler,
        occasion=first_paragraph(inspect.getmodule(type(handler))).partition(": ")[2],
        consequence=first_paragraph(type(handler)),
        recipients=recipients(handler),
        spares_actor=spares_the_actor(handler),
        schema=schema,
        example=sent,
        told=rehearse(handler, sent),
        fields=[
            PayloadField(key, _need_of_key(handler, sent, key.name))
            for key in keys(handler.payload, schema)
        ],
        columns=list(_columns(handler, sent)),
    )


def _columns(handler: Handler[Any], sent: Mapping[str, Any]) -> Iterator[UsedColumn]:
    effects = rehearse(handler, sent).outcome.effects
    for name in COLUMNS:
        variants = ({**COLUMNS, name: None}, {**COLUMNS, name: _ANOTHER})
        if any(rehearse(handler, sent, varied).outcome.effects != effects for varied in variants):
            yield UsedColumn(name, _need_of_column(handler, sent, name))


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
