"""chat_thread_participant_added: someone was added to a chat thread."""

from collections.abc import Iterable

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import Payload
from pipeline.fanout.audience import Audience, Nobody, named
from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification
from pipeline.fanout.events import Event
from pipeline.fanout.facts import UNNAMED_THREAD, Facts, Person, thread_label
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class ChatThreadParticipantAdded(Payload):
    """Payload of ``chat_thread_participant_added``. Its topic is ignored: it may be outdated."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"added_user_id": "a0000000-0000-4000-8000-000000000001"}]}
    )

    added_user_id: UserId | None = None


class ChatThreadParticipantAddedHandler(Handler[ChatThreadParticipantAdded]):
    """Tell the person who was added, in the app and by e-mail at once."""

    event_type = EventType("chat_thread_participant_added")
    payload = ChatThreadParticipantAdded
    channels = (Channel.IN_APP, Channel.EMAIL)
    preference = Preference("chat_thread_participant_added", Scope.THREAD)

    def audience(self, event: Event[ChatThreadParticipantAdded]) -> Audience:
        """The person who was added, even if they added themselves."""
        if event.thread_id is None:
            return Nobody("the event names no thread")
        return named(event.payload.added_user_id, field="added_user_id")

    def decide(
        self, event: Event[ChatThreadParticipantAdded], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One notification and one immediate e-mail."""
        if event.thread_id is None:
            return
        thread = facts.thread(event.thread_id)
        name = thread.name if thread else UNNAMED_THREAD
        label = thread_label(name)
        project_id = (thread.project_id if thread else None) or event.project_id
        project_name = facts.project_name(project_id) if project_id else None
        actor = facts.person_name(event.actor_id)
        link = links.thread(project_id, event.thread_id)
        title = f"You've been added to {label}" + (f" - {project_name}" if project_name else "")
        about = {
            "thread_id": event.thread_id,
            "thread_name": name,
            "thread_label": label,
            "actor_id": event.actor_id,
            "actor_name": actor,
            "project_id": project_id,
            "project_name": project_name,
        }
        yield Notification(
            kind=self.event_type,
            title=title,
            body=f"**{escape(actor)}** added you to **{escape(label)}**",
            link=link,
            payload={"type": self.event_type, **about},
        )
        yield Email(
            delivery=Delivery.IMMEDIATE,
            subject=title,
            data={**about, "link_url": link},
            project_id=project_id,
            project_name=project_name,
        )
