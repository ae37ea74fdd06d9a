"""What mails say of an event type that has no words of its own: what its handler wrote."""

from collections.abc import Sequence
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.mail.event_words import AnyWords, DigestLine, EventWords, MailData
from pipeline.mail.sentence import Sentence
from pipeline.mail.words import WORDS


class GeneralWords(EventWords[MailData]):
    """The subject of the row, and the project. All types without words share a list of a digest."""

    event_type = EventType("*")
    data = MailData

    def heading(self, data: MailData) -> str:
        """The subject."""
        return data.subject or "New Notification"

    def sentence(self, data: MailData) -> Sentence:
        """With the project, if there is one."""
        if data.project_name is None:
            return Sentence("You have a new notification.")
        return Sentence("You have a new notification in {project}.", {"project": data.project_name})

    def title(self, shown: Sequence[MailData]) -> str:  # noqa: ARG002
        """The same for any number."""
        return "Other Updates"

    def summary(self, shown: Sequence[MailData]) -> str:
        """Other than those that are counted by their own names."""
        return super().summary(shown).replace("new ", "other ", 1)

    def digest_line(self, data: MailData) -> DigestLine:
        """The subject."""
        return DigestLine(self.heading(data))


_GENERAL: Final = GeneralWords()


def words_of(event_type: EventType) -> AnyWords:
    """Return the words of an event type, or else the general ones."""
    return WORDS.get(event_type, _GENERAL)
