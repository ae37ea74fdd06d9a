"""resume_incomplete_nudge: a resume of a project has been left incomplete for days."""

import math
from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import Count, Payload
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
                }
            ]
        }
    )

    user_id: UserId | None = None
    resume_type: str | None = None
    completion_percent: Annotated[Count, BeforeValidator(_whole)] | None = None
    nudge_tier: Count | None = None


class ResumeIncompleteNudgeHandler(Handler[ResumeIncompleteNudge]):
    """Ask an owner to continue, in the app and by e-mail at once. Once for each tier."""

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
            payload.user_id, event.project_id, payload.resume_type, str(payload.nudge_tier)
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
            payload={"type": self.event_type, "project_id": event.project_id, **about},
        )
        yield Email(
            delivery=Delivery.IMMEDIATE,
            subject=f"{title} - {project_name}",
            data={**about, "resume_type_label": label, "link_url": link},
            project_id=event.project_id,
            project_name=project_name,
        )
