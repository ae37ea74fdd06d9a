"""Descriptions of audiences. Postgres resolves them to people, for many events at a time."""

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
    """No one. The ledger stores ``reason``, and ``why`` shows it."""

    reason: str


@dataclass(frozen=True, slots=True)
class NamedUser:
    """One person, named by the event."""

    user_id: UserId


@dataclass(frozen=True, slots=True)
class ThreadParticipants:
    """Everyone who takes part in a chat thread."""

    thread_id: ThreadId


@dataclass(frozen=True, slots=True)
class MeetingParticipants:
    """Every participant of a meeting, with any answer."""

    meeting_id: MeetingId


@dataclass(frozen=True, slots=True)
class OrganisationOwners:
    """The owners of an organisation."""

    organisation_id: OrganisationId


@dataclass(frozen=True, slots=True)
class ResumeOwner:
    """One person to nudge about a resume of a project, at most once for each tier.

    The person is excluded if they do not own the project's organisation now, or if another event
    gave them the same nudge or will. ``nudge_tier`` is a text, as in a payload. ``anchor`` is the
    time of the last edit: with it, the nudge of a tier is another one for each anchor.
    """

    user_id: UserId
    project_id: ProjectId
    resume_type: str
    nudge_tier: str
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentViewers:
    """People with a grant on the project, and the owners of the organisation.

    With a resource, people who cannot view it are candidates without access. The organisation is
    that of the resource; without one, that of the project. If no project is named, the project is
    that of the resource.
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
    """Return nobody, because a field of the payload is missing."""
    return Nobody(f"payload.{field} is missing")


def named(user_id: UserId | None, *, field: str) -> NamedUser | Nobody:
    """Return the person in a payload field; without one, nobody, because the field is missing."""
    return missing(field) if user_id is None else NamedUser(user_id)
