"""The people of the sample, their projects, documents, threads and meetings, and their settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pipeline.ops.sample import ids

_AI_USER: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class SampleOrganisation:
    """A company."""

    name: str
    entity_type: str


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """A person, and their role in an organisation."""

    full_name: str | None
    organisation: str
    role: str = "member"


@dataclass(frozen=True, slots=True)
class SampleProject:
    """A project. ``granted`` have access besides the owners of its organisation."""

    name: str
    organisation: str
    advisor: str | None
    granted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleDocument:
    """A file or folder. ``permissions`` hold for it and for everything below it."""

    name: str
    project: str
    parent: str | None
    resource_type: str
    permissions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SampleThread:
    """A chat thread. The participant ``ai`` is the application's assistant."""

    topic: str | None
    project: str
    participants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SampleMeeting:
    """A meeting of one hour. The organizer takes part too."""

    title: str
    project: str
    organizer: str
    participants: tuple[str, ...]
    start: datetime
    link: str

    @property
    def end(self) -> datetime:
        """The end of the meeting."""
        return self.start + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SamplePreference:
    """One row of a person's notification settings."""

    person: str
    scope_type: str
    scope_id: UUID | None
    event_type: str
    channel: str
    status: str


ORGANISATIONS: Final = {
    "harrow": SampleOrganisation("Harrow & Pine Development", "borrower"),
    "copperleaf": SampleOrganisation("Copperleaf Homes", "borrower"),
    "northlight": SampleOrganisation("Northlight Capital Advisors", "advisor"),
    "meridian": SampleOrganisation("Meridian Quay Lending", "lender"),
}

PEOPLE: Final = {
    "maya": SamplePerson("Maya Lindqvist", "harrow", "owner"),
    "tomas": SamplePerson("Tomás Aguirre", "harrow", "owner"),
    "priya": SamplePerson("Priya Raman", "harrow"),
    "leo": SamplePerson("Leo Marchetti", "harrow"),
    "amara": SamplePerson("Amara Diallo", "harrow"),
    "analyst": SamplePerson(None, "harrow"),
    "jonas": SamplePerson("Jonas Weber", "northlight", "owner"),
    "grace": SamplePerson("Grace Oduya", "copperleaf", "owner"),
    "elias": SamplePerson("Elias Novák", "copperleaf"),
    "ruth": SamplePerson("Ruth Feldman", "meridian", "owner"),
}

PROJECTS: Final = {
    "harbor": SampleProject(
        "Harbor Point Residences", "harrow", "jonas", ("jonas", "priya", "leo", "amara", "analyst")
    ),
    "mill": SampleProject("Mill Street Lofts", "harrow", "jonas", ("jonas", "priya", "amara")),
    "cedar": SampleProject("Cedar Ridge Townhomes", "copperleaf", None, ("elias", "priya")),
}

DOCUMENTS: Final = {
    "harbor-root": SampleDocument(
        "Project documents",
        "harbor",
        None,
        "PROJECT_DOCS_ROOT",
        {"jonas": "edit", "priya": "view", "leo": "view", "amara": "view"},
    ),
    # Nothing for the analyst above, so only what is opened to them here.
    "harbor-environmental": SampleDocument(
        "Environmental", "harbor", "harbor-root", "FOLDER", {"analyst": "view"}
    ),
    "harbor-phase-one": SampleDocument(
        "Phase I assessment.pdf", "harbor", "harbor-environmental", "FILE", {}
    ),
    "harbor-rent-roll": SampleDocument("Rent roll.xlsx", "harbor", "harbor-root", "FILE", {}),
    "harbor-budget": SampleDocument(
        "Construction budget.xlsx", "harbor", "harbor-root", "FILE", {"priya": "none"}
    ),
    "mill-root": SampleDocument(
        "Project documents",
        "mill",
        None,
        "PROJECT_DOCS_ROOT",
        {"jonas": "edit", "priya": "edit", "amara": "view"},
    ),
    "mill-appraisal": SampleDocument("Appraisal.pdf", "mill", "mill-root", "FILE", {}),
    "cedar-root": SampleDocument(
        "Project documents", "cedar", None, "PROJECT_DOCS_ROOT", {"elias": "edit", "priya": "view"}
    ),
    "cedar-site-plan": SampleDocument("Site plan.pdf", "cedar", "cedar-root", "FILE", {}),
}

THREADS: Final = {
    "harbor-general": SampleThread(
        "General", "harbor", ("maya", "tomas", "priya", "leo", "amara", "jonas", "ai")
    ),
    "harbor-lender": SampleThread("#lender-questions", "harbor", ("maya", "jonas", "ruth")),
    "mill-closing": SampleThread("Closing checklist", "mill", ("tomas", "jonas", "amara")),
    "cedar-untitled": SampleThread(None, "cedar", ("grace", "elias")),
}

MEETINGS: Final = {
    "site-visit": SampleMeeting(
        "Site visit with the lender",
        "harbor",
        "maya",
        ("maya", "tomas", "jonas", "ruth"),
        # A fixed time, the same in every database, and far in the future.
        datetime(2040, 5, 15, 16, tzinfo=UTC),
        "https://meet.example/harbor-site-visit",
    ),
}

