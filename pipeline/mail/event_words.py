"""The extension point: what mails say of one event type."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

from pydantic import AfterValidator

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import LENIENT, ONE_LINE, Payload
from pipeline.domain.units import counted
from pipeline.mail.clean import line
from pipeline.mail.material import Update
from pipeline.mail.sentence import Sentence

# A short text with a default. Absent, null, empty and of another type all mean the default.
Word = Annotated[str, ONE_LINE, AfterValidator(line), LENIENT]
OptionalWord = Annotated[str | None, ONE_LINE, AfterValidator(line), LENIENT]

NO_PROJECT: Final = "Unknown Project"


class MailData(Payload):
    """Base of what is read of ``body_data``. No value makes it invalid.

    ``subject`` and ``project_name`` are columns of the row.
    """

    subject: Word = ""
    project_name: OptionalWord = None


DataT = TypeVar("DataT", bound=MailData)


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One update in a list of a digest.

    Attributes:
        name: what it is about; the link is on it.
        note: what else HTML says of it.
        text: what plain text says instead of the name.
    """

    name: str
    note: str = ""
    text: str = ""


class EventWords(ABC, Generic[DataT]):
    """What mails say of one event type: alone, and as lines of a digest. Pure.

    Attributes:
        event_type: the event type.
        data: the model of its ``body_data``.
        thing: what several updates are called in a digest: ``document``. The plural adds an s.
        place: the title of a digest's card for updates without a project.
        most_in_text: how many lines of a digest's plain text show an update of this type.
        waits_for_digest: whether its mails wait for the digest.
        is_nudge: whether it reminds of something, so that people can unsubscribe from it.
        subscription: of a nudge, what people unsubscribe from: ``reminders of ...``.
    """

    event_type: ClassVar[EventType]
    data: ClassVar[type[MailData]]
    thing: ClassVar[str] = "update"
    place: ClassVar[str] = NO_PROJECT
    most_in_text: ClassVar[int] = 5
    waits_for_digest: ClassVar[bool] = False
    is_nudge: ClassVar[bool] = False
    subscription: ClassVar[str] = ""

    def read(self, update: Update) -> DataT:
        """Return what the row says, with defaults for all that is missing or malformed."""
        columns = {
            "subject": update.subject,
            "project_name": update.project_name or update.data.get("project_name"),
        }
        return self.data.model_validate({**update.data, **columns})  # type: ignore[return-value]

    @abstractmethod
    def heading(self, data: DataT) -> str:
        """The heading of a mail about one event."""

    @abstractmethod
    def sentence(self, data: DataT) -> Sentence:
        """What a mail about one event says."""

    def button(self, data: DataT) -> str | None:  # noqa: ARG002 - others need the data
        """The label of the button; None for ``Open`` and the brand."""
        return None

    def same(self, data: DataT) -> Hashable:  # noqa: ARG002
        """What an update is about. Of several about the same, a digest shows the newest only.

        None means that each is about something else.
        """
        return None

    def title(self, shown: Sequence[DataT]) -> str:
        """The heading of the list in a digest."""
        return self.heading(shown[0])

    def summary(self, shown: Sequence[DataT]) -> str:
        """How many updates these are, such as ``12 new documents``."""
        return counted(len(shown), f"new {self.thing}")

    def digest_line(self, data: DataT) -> DigestLine:
        """One update in the list of a digest."""
        return DigestLine(str(self.sentence(data)))


AnyWords = EventWords[Any]
