"""What the page of the bus shows: people, and the notifications that it fetches on a signal."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPerson:
    """A person whom the page offers."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A notification. ``at`` is a time that a browser can read."""

    id: str
    title: str
    body: str
    at: str


class Shelf(Protocol):
    """Where the page finds what it shows: in the application, its own API."""

    def people(self) -> list[ShownPerson]:
        """Return the people whom the page offers."""

    def notifications(self, user_id: UUID) -> list[Shown]:
        """Return the newest notifications of a person, the newest first."""
