"""One event type as the catalogue describes it: read from its handler, tried with its example."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.domain.events import KEEP_NULL, Payload
from pipeline.domain.handler import Handler
from pipeline.ops.catalogue.rehearsal import COLUMNS, example, rehearse, spares_the_actor
from pipeline.ops.catalogue.schema import payload_schema
from pipeline.testing import Told


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One key of a payload; of an object within it, with the path to it."""

    name: str
    type: str
    default: Any
    needed: bool
    null_matters: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of ``domain_events`` that the handler looks at."""

    name: str
    needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a producer and a reader must know of one event type.

    Attributes:
        handler: what the rest was read from.
        occasion: what happened.
        consequence: what follows, in one sentence.
        fields: the keys of the payload; needed are those without which nobody is told.
        columns: the columns that change what follows.
        spares_actor: whether whoever caused the event is left out.
        schema: the JSON Schema of the payload.
        example: a payload.
        told: what the example leads to.
    """

    handler: Handler[Any]
    occasion: str
    consequence: str
    fields: Sequence[Field]
    columns: Sequence[Column]
    spares_actor: bool
    schema: Mapping[str, Any]
    example: Mapping[str, Any]
    told: Told

    @property
    def recipients(self) -> str:
        """Who may hear of it."""
        return recipients(self.handler)


def recipients(handler: Handler[Any]) -> str:
    """Who may hear of an event type, in the words of its handler."""
    return _first_paragraph(type(handler).audience)


def describe(handler: Handler[Any]) -> Entry:
    """Everything about one event type.

    Raises:
        LookupError: the payload class gives no example.
    """
    schema, sent = payload_schema(handler.payload), example(handler)
    told = rehearse(handler, sent)
    without = {name: rehearse(handler, sent, without=name) for name in (*sent, *COLUMNS)}
    needed = {name for name, less in without.items() if not less.reached}
    return Entry(
        handler=handler,
        occasion=_first_paragraph(inspect.getmodule(type(handler))).partition(": ")[2],
        consequence=_first_paragraph(type(handler)),
        fields=list(_fields(handler.payload, schema, schema, needed)),
        columns=[
            Column(name=name, needed=name in needed)
            for name in COLUMNS
            if without[name].outcome.effects != told.outcome.effects or name in needed
        ],
        spares_actor=spares_the_actor(handler),
        schema=schema,
        example=sent,
        told=told,
    )


def _first_paragraph(documented: object) -> str:
    return " ".join((inspect.getdoc(documented) or "").partition("\n\n")[0].split())


def _fields(
    payload: type[Payload],
    schema: Mapping[str, Any],
    whole: Mapping[str, Any],
    needed: set[str],
    path: str = "",
) -> Iterator[Field]:
    kept_null = {
        info.alias or name
        for name, info in payload.model_fields.items()
        if KEEP_NULL in info.metadata
    }
    for name, accepted in schema.get("properties", {}).items():
        alternatives = _alternatives(accepted, whole)
        yield Field(
            name=path + name,
            type=" or ".join(dict.fromkeys(_in_words(each, whole) for each in alternatives)),
            default=accepted.get("default"),
            needed=not path and name in needed,
            null_matters=not path and name in kept_null,
        )
        for each in alternatives:
            if "properties" in each:
                yield from _fields(payload, each, whole, needed, f"{path}{name}.")


def _alternatives(accepted: Mapping[str, Any], whole: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """What a key may hold beside null, references followed."""
    if "$ref" in accepted:
        return [whole["$defs"][accepted["$ref"].rpartition("/")[2]]]
    if "anyOf" in accepted:
        return [
            found
            for each in accepted["anyOf"]
            if each != {"type": "null"}
            for found in _alternatives(each, whole)
        ]
    return [accepted]


def _in_words(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        items = _alternatives(schema.get("items", {}), whole)
        return "array of " + " or ".join(_in_words(each, whole) for each in items)
    words = schema.get("format", {"string": "text"}.get(kind, kind))
    words = {"uuid": "UUID", "date-time": "time, ISO 8601"}.get(words, words)
    bounds = (
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
    )
    return ", ".join([words, *(f"{said} {schema[key]}" for key, said in bounds if key in schema)])
