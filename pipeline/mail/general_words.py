"""What mails say of an event type that has no words of its own: what its handler wrote."""

from collections.abc import Sequence
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.domain.units import counted
from pipeline.mail.event_words import AnyWords, DigestLine, EventWords, MailData
from pipeline.mail.sentence import Sentence
from pipeline.mail.words import WORDS

# No event has this type: it is all that was too much for a phone. People mute it by this name.
MISSED_PUSH: Final = EventType("missed_push")


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


class MissedPushWords(GeneralWords):
    """What was too much for a person's phone: its title."""

    event_type = MISSED_PUSH
    thing = "notification"
    place = "Notifications"
    waits_for_digest = True

    def title(self, shown: Sequence[MailData]) -> str:  # noqa: ARG002
        """The same for any number."""
        return "Notifications"

    def summary(self, shown: Sequence[MailData]) -> str:
        """How many they are."""
        return counted(len(shown), "notification")


_GENERAL: Final = GeneralWords()
_MISSED_PUSH: Final = MissedPushWords()


def words_of(event_type: EventType) -> AnyWords:
    """Return the words of an event type, or else the general ones."""
    return _MISSED_PUSH if event_type == MISSED_PUSH else WORDS.get(event_type, _GENERAL)
