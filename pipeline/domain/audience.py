"""Who an event is about: a description, resolved to people in Postgres, many events at a time."""

from dataclasses import dataclass

from pipeline.domain.identifiers import ProjectId, ResourceId, ThreadId, UserId


@dataclass(frozen=True, slots=True)
class Nobody:
    """No one; ``reason`` is kept in the ledger, so that the silence can be explained."""

    reason: str


@dataclass(frozen=True, slots=True)
class NamedUser:
    """The one person whom the event names."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class ThreadParticipants:
    """Everyone who takes part in a chat thread."""

    thread_id: ThreadId


@dataclass(frozen=True, slots=True)
class DocumentViewers:
    """Those with a grant on the project, and the owners of its organisation.

    With a resource, those among them who cannot view it are candidates without access. The
    organisation is the resource's, or else the project's.
    """

    project_id: ProjectId
    resource_id: ResourceId | None


Audience = Nobody | NamedUser | ThreadParticipants | DocumentViewers


def named(user_id: UserId | None, *, field: str) -> NamedUser | Nobody:
    """The person a payload field names, or nobody, with the missing field as the reason."""
    return Nobody(f"payload.{field} is missing") if user_id is None else NamedUser(user_id)
