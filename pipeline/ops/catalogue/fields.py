"""Turns a payload's JSON Schema into its keys, with their types in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pipeline.domain.payload import KEEP_NULL, Payload

Schema = Mapping[str, Any]

_WORDS: Final = {"string": "text", "uuid": "UUID", "date-time": "time, ISO 8601"}
_BOUNDS: Final = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadKey:
    """One key of a payload; for a key of an object inside the payload, ``name`` is its path."""

    name: str
    type: str
    default: Any
    null_matters: bool
    required: bool


def keys(payload: type[Payload], schema: Schema) -> Iterator[PayloadKey]:
    """Yield the keys in the order of the class; the keys of an object follow the object's key."""
    # Without the keys that have no default.
    defaults = payload.model_construct().model_dump(mode="json", by_alias=True)
    kept_null = {
        info.alias or name
        for name, info in payload.model_fields.items()
        if KEEP_NULL in info.metadata
    }
    for path, accepted, required in _paths(schema, schema):
        words = (_in_words(each, schema) for each in _alternatives(accepted, schema))
        yield PayloadKey(
            name=path,
            type=" or ".join(dict.fromkeys(words)),
            default=defaults.get(path, accepted.get("default")),
            null_matters=path in kept_null,
            required=required,
        )


def _paths(schema: Schema, whole: Schema, prefix: str = "") -> Iterator[tuple[str, Schema, bool]]:
    for name, accepted in schema.get("properties", {}).items():
        yield prefix + name, accepted, name in schema.get("required", ())
        for each in _alternatives(accepted, whole):
            yield from _paths(each, whole, f"{prefix}{name}.")


def _alternatives(accepted: Schema, whole: Schema) -> list[Schema]:
    """Return the schemas that a key accepts besides null, with references resolved."""
    if "$ref" in accepted:
        return [whole["$defs"][accepted["$ref"].rpartition("/")[2]]]
    if "anyOf" in accepted:
        offered = [each for each in accepted["anyOf"] if each != {"type": "null"}]
        return [found for each in offered for found in _alternatives(each, whole)]
    return [accepted]


def _in_words(schema: Schema, whole: Schema) -> str:
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "anything")
    if kind == "array":
        items = _alternatives(schema.get("items", {}), whole)
        return "array of " + " or ".join(_in_words(each, whole) for each in items)
    word = str(schema.get("format", kind))
    bounds = (f"{said} {schema[bound]}" for bound, said in _BOUNDS.items() if bound in schema)
    return ", ".join([_WORDS.get(word, word), *bounds])
