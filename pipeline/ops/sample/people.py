"""Who there is in the sample, what they work on, and what they asked not to hear about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pipeline.ops.sample import ids

_AI_USER: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Organisation:
    """A company."""

    name: str
    entity_type: str


@dataclass(frozen=True, slots=True)
class Person:
    """Someone, and the organisation they belong to as ``role``."""

    full_name: str | None
    organisation: str
    role: str = "member"


@dataclass(frozen=True, slots=True)
class Project:
    """A project and those beside its organisation's owners who have access."""

    name: str
    organisation: str
    advisor: str | None
    granted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A file or folder; ``permissions`` say who may what from here downwards."""

    name: str
    project: str
    parent: str | None
    resource_type: str
    permissions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Thread:
    """A chat thread; ``ai`` takes part where the application's assistant does."""

    topic: str | None
    project: str
    participants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting of an hour; the organizer takes part, too."""

    title: str
    project: str
    organizer: str
    participants: tuple[str, ...]
    start: datetime
    link: str

    @property
    def end(self) -> datetime:
        """When it is over."""
        return self.start + timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Preference:
    """One row of someone's notification settings."""

    person: str
    scope_type: str
    scope_id: UUID | None
    event_type: str
    channel: str
    status: str


ORGANISATIONS: Final = {
    "harrow": Organisation("Harrow & Pine Development", "borrower"),
    "copperleaf": Organisation("Copperleaf Homes", "borrower"),
    "northlight": Organisation("Northlight Capital Advisors", "advisor"),
    "meridian": Organisation("Meridian Quay Lending", "lender"),
}

PEOPLE: Final = {
    "maya": Person("Maya Lindqvist", "harrow", "owner"),
    "tomas": Person("Tomás Aguirre", "harrow", "owner"),
    "priya": Person("Priya Raman", "harrow"),
    "leo": Person("Leo Marchetti", "harrow"),
    "amara": Person("Amara Diallo", "harrow"),
    "analyst": Person(None, "harrow"),
    "jonas": Person("Jonas Weber", "northlight", "owner"),
    "grace": Person("Grace Oduya", "copperleaf", "owner"),
    "elias": Person("Elias Novák", "copperleaf"),
    "ruth": Person("Ruth Feldman", "meridian", "owner"),
}

PROJECTS: Final = {
    "harbor": Project(
        "Harbor Point Residences", "harrow", "jonas", ("jonas", "priya", "leo", "amara", "analyst")
    ),
    "mill": Project("Mill Street Lofts", "harrow", "jonas", ("jonas", "priya", "amara")),
    "cedar": Project("Cedar Ridge Townhomes", "copperleaf", None, ("elias", "priya")),
}

DOCUMENTS: Final = {
    "harbor-root": Document(
        "Project documents",
        "harbor",
        None,
        "PROJECT_DOCS_ROOT",
        {"jonas": "edit", "priya": "view", "leo": "view", "amara": "view"},
    ),
    # Nothing for the analyst above, so only what is opened to them here.
    "harbor-environmental": Document(
        "Environmental", "harbor", "harbor-root", "FOLDER", {"analyst": "view"}
    ),
    "harbor-phase-one": Document(
        "Phase I assessment.pdf", "harbor", "harbor-environmental", "FILE", {}
    ),
    "harbor-rent-roll": Document("Rent roll.xlsx", "harbor", "harbor-root", "FILE", {}),
    "harbor-budget": Document(
        "Construction budget.xlsx", "harbor", "harbor-root", "FILE", {"priya": "none"}
    ),
    "mill-root": Document(
        "Project documents",
        "mill",
        None,
        "PROJECT_DOCS_ROOT",
        {"jonas": "edit", "priya": "edit", "amara": "view"},
    ),
    "mill-appraisal": Document("Appraisal.pdf", "mill", "mill-root", "FILE", {}),
    "cedar-root": Document(
        "Project documents", "cedar", None, "PROJECT_DOCS_ROOT", {"elias": "edit", "priya": "view"}
    ),
    "cedar-site-plan": Document("Site plan.pdf", "cedar", "cedar-root", "FILE", {}),
}

THREADS: Final = {
    "harbor-general": Thread(
        "General", "harbor", ("maya", "tomas", "priya", "leo", "amara", "jonas", "ai")
    ),
    "harbor-lender": Thread("#lender-questions", "harbor", ("maya", "jonas", "ruth")),
    "mill-closing": Thread("Closing checklist", "mill", ("tomas", "jonas", "amara")),
    "cedar-untitled": Thread(None, "cedar", ("grace", "elias")),
}

MEETINGS: Final = {
    "site-visit": Meeting(
        "Site visit with the lender",
        "harbor",
        "maya",
        ("maya", "tomas", "jonas", "ruth"),
        # Fixed, so that every database gets the same; and far off, so that it stays ahead.
        datetime(2040, 5, 15, 16, tzinfo=UTC),
        "https://meet.example/harbor-site-visit",
    ),
}

PREFERENCES: Final = {
    "leo-harbor": Preference("leo", "project", ids.project("harbor"), "*", "in_app", "muted"),
    "priya-general": Preference(
        "priya", "thread", ids.thread("harbor-general"), "chat_message", "in_app", "muted"
    ),
    "amara-everything": Preference("amara", "global", None, "*", "in_app", "muted"),
    "amara-mill": Preference("amara", "project", ids.project("mill"), "*", "in_app", "immediate"),
    "grace-email": Preference("grace", "global", None, "*", "email", "muted"),
    "jonas-digest": Preference("jonas", "global", None, "*", "email", "digest"),
}


def email(key: str) -> str:
    """The address of a sample person, in a domain that nobody can own."""
    return f"{key}@{PEOPLE[key].organisation}.example"


def tables() -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of each table, in an order that satisfies the foreign keys."""
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


def _profile(key: str, item: Person) -> dict[str, Any]:
    return {
        "id": ids.person(key),
        "full_name": item.full_name,
        "email": email(key),
        "app_role": ORGANISATIONS[item.organisation].entity_type,
        "active_org_id": ids.organisation(item.organisation),
    }


def _project(key: str, item: Project) -> dict[str, Any]:
    return {
        "id": ids.project(key),
        "name": item.name,
        "owner_org_id": ids.organisation(item.organisation),
        "assigned_advisor_id": item.advisor and ids.person(item.advisor),
    }


def _resource(key: str, item: Document) -> dict[str, Any]:
    return {
        "id": ids.resource(key),
        "org_id": ids.organisation(PROJECTS[item.project].organisation),
        "project_id": ids.project(item.project),
        "parent_id": item.parent and ids.resource(item.parent),
        "resource_type": item.resource_type,
        "name": item.name,
    }


def _meeting(key: str, item: Meeting) -> dict[str, Any]:
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


def _preference(key: str, item: Preference) -> dict[str, Any]:
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
