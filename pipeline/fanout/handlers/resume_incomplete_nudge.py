"""resume_incomplete_nudge: a resume of a project has been left incomplete for days."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, Count, Payload
from pipeline.fanout.audience import Audience, Nobody, ResumeOwner, missing
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


def _whole(value: object) -> object:
    """Round a percentage down, since the producer sends some of them as floats."""
    return math.floor(value) if isinstance(value, float) and math.isfinite(value) else value


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time does not exist in UTC") from None


_TimeInUtc = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class ResumeIncompleteNudge(Payload):
    """Payload of ``resume_incomplete_nudge``. 0 is a valid percentage, but not a valid tier."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "a0000000-0000-4000-8000-000000000001",
                    "resume_type": "project",
                    "completion_percent": 45,
                    "nudge_tier": 1,
                    "anchor_activity_at": "2026-03-01T18:00:00.000000+00:00",
                }
            ]
        }
    )

    user_id: UserId | None = None
    resume_type: str | None = None
    completion_percent: Annotated[Count, BeforeValidator(_whole)] | None = None
    nudge_tier: Count | None = None
    # When the resume was last edited. Only our own job sends it.
    anchor_activity_at: Annotated[_TimeInUtc | None, LENIENT] = None

    @property
    def anchor(self) -> str | None:
        """The anchor as text. SQL compares it as text, so it always has six decimal places."""
        at = self.anchor_activity_at
        return None if at is None else at.isoformat(timespec="microseconds")


class ResumeIncompleteNudgeHandler(Handler[ResumeIncompleteNudge]):
    """Ask an owner to continue, in the app and by e-mail at once. Once for each tier and anchor."""

    event_type = EventType("resume_incomplete_nudge")
    payload = ResumeIncompleteNudge
    channels = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("resume_incomplete_nudge", Scope.PROJECT)

    def audience(self, event: Event[ResumeIncompleteNudge]) -> Audience:
        """The owner named by the event."""
        payload = event.payload
        if event.project_id is None:
            return Nobody("the event names no project")
        if payload.user_id is None:
            return missing("user_id")
        if payload.resume_type is None:
            return missing("resume_type")
        if payload.completion_percent is None:
            return missing("completion_percent")
        if not payload.nudge_tier:
            return missing("nudge_tier")
        return ResumeOwner(
            user_id=payload.user_id,
            project_id=event.project_id,
            resume_type=payload.resume_type,
            nudge_tier=str(payload.nudge_tier),
            anchor=payload.anchor,
        )

    def decide(
        self, event: Event[ResumeIncompleteNudge], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification and one immediate e-mail."""
        payload = event.payload
        label = "Project" if payload.resume_type == "project" else "Borrower"
        project_name = facts.project_name(event.project_id)
        link = links.project(event.project_id)
        title = f"Complete your {label} Resume"
        about = {
            "resume_type": payload.resume_type,
            "completion_percent": payload.completion_percent,
            "nudge_tier": payload.nudge_tier,
            "project_name": project_name,
        }
        yield Notification(
            kind=self.event_type,
            title=title,
            body=f"Your {label} resume for **{escape(project_name)}** is"
            f" **{payload.completion_percent}%** complete. Finish it to generate your OM!",
            link=link,
            payload={
                "type": self.event_type,
                "project_id": event.project_id,
                **about,
                # Later events of the same tier compare their anchor with it.
                **({"anchor_activity_at": payload.anchor} if payload.anchor else {}),
            },
        )
        yield Email(
            delivery=Delivery.IMMEDIATE,
            subject=f"{title} - {project_name}",
            data={**about, "resume_type_label": label, "link_url": link},
            project_id=event.project_id,
            project_name=project_name,
        )
