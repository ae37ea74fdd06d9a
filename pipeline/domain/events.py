"""An event: the columns of its row in ``domain_events`` and its payload, validated."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, model_validator

from pipeline.domain.identifiers import (
    EventId,
    EventType,
    MeetingId,
    ProjectId,
    ResourceId,
    ThreadId,
    UserId,
)


class _KeepNull:
    """Marks a payload field for which an explicit null means something of its own."""


KEEP_NULL: Final = _KeepNull()


class Payload(BaseModel):
    """Base of every event type's payload: what a producer may send, with its defaults.

    Absent, null and empty string all take the field's default, since producers send all three for
    "unknown"; a field annotated with ``KEEP_NULL`` is told about null. Unknown keys are ignored.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    _keys_kept_null: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {
            key: value
            for key, value in data.items()
            if value != "" and (value is not None or key in cls._keys_kept_null)
        }

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls._keys_kept_null = frozenset(
            info.alias or name
            for name, info in cls.model_fields.items()
            if KEEP_NULL in info.metadata
        )

    @classmethod
    def keys(cls) -> list[str]:
        """The keys that are used, in alphabetical order: all others are never looked at."""
        return sorted(info.alias or name for name, info in cls.model_fields.items())


NullableText = Annotated[str | None, KEEP_NULL]

# Bounded: JSON can spell integers that it cannot be written with again.
Count = Annotated[NonNegativeInt, Field(le=2**31 - 1)]

PayloadT = TypeVar("PayloadT", bound=Payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Generic[PayloadT]):
    """One row of ``domain_events`` whose type has a handler.

    Attributes:
        ignore_age: a replay asked for it, however old it is.
    """

    id: EventId
    type: EventType
    created_at: datetime
    payload: PayloadT
    actor_id: UserId | None = None
    project_id: ProjectId | None = None
    resource_id: ResourceId | None = None
    thread_id: ThreadId | None = None
    meeting_id: MeetingId | None = None
    ignore_age: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrouted:
    """One row of ``domain_events`` whose type no handler knows: recorded, not an error."""

    id: EventId
    type: EventType
