"""The facts that handlers use: immutable data of the database, loaded once for a batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.identifiers import (
    EventId,
    OrganisationId,
    ProjectId,
    ResourceId,
    ThreadId,
    UserId,
)
from pipeline.domain.names import one_line
from pipeline.fanout.preferences import PreferenceRow
from pipeline.fanout.reasons import Reason

UNKNOWN_PERSON: Final = "Someone"
UNKNOWN_PROJECT: Final = "Project"
UNNAMED_THREAD: Final = "thread"


@dataclass(frozen=True, slots=True)
class Person:
    """One profile."""

    id: UserId
    full_name: str | None
    email: str

    @property
    def name(self) -> str:
        """The name to show for the person."""
        return one_line(self.full_name) or one_line(self.email) or UNKNOWN_PERSON


@dataclass(frozen=True, slots=True)
class Project:
    """One project."""

    id: ProjectId
    name: str
    owner_organisation_id: OrganisationId


@dataclass(frozen=True, slots=True)
class Thread:
    """One chat thread. ``topic`` may be missing."""

    id: ThreadId
    topic: str | None
    project_id: ProjectId | None

    @property
    def name(self) -> str:
        """The topic, or a default name."""
        return one_line(self.topic) or UNNAMED_THREAD


@dataclass(frozen=True, slots=True)
class Resource:
    """One document or folder. ``project_id`` is None if it belongs to the organisation itself."""

    id: ResourceId
    project_id: ProjectId | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person in the audience of an event. With an exclusion they get nothing."""

    user_id: UserId
    exclusion: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of one batch of events of one type.

    ``resources`` holds the resources of events that name no project.
    """

    candidates: Mapping[EventId, Sequence[Candidate]] = field(default_factory=dict)
    people: Mapping[UserId, Person] = field(default_factory=dict)
    projects: Mapping[ProjectId, Project] = field(default_factory=dict)
    threads: Mapping[ThreadId, Thread] = field(default_factory=dict)
    resources: Mapping[ResourceId, Resource] = field(default_factory=dict)
    preferences: Mapping[UserId, Sequence[PreferenceRow]] = field(default_factory=dict)

    def person_name(self, user_id: UserId | None) -> str:
        """Return the person's name, or ``Someone``."""
        person = None if user_id is None else self.people.get(user_id)
        return UNKNOWN_PERSON if person is None else person.name

    def project_name(self, project_id: ProjectId | None, *, unknown: str = UNKNOWN_PROJECT) -> str:
        """Return the project's name, or ``unknown`` if it has none."""
        project = None if project_id is None else self.projects.get(project_id)
        return one_line(project.name if project else None) or unknown

    def thread(self, thread_id: ThreadId | None) -> Thread | None:
        """Return the thread, or None if it is unknown."""
        return None if thread_id is None else self.threads.get(thread_id)

    def project_of(self, resource_id: ResourceId | None) -> ProjectId | None:
        """Return the project of a resource; None if it has none or the resource is unknown."""
        resource = None if resource_id is None else self.resources.get(resource_id)
        return None if resource is None else resource.project_id


def thread_label(name: str) -> str:
    """Return the name of a thread to show: ``#general``, never ``##general``."""
    return name if name.startswith("#") else f"#{name}"
