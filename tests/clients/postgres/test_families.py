"""A graph starts only if the database has the tables of its family."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.errors import ConfigurationError
from pipeline.settings import DatabaseSettings
from pipeline.steps.mail.sender import check_mail
from pipeline.steps.push.sender import check_push
from pipeline.steps.reactions.reactor import check_reactions
from tests.databases import Database, Databases

CHECKS: Final = {"mail": check_mail, "push": check_push, "reactions": check_reactions}


@pytest.fixture
def bare(databases: Databases) -> Iterator[DatabaseSettings]:
    """A database with the fan-out and its jobs only."""
    with databases.without_mail() as database:
        yield DatabaseSettings(dsn=database.writer_dsn)
        close_pools()


@pytest.mark.parametrize(("family", "check"), CHECKS.items())
def test_a_graph_is_told_which_family_its_database_lacks_and_how_to_add_it(
    family: str, check: Callable[[DatabaseSettings], None], bare: DatabaseSettings
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check(bare)
    assert str(refused.value) == (
        f"the database lacks the tables of {family};"
        f" run: python -m pipeline migrate --family {family}"
    )


def test_control_a_database_with_the_family_is_accepted(
    database: Database, databases: Databases
) -> None:
    check_mail(DatabaseSettings(dsn=database.sender_dsn))
    check_push(DatabaseSettings(dsn=database.push_dsn))
    with databases.with_reactions() as reactions:
        check_reactions(DatabaseSettings(dsn=reactions.reactions_dsn))


def test_push_asks_for_its_newest_table_and_not_for_those_of_mail(database: Database) -> None:
    with database.connect() as connection:
        connection.execute("ALTER TABLE fanout.webhook_endpoints RENAME TO endpoints_of_later")
    with pytest.raises(ConfigurationError, match="migrate --family push"):
        check_push(DatabaseSettings(dsn=database.push_dsn))
