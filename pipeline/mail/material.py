"""What mails are made of: the recipient, and the rows or the payload behind a mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.domain.errors import InvalidMail
from pipeline.domain.identifiers import EventType, ProjectId
from pipeline.mail.clean import line

NO_NAME: Final = "there"
_MAX_ADDRESS: Final = 320


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a mail. Neither value can break a header.

    Attributes:
        address: the mail address; not in ``repr``.
        name: the full name; empty if it is not known.

    Raises:
        InvalidMail: the address is malformed. The text does not quote it.
    """

    address: str = field(repr=False)
    name: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        local, _, domain = self.address.rpartition("@")
        is_one_word = self.address == line(self.address, _MAX_ADDRESS) and not set(
            self.address
        ) & set(' <>",;:')
        if not (local and domain and is_one_word):
            raise InvalidMail("recipient: an address such as ann@example.com is needed")
        object.__setattr__(self, "name", line(self.name))

    @property
    def greeting(self) -> str:
        """How a mail speaks to them: the first word of the name, or else ``there``."""
        return next(iter(self.name.split()), NO_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One row of ``pending_emails``: what one person is told of one event. ``repr`` quotes nothing.

    Attributes:
        event_type: the type of the event.
        subject: as the handler wrote it.
        data: ``body_data``. Any value may be missing, null or of another type.
        project_id: None if the event belongs to no project.
        project_name: as the handler wrote it.
    """

    event_type: EventType
    subject: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    project_id: ProjectId | None = None
    project_name: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Immediate:
    """A mail about one event."""

    update: Update


@dataclass(frozen=True, slots=True)
class Digest:
    """A mail about all that waits for one person, oldest first. At least one update."""

    updates: Sequence[Update]


@dataclass(frozen=True, slots=True)
class Transactional:
    """A mail that the application asks for.

    Attributes:
        type: such as ``magic_link``.
        payload: as the application sent it; not in ``repr``, because it may hold a secret.
    """

    type: str
    payload: Mapping[str, Any] = field(repr=False)


Material = Immediate | Digest | Transactional


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A mail, ready to be sent. Subject and headers have one line each. ``repr`` quotes nothing.

    Attributes:
        kind: the type of the mail, for the provider's statistics: an event type,
            ``digest_aggregated``, or the type of a transactional mail. ASCII letters, digits, ``_``
            and ``-`` only; other characters of a type become ``_``.
        subject: at most 180 characters.
        preheader: what an inbox shows after the subject. It is part of the HTML.
        html: the whole document. Nothing of it is loaded from elsewhere, except the logo.
        text: the same as plain text.
        headers: that belong to the content: ``List-Unsubscribe`` and ``List-Unsubscribe-Post``.
    """

    kind: str
    subject: str = field(repr=False)
    preheader: str = field(repr=False)
    html: str = field(repr=False)
    text: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
