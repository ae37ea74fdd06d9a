"""Payloads: what a producer may send, validated, whatever family reads it."""

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
    """Marks a payload field for which an explicit null means something of its own."""


class _OneLine:
    """Marks a payload field that stands in a line which people read, as a name does."""


KEEP_NULL: Final = _KeepNull()
ONE_LINE: Final = _OneLine()


class Payload(BaseModel):
    """Base of every event type's payload: what a producer may send, with its defaults.

    Absent, null and empty string all take the field's default, since producers send all three for
    "unknown"; a field annotated with ``KEEP_NULL`` is told about null. One that is annotated with
    ``ONE_LINE`` is put on one line and trimmed first. Unknown keys are ignored.

    Attributes:
        exact_keys: of objects that are handed on digit for digit; see ``exactly``.
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
        """The keys that are used, in alphabetical order: all others are never looked at."""
        return sorted(info.alias or name for name, info in cls.model_fields.items())


def _or_absent(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any field
    try:
        return validate(value)
    except ValidationError:
        raise PydanticUseDefault from None


# For a field that the event can do without: what is not of its type counts as absent.
SPARE: Final = WrapValidator(_or_absent)


def exactly(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401 - any object
    """Keep an exact object itself, and no copy: a field validator of the mode ``wrap``."""
    checked = validate(value)
    return value if isinstance(value, ExactObject) else checked


NullableText = Annotated[str | None, KEEP_NULL]
Line = Annotated[str, ONE_LINE]
OptionalLine = Annotated[str | None, ONE_LINE]
SpareLine = Annotated[str | None, ONE_LINE, SPARE]

# Bounded: JSON can spell integers that it cannot be written with again.
Count = Annotated[NonNegativeInt, Field(le=2**31 - 1)]

PayloadT = TypeVar("PayloadT", bound=Payload)
