"""Models of the routes that the event processor before us had. Its callers know these bodies."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

_EVENT: Final = "0b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"
EVENT_STARTED: Final[dict[str, Any]] = {
    "success": True,
    "message": "Event processing started",
    "event_id": _EVENT,
}
BATCH_STARTED: Final[dict[str, Any]] = {"success": True, "message": "Batch processing started"}
CLOSED: Final[dict[str, Any]] = {"success": True, "closedCount": 1, "requestIds": [_EVENT]}
REQUESTS: Final[dict[str, Any]] = {
    "success": True,
    "openRequests": 12,
    "expiredRequests": 1,
    "fullyRespondedRequests": 0,
}

NO_ID: Final = "event_id is required"
NOT_FOUND: Final = "Event not found"
ALREADY: Final = "Event already processed"


class ProcessEvent(BaseModel):
    """Which event to process. What else is sent is ignored, as it was before."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        json_schema_extra={"examples": [{"event_id": _EVENT}], "required": ["event_id"]},
    )

    # Its absence has an answer of its own.
    event_id: Annotated[
        str | None,
        Field(description="the id of a row of the events"),
        WithJsonSchema({"type": "string", "format": "uuid"}),
    ] = None


class EventStarted(BaseModel):
    """The graph looks at the event now."""

    success: Literal[True] = True
    message: Literal["Event processing started"] = "Event processing started"
    event_id: str


class BatchStarted(BaseModel):
    """The graph looks at the events that wait."""

    success: Literal[True] = True
    message: Literal["Batch processing started"] = "Batch processing started"


class RequestsClosed(BaseModel):
    """What the run of the job that was asked for will close, within seconds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    success: Literal[True] = True
    closed_count: int = Field(
        description="the requests that have expired or were answered by all, and are open still"
    )
    request_ids: list[UUID] = Field(description="their ids, 10,000 at most")


class RequestsHealth(BaseModel):
    """How community requests stand."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    success: Literal[True] = True
    open_requests: int = Field(description="those that are not closed")
    expired_requests: int = Field(description="of these, those that have expired")
    fully_responded_requests: int = Field(
        description="of the others, those that were answered by all whom they asked"
    )
