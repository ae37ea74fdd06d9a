"""Models of ``/health``: the shape of the event processor before us, with what is true now."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

from pipeline import __version__
from pipeline.ops.reactions.set_up import CLAIMED_AT_ONCE, HANDLED_TYPES, TRIES
from pipeline.ops.reactions.totals import ReactionTotals

SERVICE: Literal["event-processor"] = "event-processor"
EVENT_SOURCE = (
    "change data capture: a new row of the events publishes a message to Pub/Sub; an event whose"
    " message was lost is found in the table"
)


def _javascript(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(_javascript)]


class CamelCase(BaseModel):
    """The base of answers whose fields are named as before."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class HealthStats(CamelCase):
    """What became of all events of reactions, from the ledger: the same in every instance."""

    total_processed: int = Field(
        description="tries that ended, and events whose type has no handler"
    )
    success_count: int = Field(description="tries that ended an event as done")
    error_count: int = Field(description="tries that failed, the last one of a dead event included")
    dead_letter_count: int = Field(description="events that are dead now")
    last_processed_at: Time | None = Field(description="when the last of these happened")
    counted_at: Time = Field(description="when they were counted")

    @classmethod
    def of(cls, totals: ReactionTotals, counted_at: datetime) -> "HealthStats":
        """Make them from what was counted at a time."""
        return cls(
            total_processed=totals.succeeded + totals.failed + totals.unrouted,
            success_count=totals.succeeded,
            error_count=totals.failed,
            dead_letter_count=totals.dead,
            last_processed_at=totals.last_at,
            counted_at=counted_at,
        )


class HealthConfig(CamelCase):
    """How events are processed. Nothing polls any more, so there is no interval."""

    poll_interval_ms: None = Field(default=None, description="always null: nothing polls")
    batch_size: int = Field(default=CLAIMED_AT_ONCE, description="events that are taken at once")
    max_retries: int = Field(default=TRIES, description="tries of an event, the first one included")
    polling_enabled: Literal[False] = False
    event_source: str = Field(default=EVENT_SOURCE, description="what tells of a new event")


class HealthRegistry(CamelCase):
    """The types of events that have a handler."""

    total_handlers: int = len(HANDLED_TYPES)
    event_types: list[str] = list(HANDLED_TYPES)


class Health(CamelCase):
    """The process answers."""

    status: Literal["healthy"] = "healthy"
    service: Literal["event-processor"] = SERVICE
    version: str = __version__
    timestamp: Time
    uptime: int = Field(description="whole seconds since the service was started")
    stats: HealthStats | None = Field(
        description="null for whoever has no token with the scope `read`, where the family"
        " reactions is not installed, and while it cannot be counted"
    )
    config: HealthConfig = HealthConfig()
    registry: HealthRegistry = HealthRegistry()
