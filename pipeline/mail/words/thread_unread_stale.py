"""thread_unread_stale: someone has left messages of a thread unread for hours."""

from collections.abc import Hashable, Sequence
from typing import Annotated

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import LENIENT, Count
from pipeline.domain.units import counted
from pipeline.mail.event_words import DigestLine, EventWords, MailData, OptionalWord, Word
from pipeline.mail.sentence import Sentence


class ThreadUnreadStaleData(MailData):
    """What is read of ``body_data``."""

    thread_id: OptionalWord = None
    thread_topic: Word = "Discussion"
    unread_count: Annotated[Count, LENIENT] = 1


class ThreadUnreadStaleWords(EventWords[ThreadUnreadStaleData]):
    """Which thread, and how many messages. Each count includes those of earlier reminders."""

    event_type = EventType("thread_unread_stale")
    data = ThreadUnreadStaleData
    most_in_text = 3
    waits_for_digest = True
    is_nudge = True
    subscription = "reminders of messages that you have not read"

    def heading(self, data: ThreadUnreadStaleData) -> str:
        """The same for every thread."""
        return "Unread Messages"

    def sentence(self, data: ThreadUnreadStaleData) -> Sentence:
        """How many, and where."""
        return Sentence(
            "You have {messages} in {topic} on {project}.",
            {
                "messages": self.summary([data]),
                "topic": data.thread_topic,
                "project": data.project_name or "your project",
            },
        )

    def button(self, data: ThreadUnreadStaleData) -> str:
        """The link leads to the thread."""
        return "Read the messages"

    def same(self, data: ThreadUnreadStaleData) -> Hashable:
        """The thread."""
        return data.thread_id

    def title(self, shown: Sequence[ThreadUnreadStaleData]) -> str:
        """With the number of messages in all threads."""
        return f"Unread Messages ({_total(shown):,} total)"

    def summary(self, shown: Sequence[ThreadUnreadStaleData]) -> str:
        """The number of messages, not of threads."""
        return counted(_total(shown), "unread message")

    def digest_line(self, data: ThreadUnreadStaleData) -> DigestLine:
        """The thread with its number of messages."""
        topic, count = data.thread_topic, data.unread_count
        return DigestLine(topic, f"({count:,} unread)", f"{topic} ({count:,})")


def _total(shown: Sequence[ThreadUnreadStaleData]) -> int:
    return sum(data.unread_count for data in shown)
