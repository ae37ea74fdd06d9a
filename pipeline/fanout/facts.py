"""What handlers may know: an immutable picture of the database, loaded once for a batch."""

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
        """What to call the person."""
        return one_line(self.full_name) or one_line(self.email) or UNKNOWN_PERSON


@dataclass(frozen=True, slots=True)
class Project:
    """One project."""

    id: ProjectId
    name: str
    owner_organisation_id: OrganisationId


@dataclass(frozen=True, slots=True)
class Thread:
    """One chat thread; ``topic`` may be missing."""

    id: ThreadId
    topic: str | None
    project_id: ProjectId | None

    @property
    def name(self) -> str:
        """The topic, or a word in its place."""
        return one_line(self.topic) or UNNAMED_THREAD


@dataclass(frozen=True, slots=True)
class Resource:
    """One document or folder; one of the organisation itself belongs to no project."""

    id: ResourceId
    project_id: ProjectId | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """Someone in the audience of an event; with an exclusion they are told nothing."""

    user_id: UserId
    exclusion: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts of one batch of events of one type.

    ``resources`` are those of events that name no project.
    """

    candidates: Mapping[EventId, Sequence[Candidate]] = field(default_factory=dict)
    people: Mapping[UserId, Person] = field(default_factory=dict)
    projects: Mapping[ProjectId, Project] = field(default_factory=dict)
    threads: Mapping[ThreadId, Thread] = field(default_factory=dict)
    resources: Mapping[ResourceId, Resource] = field(default_factory=dict)
    preferences: Mapping[UserId, Sequence[PreferenceRow]] = field(default_factory=dict)

    def person_name(self, user_id: UserId | None) -> str:
        """The person's name, or ``Someone``."""
        person = None if user_id is None else self.people.get(user_id)
        return UNKNOWN_PERSON if person is None else person.name

    def project_name(self, project_id: ProjectId | None, *, unknown: str = UNKNOWN_PROJECT) -> str:
        """The project's name, or the word for one that is not known."""
        project = None if project_id is None else self.projects.get(project_id)
        return one_line(project.name if project else None) or unknown

    def thread(self, thread_id: ThreadId | None) -> Thread | None:
        """The thread, or None where there is none."""
        return None if thread_id is None else self.threads.get(thread_id)

    def project_of(self, resource_id: ResourceId | None) -> ProjectId | None:
        """The project of a resource, or None where it has none or is not known."""
        resource = None if resource_id is None else self.resources.get(resource_id)
        return None if resource is None else resource.project_id


def thread_label(name: str) -> str:
    """A thread's name as people see it: ``#general``, never ``##general``."""
    return name if name.startswith("#") else f"#{name}"
