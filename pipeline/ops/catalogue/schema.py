"""Turns a payload model into the JSON Schema for producers."""

import inspect
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pipeline.domain.payload import Payload

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_NULL: Final = {"type": "null"}
_DEFAULTS: Final = "A key that is absent, null or an empty text takes its default."


def payload_schema(payload: type[Payload]) -> dict[str, Any]:
    """Return the schema of a payload, with the names that producers use."""
    return {"$schema": DIALECT, **payload.model_json_schema(schema_generator=_ForProducers)}


class _ForProducers(GenerateJsonSchema):
    """States for every payload that null equals an absent key and that other keys are ignored.

    A key without a default is required, so that null is no value of it.
    """

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema of one model."""
        described = super().model_schema(schema)
        if issubclass(schema["cls"], Payload):
            properties = described.get("properties", {})
            needed = described.get("required", ())
            described["properties"] = {
                name: accepted if name in needed else _or_null(accepted)
                for name, accepted in properties.items()
            }
            described["description"] = _described(schema["cls"])
            described["additionalProperties"] = True
        return described

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - pydantic's
        """Leave titles out: a title would only repeat the field's name."""
        return False


def _described(payload: type[Payload]) -> str:
    return f"{inspect.getdoc(payload)} {_DEFAULTS}".replace("``", "`")


def _or_null(accepted: JsonSchemaValue) -> JsonSchemaValue:
    if _NULL in accepted.get("anyOf", ()):
        return accepted
    alone = {name: value for name, value in accepted.items() if name != "default"}
    default = accepted.keys() & {"default"}
    return {"anyOf": [alone, _NULL], **{name: accepted[name] for name in default}}
