"""Makes people, projects, threads and preferences by name. The same name makes the same thing."""

from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_DNS, UUID, uuid5

from pipeline.domain.identifiers import OrganisationId, ProjectId, ThreadId, UserId
from pipeline.fanout.facts import Person, Project, Thread
from pipeline.fanout.preferences import ANY, PreferenceRow, Scope

_NAMESPACE: Final = uuid5(NAMESPACE_DNS, "testing.fanout.example")
_BEFORE: Final = datetime(2026, 1, 1, tzinfo=UTC)


def person(name: str) -> Person:
    """Make a person with a profile."""
    return Person(UserId(_id("person", name)), name, f"{name.lower()}@x.test")


def project(name: str) -> Project:
    """Make a project."""
    return Project(ProjectId(_id("project", name)), name, OrganisationId(_id("owner", name)))


def thread(topic: str | None, *, of: Project | None = None) -> Thread:
    """Make a chat thread, with or without a project."""
    return Thread(ThreadId(_id("thread", topic or "")), topic, of.id if of else None)


def prefers(
    who: Person,
    status: str,
    *,
    event_type: str = ANY,
    channel: str = ANY,
    within: Project | Thread | None = None,
) -> tuple[Person, PreferenceRow]:
    """Make one preference of a person: for a thread, for a project, or everywhere."""
    scope = {Thread: Scope.THREAD, Project: Scope.PROJECT}.get(type(within), Scope.GLOBAL)
    scope_id = within.id if within else None
    named = f"{who.id}/{scope_id}/{event_type}/{channel}"
    row = PreferenceRow(
        _id("preference", named), scope, scope_id, event_type, channel, status, _BEFORE
    )
    return who, row


def _id(kind: str, name: str) -> UUID:
    return uuid5(_NAMESPACE, f"{kind}/{name}")