PREFERENCES: Final = {
    "leo-harbor": SamplePreference("leo", "project", ids.project("harbor"), "*", "in_app", "muted"),
    "priya-general": SamplePreference(
        "priya", "thread", ids.thread("harbor-general"), "chat_message", "in_app", "muted"
    ),
    "amara-everything": SamplePreference("amara", "global", None, "*", "in_app", "muted"),
    "amara-mill": SamplePreference(
        "amara", "project", ids.project("mill"), "*", "in_app", "immediate"
    ),
    "grace-email": SamplePreference("grace", "global", None, "*", "email", "muted"),
    "jonas-digest": SamplePreference("jonas", "global", None, "*", "email", "digest"),
}


def email(key: str) -> str:
    """Return the address of a sample person, in a domain that nobody can own."""
    return f"{key}@{PEOPLE[key].organisation}.example"


def tables() -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the rows of each table, in an order that satisfies the foreign keys."""
    return [
        ("auth.users", [{"id": ids.person(key), "email": email(key)} for key in PEOPLE]),
        (
            "public.orgs",
            [
                {"id": ids.organisation(key), "name": item.name, "entity_type": item.entity_type}
                for key, item in ORGANISATIONS.items()
            ],
        ),
        ("public.profiles", [_profile(key, item) for key, item in PEOPLE.items()]),
        (
            "public.org_members",
            [
                {
                    "org_id": ids.organisation(item.organisation),
                    "user_id": ids.person(key),
                    "role": item.role,
                }
                for key, item in PEOPLE.items()
            ],
        ),
        ("public.projects", [_project(key, item) for key, item in PROJECTS.items()]),
        (
            "public.project_access_grants",
            [
                {
                    "project_id": ids.project(key),
                    "org_id": ids.organisation(item.organisation),
                    "user_id": ids.person(who),
                    "granted_by": _an_owner_of(item.organisation),
                }
                for key, item in PROJECTS.items()
                for who in item.granted
            ],
        ),
        ("public.resources", [_resource(key, item) for key, item in DOCUMENTS.items()]),
        (
            "public.permissions",
            [
                {
                    "resource_id": ids.resource(key),
                    "user_id": ids.person(who),
                    "permission": permission,
                    "granted_by": _an_owner_of(PROJECTS[item.project].organisation),
                }
                for key, item in DOCUMENTS.items()
                for who, permission in item.permissions.items()
            ],
        ),
        (
            "public.chat_threads",
            [
                {
                    "id": ids.thread(key),
                    "project_id": ids.project(item.project),
                    "topic": item.topic,
                }
                for key, item in THREADS.items()
            ],
        ),
        (
            "public.chat_thread_participants",
            [
                {
                    "thread_id": ids.thread(key),
                    "user_id": _AI_USER if who == "ai" else ids.person(who),
                }
                for key, item in THREADS.items()
                for who in item.participants
            ],
        ),
        ("public.meetings", [_meeting(key, item) for key, item in MEETINGS.items()]),
        (
            "public.meeting_participants",
            [
                {
                    "meeting_id": ids.meeting(key),
                    "user_id": ids.person(who),
                    "is_organizer": who == item.organizer,
                }
                for key, item in MEETINGS.items()
                for who in item.participants
            ],
        ),
        (
            "public.user_notification_preferences",
            [_preference(key, item) for key, item in PREFERENCES.items()],
        ),
    ]


def _profile(key: str, item: SamplePerson) -> dict[str, Any]:
    return {
        "id": ids.person(key),
        "full_name": item.full_name,
        "email": email(key),
        "app_role": ORGANISATIONS[item.organisation].entity_type,
        "active_org_id": ids.organisation(item.organisation),
    }


def _project(key: str, item: SampleProject) -> dict[str, Any]:
    return {
        "id": ids.project(key),
        "name": item.name,
        "owner_org_id": ids.organisation(item.organisation),
        "assigned_advisor_id": item.advisor and ids.person(item.advisor),
    }


def _resource(key: str, item: SampleDocument) -> dict[str, Any]:
    return {
        "id": ids.resource(key),
        "org_id": ids.organisation(PROJECTS[item.project].organisation),
        "project_id": ids.project(item.project),
        "parent_id": item.parent and ids.resource(item.parent),
        "resource_type": item.resource_type,
        "name": item.name,
    }


def _meeting(key: str, item: SampleMeeting) -> dict[str, Any]:
    return {
        "id": ids.meeting(key),
        "title": item.title,
        "start_time": item.start,
        "end_time": item.end,
        "duration_minutes": (item.end - item.start) // timedelta(minutes=1),
        "meeting_link": item.link,
        "organizer_id": ids.person(item.organizer),
        "project_id": ids.project(item.project),
    }


def _preference(key: str, item: SamplePreference) -> dict[str, Any]:
    return {
        "id": ids.preference(key),
        "user_id": ids.person(item.person),
        "scope_type": item.scope_type,
        "scope_id": item.scope_id,
        "event_type": item.event_type,
        "channel": item.channel,
        "status": item.status,
    }


def _an_owner_of(organisation: str) -> UUID:
    return next(
        ids.person(key)
        for key, item in PEOPLE.items()
        if (item.organisation, item.role) == (organisation, "owner")
    )
