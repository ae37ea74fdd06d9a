"""The base of the payloads of this family: their keys are in camel case."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from pipeline.domain.payload import Payload

# Details that a handler only passes on.
Details = dict[str, Any]
Confidence = Annotated[float, Field(ge=0, le=1)]


class CamelPayload(Payload):
    """A payload whose producers write ``userId`` for ``user_id``."""

    model_config = ConfigDict(alias_generator=to_camel)
