"""Postgres finds the facts of a batch among many rows without reading all of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from pipeline.domain.identifiers import (
    EventId,
    MeetingId,
    OrganisationId,
    ProjectId,
    ResourceId,
    ThreadId,
    UserId,
)
from pipeline.facts import load_facts
from pipeline.facts.audiences import resolve_audiences
from pipeline.fanout.ask import ask
from pipeline.fanout.audience import (
    Audience,
    DocumentViewers,
    MeetingParticipants,
    OrganisationOwners,
    ResumeOwner,
    ThreadParticipants,
)
from tests.builders import GreetedHandler, event
from tests.databases import Database, Databases
from tests.plans import Plan, explaining_cursor, used

BATCH: Final = range(50)
LARGE: Final = {
    "chat_thread_participants",
    "domain_events",
    "meeting_participants",
    "notification_processing",
    "notifications",
    "pending_emails",
    "permissions",
    "project_access_grants",
    "resources",
    "user_notification_preferences",
}


@pytest.fixture(scope="module")
def crowded(databases: Databases) -> Iterator[Database]:
    """A database with the rows of an application after some years."""
    with databases.migrated() as database:
        with database.connect() as connection:
            connection.execute(Path(__file__).with_name("crowd.sql").read_bytes())
        yield database


def connect(database: Database, plans: list[Plan]) -> psycopg.Connection[Any]:
    return psycopg.connect(
        database.writer_dsn, autocommit=True, cursor_factory=explaining_cursor(plans)
    )


AUDIENCES: Final[dict[str, list[Audience]]] = {
    "chat_thread_participants": [ThreadParticipants(ThreadId(UUID(int=n * 97))) for n in BATCH],
    "meeting_participants": [MeetingParticipants(MeetingId(UUID(int=n * 97))) for n in BATCH],
    "org_members": [OrganisationOwners(OrganisationId(UUID(int=n * 7))) for n in BATCH],
    "permissions": [
        DocumentViewers(ProjectId(UUID(int=n * 50)), ResourceId(UUID(int=n * 1000 + 19)))
        for n in BATCH
    ],
    "domain_events": [
        ResumeOwner(UserId(UUID(int=n * 10)), ProjectId(UUID(int=n * 50)), "project", "1")
        for n in BATCH
    ],
}


@pytest.mark.parametrize("relation", AUDIENCES)
def test_candidates_are_found_by_index(crowded: Database, relation: str) -> None:
    plans: list[Plan] = []
    asked = {EventId(n * 1000 + 1): audience for n, audience in enumerate(AUDIENCES[relation])}
    with connect(crowded, plans) as connection:
        found = resolve_audiences(connection, asked)
    assert len(found) == len(BATCH)
    assert relation in used(plans, "Relation Name")
    assert used(plans, "Relation Name", by="Seq Scan") & LARGE == set()


def test_like_nudges_are_found_by_the_indexes_that_hold_only_nudges(crowded: Database) -> None:
    plans: list[Plan] = []
    asked = {EventId(n + 1): audience for n, audience in enumerate(AUDIENCES["domain_events"])}
    with connect(crowded, plans) as connection:
        resolve_audiences(connection, asked)
    assert used(plans, "Index Name") >= {
        "domain_events_resume_nudge_idx",
        "notifications_resume_nudge_idx",
    }


def test_the_other_facts_are_found_by_index(crowded: Database) -> None:
    plans: list[Plan] = []
    events = [
        event(
            n + 1,
            actor_id=UUID(int=n * 13 + 1),
            project_id=UUID(int=n * 7),
            thread_id=UUID(int=n * 97),
        )
        for n in BATCH
    ]
    with connect(crowded, plans) as connection:
        asked = [ask(GreetedHandler(), each) for each in events]
        load_facts(connection, asked, GreetedHandler.preference.name)
    assert used(plans, "Relation Name") == {
        "chat_threads",
        "profiles",
        "projects",
        "user_notification_preferences",
    }
    assert used(plans, "Relation Name", by="Seq Scan") & LARGE == set()


def test_a_statement_without_an_index_would_be_noticed(crowded: Database) -> None:
    plans: list[Plan] = []
    with connect(crowded, plans) as connection:
        connection.execute(b"SELECT FROM notifications WHERE title = 'new'")
    assert used(plans, "Relation Name", by="Seq Scan") & LARGE == {"notifications"}
