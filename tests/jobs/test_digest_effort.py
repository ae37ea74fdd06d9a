"""What a page of digests costs the server: in proportion to its rows, in any plan."""

from typing import Final

import psycopg
import pytest

from tests.databases import Database
from tests.effort import LIES, effort, lie_to
from tests.jobs.post import Post, queue_for_many
from tests.jobs.test_digest_races import STATEMENT, parameters_of

PEOPLE: Final = 500
EACH: Final = 4
STEPS_PER_ROW: Final = 40


@pytest.mark.parametrize("lie", LIES)
def test_a_page_takes_a_number_of_steps_for_each_row(database: Database, lie: str) -> None:
    lie_to(database, lie)
    with database.connect() as connection:
        queue_for_many(connection, PEOPLE, EACH)
    post = Post(database)
    post.switch_on()
    with psycopg.connect(database.jobs_dsn, autocommit=True) as connection:
        steps = effort(connection, STATEMENT, **parameters_of())
    assert post.count("fanout.digest_rows") == PEOPLE * EACH
    assert steps < STEPS_PER_ROW * PEOPLE * EACH
