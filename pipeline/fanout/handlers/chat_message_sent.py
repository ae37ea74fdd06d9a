"""chat_message_sent: someone wrote in a chat thread."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict

from pipeline.domain.identifiers import EventType, ProjectId, UserId
from pipeline.domain.names import escape
from pipeline.domain.payload import LENIENT, Payload
from pipeline.fanout.audience import Audience, Nobody, ThreadParticipants
from pipeline.fanout.effects import Channel, Effect, Notification, ThreadActivity
from pipeline.fanout.events import Event
from pipeline.fanout.facts import UNNAMED_THREAD, Facts, Person, thread_label
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


def _ids(users: object) -> object:
    """Return the valid ids. An invalid mention must not make the event invalid."""
    if isinstance(users, frozenset):
        return users
    return {found for user in users if (found := _id(user))} if isinstance(users, list) else ()


def _id(user: object) -> UUID | None:
    try:
        return UUID(user) if isinstance(user, str) else None
    except ValueError:
        return None


class ChatMessageSent(Payload):
    """Payload of ``chat_message_sent``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "full_content": "@[Priya](user:a0000000-0000-4000-8000-000000000001) signed?",
                    "mentioned_user_ids": ["a0000000-0000-4000-8000-000000000001"],
                }
            ]
        }
    )

    full_content: Annotated[str, LENIENT] = "New message"
    mentioned_user_ids: Annotated[frozenset[UserId], BeforeValidator(_ids)] = frozenset()


class ChatMessageSentHandler(Handler[ChatMessageSent]):
    """Tell the other participants: one notification per mention, one counter per thread."""

    event_type = EventType("chat_message_sent")
    payload = ChatMessageSent
    channels = (Channel.IN_APP,)
    preference = Preference("chat_message", Scope.THREAD)

    def audience(self, event: Event[ChatMessageSent]) -> Audience:
        """The participants of the thread. A mentioned person who is not one gets nothing."""
        if event.thread_id is None:
            return Nobody("the event names no thread")
        return ThreadParticipants(event.thread_id)

    def excluded_user(self, event: Event[ChatMessageSent]) -> UserId | None:
        """The actor."""
        return event.actor_id

    def preference_project_id(
        self, event: Event[ChatMessageSent], facts: Facts, project_id: ProjectId | None
    ) -> ProjectId | None:
        """The project of the thread, or else of the event."""
        thread = facts.thread(event.thread_id)
        return (thread.project_id if thread else None) or project_id

    def decide(
        self, event: Event[ChatMessageSent], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """A notification for a mention; otherwise the message is counted on the counter row."""
        if event.thread_id is None:
            return
        thread = facts.thread(event.thread_id)
        name = thread.name if thread else UNNAMED_THREAD
        label = thread_label(name)
        project_id = (thread.project_id if thread else None) or event.project_id
        project_name = facts.project_name(project_id)
        link = links.chat(project_id, event.thread_id)
        if person.id in event.payload.mentioned_user_ids:
            yield Notification(
                kind="mention",
                title=f"{facts.person_name(event.actor_id)} mentioned you in {label}"
                f" - {project_name}",
                body=event.payload.full_content,
                link=link,
                payload={
                    "count": 1,
                    "thread_id": event.thread_id,
                    "thread_name": name,
                    "project_name": project_name,
                    "type": "mention",
                },
            )
        else:
            yield ThreadActivity(
                thread_id=event.thread_id,
                thread_name=name,
                label=escape(label),
                project_name=project_name,
                link=link,
            )
