"""invite_accepted: someone has joined an organisation."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, OrganisationId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, LenientLine, Line, Payload
from pipeline.fanout.audience import Audience, Nobody, OrganisationOwners, missing
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class InviteAccepted(Payload):
    """Payload of ``invite_accepted``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "org_id": "b0000000-0000-4000-8000-000000000002",
                    "org_name": "Harrow & Pine",
                    "new_member_id": "a0000000-0000-4000-8000-000000000003",
                    "new_member_name": "Maya Lindqvist",
                    "new_member_email": "maya@harrow.example",
                }
            ]
        }
    )

    org_id: OrganisationId | None = None
    org_name: Line = "your organization"
    new_member_id: Annotated[UserId | None, LENIENT] = None
    new_member_name: Line = "A new member"
    new_member_email: LenientLine = None


class InviteAcceptedHandler(Handler[InviteAccepted]):
    """Tell the owners of the organisation, in the app and by e-mail at once."""

    event_type = EventType("invite_accepted")
    payload = InviteAccepted
    channels = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("invite_accepted", Scope.GLOBAL)

    def audience(self, event: Event[InviteAccepted]) -> Audience:
        """The owners; nobody if the event names no new member."""
        if event.payload.org_id is None:
            return missing("org_id")
        if self.excluded_user(event) is None:
            return Nobody("the event names no new member")
        return OrganisationOwners(event.payload.org_id)

    def excluded_user(self, event: Event[InviteAccepted]) -> UserId | None:
        """The new member: the actor, or else the member in the payload."""
        return event.actor_id or event.payload.new_member_id

    def decide(
        self, event: Event[InviteAccepted], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification and one immediate e-mail, without a project."""
        member, organisation = event.payload.new_member_name, event.payload.org_name
        about = {
            "org_id": event.payload.org_id,
            "org_name": organisation,
            "new_member_id": self.excluded_user(event),
            "new_member_name": member,
            "new_member_email": event.payload.new_member_email,
        }
        yield Notification(
            kind=self.event_type,
            title=f"New team member joined - {organisation}",
            body=f"**{escape(member)}** has joined **{escape(organisation)}**",
            link=links.TEAM,
            payload={"type": self.event_type, **about},
        )
        yield Email(
            delivery=Delivery.IMMEDIATE,
            subject=f"{member} has joined {organisation}",
            data={**about, "link_url": links.TEAM},
            project_id=None,
            project_name=None,
        )
