"""Models of ``/v1/replays``."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from pipeline.domain.defaults import REPLAY_RATE
from pipeline.domain.identifiers import EventType
from pipeline.ops.replay.plans import ReplayDetails, ReplayListed
from pipeline.ops.replay.selector import Selector
from service.answers.values import AnyEventId, Moment, Note, Ordered, Word

_ID: Final = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"
REPLAY: Final[dict[str, Any]] = {
    "id": _ID,
    "source": "service",
    "state": "planned",
    "planned_at": "2026-03-02T12:00:00Z",
    "planned_by": "nightly",
    "selector": {"fingerprint": "0123abcd4567"},
    "ignore_age": False,
    "planned": 3,
    "applied_by": None,
    "rate": None,
    "note": None,
    "published": 0,
    "started_at": None,
    "finished_at": None,
    "reason": None,
}
PLAN: Final[dict[str, Any]] = {
    "types": {
        "document_uploaded": {
            "complete": 0,
            "states": {"completed": 3, "expired": 0, "unrouted": 0, "dead": 0},
            "create": {"in_app": 6, "email": 3},
            "present": {},
        }
    },
    "causes": {},
    "nameless": 0,
}
_BECAME: Final[dict[str, Any]] = {
    "completed": 2,
    "expired": 0,
    "unrouted": 0,
    "dead": 0,
    "paused": 0,
    "unfinished": 1,
    "causes": [],
}
PLANNED: Final[dict[str, Any]] = {
    **REPLAY,
    "plan": PLAN,
    "became": {**_BECAME, "completed": 0, "unfinished": 0},
    "apply": f"/v1/replays/{_ID}/apply",
}
RUNNING: Final[dict[str, Any]] = {
    **PLANNED,
    "state": "running",
    "applied_by": "nightly",
    "rate": 500.0,
    "note": "payloads are fixed",
    "published": 3,
    "started_at": "2026-03-02T12:01:00Z",
    "became": _BECAME,
    "apply": None,
}


class Selection(Ordered):
    """Which events to replay: those that meet all conditions.

    Attributes:
        event: only these events, all of them numbers or all of them UUIDs of reactions; then there
            is no other condition.
        fingerprint: events with an open dead letter of this cause.
        type: events of this type.
        since: events created at this time or later.
        until: events created before this time; not without another condition.
        missing: events without a final state in the ledger.
        dead_letters: events with an open dead letter.
        unrouted: events that had no handler when they were processed.
        ignore_age: also complete events that are older than the age limit; not of reactions.
        family: events of this family; UUIDs, dotted types and fingerprints say it by themselves.
            Default: the fan-out, where it is installed.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"fingerprint": "0123abcd4567"}, {"event": [42]}, {"event": [_ID]}]
        }
    )

    event: list[AnyEventId] = Field(default=[], max_length=1_000)
    fingerprint: Word | None = None
    type: Word | None = None
    since: Moment | None = None
    until: Moment | None = None
    missing: bool = False
    dead_letters: bool = False
    unrouted: bool = False
    ignore_age: bool = False
    family: Literal["fanout", "reactions"] | None = None

    def selector(self) -> Selector:
        """Return the conditions as ``plan_replay`` takes them.

        Raises:
            UsageError: there is no condition, or no event can meet all of them.
        """
        return Selector(
            events=tuple(self.event),
            fingerprint=self.fingerprint,
            event_type=None if self.type is None else EventType(self.type),
            since=self.since,
            until=self.until,
            missing=self.missing,
            dead_letters=self.dead_letters,
            unrouted=self.unrouted,
        )


class Apply(Ordered):
    """How to apply a plan.

    Attributes:
        rate: the most messages a second.
        note: why, for the record.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rate": 500, "note": "payloads are fixed"}]}
    )

    rate: float = Field(default=REPLAY_RATE, ge=1, le=100_000)
    note: Note | None = None


class TypePlanned(BaseModel):
    """How the events of one type would end.

    Attributes:
        complete: how many are complete already; a replay writes nothing for them.
        states: how many of the others would end in each state.
        create: how many rows would be written, by channel.
        present: how many wanted rows exist already, by channel.
    """

    complete: int
    states: dict[str, int]
    create: dict[str, int]
    present: dict[str, int]


class ReplayPlan(BaseModel):
    """What a replay would lead to, as it was foreseen.

    Attributes:
        types: by event type.
        causes: why events would be dead again, with their numbers.
        nameless: dead letters that cannot be replayed, because they name no event.
    """

    types: dict[str, TypePlanned]
    causes: dict[str, int]
    nameless: int


class ReactionTypePlanned(BaseModel):
    """What a replay would do with the events of one type of reactions.

    Attributes:
        complete: how many are done; a replay leaves them.
        states: how many would be tried again, by their state now.
        busy: how many are not processed yet, or are paused; a replay leaves them.
        no_handler: how many have neither a handler nor a route; a replay leaves them.
    """

    complete: int
    states: dict[str, int]
    busy: int
    no_handler: int


class ReactionReplayPlan(BaseModel):
    """What a replay of events of reactions would do.

    Attributes:
        types: by event type.
        causes: why the dead ones are dead, with their numbers.
    """

    family: Literal["reactions"]
    types: dict[str, ReactionTypePlanned]
    causes: dict[str, int]


class CauseOfDeath(BaseModel):
    """The common cause of some dead letters, and how many of the events have it."""

    fingerprint: str
    error_class: str
    stage: str
    message: str
    events: int


class Became(BaseModel):
    """The states of the published events now.

    Attributes:
        unfinished: those that have neither ended since the replay started nor are paused.
    """

    completed: int
    expired: int
    unrouted: int
    dead: int
    paused: int
    unfinished: int
    causes: list[CauseOfDeath]


class ReplayAnswer(BaseModel):
    """A plan, and what has become of it.

    Attributes:
        source: `service`, or `command` for a replay of `python -m pipeline replay`.
        state: `planned`; `running`; `published`, when all events are; `stopped`, `failed` or
            `interrupted`, when it may be applied again and goes on where it was.
        planned_by: who made the plan.
        selector: the conditions.
        planned: how many events it has; `published` of them are published.
        applied_by: who applied it last.
        rate: the most messages a second.
        reason: why it stopped or failed.
        plan: null for a replay of the command.
        became: null for a replay of the command.
        apply: where to POST to apply it; null if that is of no use now.
    """

    id: UUID
    source: str
    state: str
    planned_at: datetime
    planned_by: str
    selector: dict[str, Any]
    ignore_age: bool
    planned: int
    applied_by: str | None
    rate: float | None
    note: str | None
    published: int
    started_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    plan: ReplayPlan | ReactionReplayPlan | None
    became: Became | None
    apply: str | None

    @classmethod
    def of(cls, details: ReplayDetails) -> "ReplayAnswer":
        """Return the answer."""
        listed = details.listed
        values = {name: getattr(listed, name) for name in ReplayListed.__slots__}
        useful = details.plan is not None and listed.planned > 0
        useful = useful and listed.state not in {"running", "published"}
        return cls.model_validate(
            {
                **values,
                "plan": details.plan,
                "became": details.became,
                "apply": f"/v1/replays/{listed.id}/apply" if useful else None,
            }
        )
