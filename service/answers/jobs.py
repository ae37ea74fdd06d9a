"""Models of ``/v1/jobs`` and ``/v1/switches``."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from pipeline.ops.jobs.read import JobSeen
from pipeline.ops.switches.read import SwitchListed
from service.answers.values import Moment, Note, Ordered

_COUNTS: Final = {"scanned": 40, "due": 3, "emitted": 3, "skipped": 0, "failed": 0}
JOB: Final[dict[str, Any]] = {
    "name": "meeting-reminders",
    "summary": "remind people of meetings that begin soon",
    "cron": "*/5 * * * *",
    "zone": "UTC",
    "schedule": "every 5 minutes",
    "next_at": "2026-03-02T12:05:00Z",
    "overdue": False,
    "done_at": "2026-03-02T12:00:02Z",
    "done_seconds": 40.0,
    "waiting": 0,
    "paused_by": None,
    "paused_since": None,
    "last": {
        "scheduled_for": "2026-03-02T12:00:00Z",
        "by_hand": False,
        "state": "done",
        "started_at": "2026-03-02T12:00:00Z",
        "finished_at": "2026-03-02T12:00:02Z",
        "seconds": 2.0,
        "counts": _COUNTS,
        "attempts": 1,
        "next_attempt_at": None,
        "error_class": None,
        "reason": None,
    },
}
RUN: Final[dict[str, Any]] = {
    "scheduled_for": "2026-03-02T12:03:17.250000Z",
    "by_hand": True,
    "state": "done",
    "created_at": "2026-03-02T12:03:17.250000Z",
    "started_at": "2026-03-02T12:03:20Z",
    "finished_at": "2026-03-02T12:03:22Z",
    "counts": _COUNTS,
    "attempts": 1,
    "next_attempt_at": None,
    "error_class": None,
    "reason": None,
}
REQUESTED: Final[dict[str, Any]] = {
    "job": "meeting-reminders",
    "scheduled_for": "2026-03-02T12:03:17.250000Z",
    "see": "/v1/jobs/meeting-reminders/runs",
}
SWITCH: Final[dict[str, Any]] = {
    "name": "document_uploaded",
    "state": "paused",
    "who": "console",
    "since": "2026-03-02T12:00:00Z",
    "reason": "amara: wrong links",
    "until": None,
    "waiting": 12,
}
PAUSED: Final[dict[str, Any]] = {
    "name": "document_uploaded",
    "before": False,
    "reason": "amara: wrong links",
    "who": "console",
    "since": "2026-03-02T12:00:00Z",
    "waiting": 0,
}
RESUMED: Final[dict[str, Any]] = {"name": "document_uploaded", "was": "paused", "waiting": 12}

_Parameter = Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
_Value = Annotated[int, Field(ge=0, le=1_000_000)]


class Jobs(BaseModel):
    """Every scheduled job, in the order of their table."""

    jobs: list[JobSeen]


class RunNow(Ordered):
    """How to run a job.

    Attributes:
        now: the time that counts as now for what is due; left out: the time of the server.
        parameters: other values for this run.
    """

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"parameters": {"lead_minutes": 15}}, {}]}
    )

    now: Moment | None = None
    parameters: dict[_Parameter, _Value] = Field(default={}, max_length=20)


class RunAsked(BaseModel):
    """A run that waits for the graph of the jobs.

    Attributes:
        scheduled_for: with the job, the key of the run.
        see: where its state is shown.
    """

    job: str
    scheduled_for: datetime
    see: str


class Switches(BaseModel):
    """What is held back now, by name."""

    items: list[SwitchListed]


class Pause(Ordered):
    """Why something is paused."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "wrong links"}]})

    reason: Note = Field(description="for the record")
