import random
from dataclasses import dataclass
from itertools import product
from typing import Final
from uuid import UUID

import psycopg
import pytest

from pipeline.domain.identifiers import EventId, ProjectId, ResourceId, UserId
from pipeline.facts.audiences import resolve_audiences
from pipeline.fanout.audience import Audience, DocumentViewers
from pipeline.fanout.facts import Candidate
from pipeline.fanout.reasons import Reason
from tests.databases import Database

USERS: Final = [UUID(int=0x100 + number) for number in range(8)]
ORGANISATIONS: Final = [UUID(int=0x200 + number) for number in range(2)]
PROJECTS: Final = [UUID(int=0x300 + number) for number in range(2)]
RESOURCES: Final = [UUID(int=0x400 + number) for number in range(14)]
UNKNOWN: Final = UUID(int=0x999)


@dataclass(frozen=True, slots=True)
class Forest:
    """Random trees of resources with random permissions, from a seed."""

    owners: dict[UUID, set[UUID]]
    granted: dict[UUID, set[UUID]]
    project_organisation: dict[UUID, UUID]
    resource_organisation: dict[UUID, UUID]


def plant(connection: psycopg.Connection, seed: int) -> Forest:
    chance = random.Random(seed)  # noqa: S311 - drawn alike in every run
    cursor = connection.cursor()
    cursor.executemany("INSERT INTO auth.users (id) VALUES (%s)", [[user] for user in USERS])
    cursor.executemany(
        "INSERT INTO profiles (id, email, app_role) VALUES (%s, %s, 'borrower')",
        [[user, f"{user}@x.test"] for user in USERS],
    )
    cursor.executemany(
        "INSERT INTO orgs (id, name, entity_type) VALUES (%s, 'Acme', 'borrower')",
        [[organisation] for organisation in ORGANISATIONS],
    )
    members = {pair: chance.choice(["owner", "member", "member", None])
               for pair in product(ORGANISATIONS, USERS)}  # fmt: skip
    cursor.executemany(
        "INSERT INTO org_members (org_id, user_id, role) VALUES (%s, %s, %s)",
        [[*pair, role] for pair, role in members.items() if role],
    )
    forest = Forest(
        owners={
            organisation: {user for user in USERS if members[organisation, user] == "owner"}
            for organisation in ORGANISATIONS
        },
        granted={
            project: {user for user in USERS if chance.random() < 0.5} for project in PROJECTS
        },
        project_organisation={project: chance.choice(ORGANISATIONS) for project in PROJECTS},
        resource_organisation={resource: chance.choice(ORGANISATIONS) for resource in RESOURCES},
    )
    cursor.executemany(
        "INSERT INTO projects (id, name, owner_org_id) VALUES (%s, 'Tower', %s)",
        forest.project_organisation.items(),
    )
    cursor.executemany(
        "INSERT INTO project_access_grants (project_id, org_id, user_id, granted_by)"
        " VALUES (%s, %s, %s, %s)",
        [[project, ORGANISATIONS[0], user, user]
         for project, users in forest.granted.items() for user in users],
    )  # fmt: skip
    cursor.executemany(
        "INSERT INTO resources (id, org_id, project_id, parent_id, resource_type, name)"
        " VALUES (%s, %s, %s, %s, 'FOLDER', %s)",
        [
            # A parent is made before its children, so there is no cycle. One in five is a root.
            [resource, forest.resource_organisation[resource], chance.choice(PROJECTS),
             chance.choice(RESOURCES[:number]) if number and chance.random() < 0.8 else None,
             str(number)]
            for number, resource in enumerate(RESOURCES)
        ],
    )  # fmt: skip
    cursor.executemany(
        "INSERT INTO permissions (resource_id, user_id, permission, granted_by)"
        " VALUES (%s, %s, %s, %s)",
        [
            [resource, user, chance.choice(["view", "edit", "none"]), user]
            for resource, user in product(RESOURCES, USERS)
            if chance.random() < 0.3
        ],
    )
    return forest


def viewers(project: UUID, resource: UUID | None) -> Audience:
    return DocumentViewers(ProjectId(project), None if resource is None else ResourceId(resource))


def can_view(connection: psycopg.Connection) -> set[tuple[UUID, UUID]]:
    rows = connection.execute(
        "SELECT u, r FROM unnest(%s::uuid[]) AS u, unnest(%s::uuid[]) AS r WHERE can_view(u, r)",
        [USERS, RESOURCES],
    )
    return set(rows)


@pytest.mark.parametrize("seed", range(6))
def test_who_hears_of_a_document_is_who_the_application_lets_view_it(
    database: Database, seed: int
) -> None:
    questions = dict(enumerate(product(PROJECTS, RESOURCES), start=1))
    with database.connect() as connection:
        forest = plant(connection, seed)
        allowed = can_view(connection)
        found = resolve_audiences(
            connection, {EventId(number): viewers(*asked) for number, asked in questions.items()}
        )
    for number, (project, resource) in questions.items():
        owners = forest.owners[forest.resource_organisation[resource]]
        assert found.get(EventId(number), []) == [
            Candidate(UserId(user), None if (user, resource) in allowed else Reason.NO_ACCESS)
            for user in sorted(forest.granted[project] | owners)
        ]
    answers = {each.exclusion for candidates in found.values() for each in candidates}
    assert answers == {None, Reason.NO_ACCESS}


def test_without_a_document_everyone_of_the_project_and_its_owners_hears(
    database: Database,
) -> None:
    with database.connect() as connection:
        forest = plant(connection, seed=0)
        found = resolve_audiences(connection, {EventId(1): viewers(PROJECTS[0], None)})
    owners = forest.owners[forest.project_organisation[PROJECTS[0]]]
    everyone = sorted(forest.granted[PROJECTS[0]] | owners)
    assert found == {EventId(1): [Candidate(UserId(user)) for user in everyone]}


def test_a_document_that_is_gone_can_be_viewed_by_nobody(database: Database) -> None:
    with database.connect() as connection:
        plant(connection, seed=0)
        found = resolve_audiences(connection, {EventId(1): viewers(PROJECTS[0], UNKNOWN)})
    assert {each.exclusion for each in found[EventId(1)]} == {Reason.NO_ACCESS}


def test_a_circle_of_folders_ends(database: Database) -> None:
    with database.connect() as connection:
        plant(connection, seed=0)
        connection.execute("UPDATE resources SET parent_id = %s WHERE id = %s", RESOURCES[1::-1])
        connection.execute("UPDATE resources SET parent_id = %s WHERE id = %s", RESOURCES[:2])
        found = resolve_audiences(connection, {EventId(1): viewers(PROJECTS[0], RESOURCES[0])})
        allowed = can_view(connection)
    for candidate in found[EventId(1)]:
        assert (candidate.exclusion is None) is ((candidate.user_id, RESOURCES[0]) in allowed)
    assert found[EventId(1)]
