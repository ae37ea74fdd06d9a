"""Payloads: the base class that validates what a producer sends. All families use it."""

from typing import Annotated, Any, ClassVar, Final, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticUseDefault

from pipeline.domain.exact import ExactObject
from pipeline.domain.names import one_line


class _KeepNull:
    """Marks a payload field in which an explicit null differs from a missing field."""


class _OneLine:
    """Marks a payload field that people read within a line, such as a name."""


KEEP_NULL: Final = _KeepNull()
ONE_LINE: Final = _OneLine()


class Payload(BaseModel):
    """Base of the payload of every event type: the fields that a producer may send, with defaults.

    An absent field, null and an empty string all become the default, since producers send all
    three for "unknown". A field annotated with ``KEEP_NULL`` keeps null. The text of a field
    annotated with ``ONE_LINE`` is first put on one line and trimmed. Unknown keys are ignored.

    Attributes:
        exact_keys: keys of objects that keep every digit of their numbers; see ``exactly``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    _keys_kept_null: ClassVar[frozenset[str]] = frozenset()
    _keys_on_one_line: ClassVar[frozenset[str]] = frozenset()
    exact_keys: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        lines = {
            key: one_line(data[key])
            for key in cls._keys_on_one_line
            if isinstance(data.get(key), str)
        }
        return {
            key: value
            for key, value in {**data, **lines}.items()
            if value != "" and (value is not None or key in cls._keys_kept_null)
        }

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._keys_kept_null, cls._keys_on_one_line = (
            frozenset(
                info.alias or name
                for name, info in cls.model_fields.items()
                if mark in info.metadata
            )
            for mark in (KEEP_NULL, ONE_LINE)
        )

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys of the fields, in alphabetical order. Other keys are never read."""
        return sorted(info.alias or name for name, info in cls.model_fields.items())


def _or_absent(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any field
    try:
        return validate(value)
    except ValidationError:
        raise PydanticUseDefault from None


# Marks a field that the event does not need: an invalid value counts as absent.
LENIENT: Final = WrapValidator(_or_absent)


def exactly(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any object
    """Keep an ``ExactObject`` instead of a copy: a field validator of the mode ``wrap``."""
    checked = validate(value)
    return value if isinstance(value, ExactObject) else checked


NullableText = Annotated[str | None, KEEP_NULL]
Line = Annotated[str, ONE_LINE]
OptionalLine = Annotated[str | None, ONE_LINE]
LenientLine = Annotated[str | None, ONE_LINE, LENIENT]

# Limited: JSON can contain integers that we cannot write as JSON again.
Count = Annotated[NonNegativeInt, Field(le=2**31 - 1)]

PayloadT = TypeVar("PayloadT", bound=Payload)
