"""thread_unread_stale: someone has left messages of a thread unread for hours."""

from collections.abc import Iterable

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, ProjectId, UserId
from pipeline.domain.names import one_line
from pipeline.domain.payload import Count, LenientLine, Payload
from pipeline.fanout.audience import Audience, Nobody, named
from pipeline.fanout.effects import Channel, Delivery, Effect, Email
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Facts, Person, thread_label
from pipeline.fanout.handler import Handler
from pipeline.fanout.handlers import links
from pipeline.fanout.preferences import Preference, Scope


class ThreadUnreadStale(Payload):
    """Payload of ``thread_unread_stale``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "user_id": "a0000000-0000-4000-8000-000000000001",
                    "thread_topic": "Closing checklist",
                    "unread_count": 3,
                }
            ]
        }
    )

    user_id: UserId | None = None
    thread_topic: LenientLine = None
    unread_count: Count = 1


class ThreadUnreadStaleHandler(Handler[ThreadUnreadStale]):
    """Remind the reader by e-mail, with the next digest."""

    event_type = EventType("thread_unread_stale")
    payload = ThreadUnreadStale
    channels = (Channel.EMAIL,)
    preference = Preference("thread_unread_stale", Scope.THREAD)

    def audience(self, event: Event[ThreadUnreadStale]) -> Audience:
        """The reader named by the event."""
        if event.thread_id is None:
            return Nobody("the event names no thread")
        return named(event.payload.user_id, field="user_id")

    def preference_project_id(
        self, event: Event[ThreadUnreadStale], facts: Facts, project_id: ProjectId | None
    ) -> ProjectId | None:
        """The project of the thread, or else of the event."""
        thread = facts.thread(event.thread_id)
        return (thread.project_id if thread else None) or project_id

    def decide(
        self, event: Event[ThreadUnreadStale], person: Person, facts: Facts
    ) -> Iterable[Effect]:
        """One aggregated e-mail with the number of unread messages."""
        if event.thread_id is None:
            return
        thread = facts.thread(event.thread_id)
        known_topic = thread.topic if thread else None
        topic = event.payload.thread_topic or one_line(known_topic) or "general"
        count = event.payload.unread_count
        project_name = facts.project_name(event.project_id) if event.project_id else "your project"
        yield Email(
            delivery=Delivery.AGGREGATED,
            subject=f"{count} unread {'message' if count == 1 else 'messages'}"
            f" in {thread_label(topic)}",
            data={
                "thread_id": event.thread_id,
                "thread_topic": topic,
                "unread_count": count,
                "project_name": project_name,
                "link_url": links.chat(event.project_id, event.thread_id),
            },
            project_id=event.project_id,
            project_name=project_name,
        )
