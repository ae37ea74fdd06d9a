"""Who an event is about: a description, resolved to people in Postgres, many events at a time."""

from dataclasses import dataclass

from pipeline.domain.identifiers import (
    MeetingId,
    OrganisationId,
    ProjectId,
    ResourceId,
    ThreadId,
    UserId,
)


@dataclass(frozen=True, slots=True)
class Nobody:
    """No one; ``reason`` is kept in the ledger, so that ``why`` can tell it."""

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
class MeetingParticipants:
    """Everyone who takes part in a meeting, whatever they answered."""

    meeting_id: MeetingId


@dataclass(frozen=True, slots=True)
class OrganisationOwners:
    """The owners of an organisation."""

    organisation_id: OrganisationId


@dataclass(frozen=True, slots=True)
class ResumeOwner:
    """The one person to be nudged about a resume of a project; told of each tier at most once.

    Excluded unless they own the project's organisation now, and excluded when another event gave
    them the same nudge, or is about to. ``nudge_tier`` is a text, as in a payload.
    """

    user_id: UserId
    project_id: ProjectId
    resume_type: str
    nudge_tier: str


@dataclass(frozen=True, slots=True)
class DocumentViewers:
    """Those with a grant on the project, and the owners of its organisation.

    With a resource, those among them who cannot view it are candidates without access. The
    organisation is the resource's, or else the project's; the project that of the resource, where
    none is named.
    """

    project_id: ProjectId | None
    resource_id: ResourceId | None


Audience = (
    Nobody
    | NamedUser
    | ThreadParticipants
    | MeetingParticipants
    | OrganisationOwners
    | ResumeOwner
    | DocumentViewers
)


def missing(field: str) -> Nobody:
    """Nobody, because the payload does not say what it must."""
    return Nobody(f"payload.{field} is missing")


def named(user_id: UserId | None, *, field: str) -> NamedUser | Nobody:
    """The person a payload field names, or nobody, with the missing field as the reason."""
    return missing(field) if user_id is None else NamedUser(user_id)
