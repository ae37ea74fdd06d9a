"""Two runs at once, another sender, and kills anywhere: each e-mail is in one digest."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from psycopg.types.json import Jsonb

from pipeline.clients.postgres.sql import load
from pipeline.jobs.job import Digests, Input
from pipeline.steps.run_digests import run_digests
from tests.databases import Database
from tests.deadline import wait_until
from tests.golden.world import U1, U2, U3, populate
from tests.jobs.post import BEFORE, HOUR, NOW, Post, queue_for_many
from tests.jobs.test_races import LOCK, kill, waiting

PEOPLE: Final = 40
EACH: Final = 3
PAGE: Final = 15
# Whoever writes to the table waits while a test holds the lock.
_WAIT: Final = f"""
    CREATE FUNCTION wait_for_the_test() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({LOCK});
        RETURN NEW;
    END
    $$;
    CREATE TRIGGER wait_for_the_test BEFORE %s ON %s
    FOR EACH ROW EXECUTE FUNCTION wait_for_the_test();
"""
# What a page writes, in this order.
PLACES: Final = (
    ("INSERT", "fanout.deliveries"),
    ("INSERT", "fanout.digest_rows"),
    ("UPDATE", "public.pending_emails"),
)
STATEMENT: Final = load("pipeline.jobs", "digests")


@pytest.fixture
def crowded(database: Database) -> Post:
    with database.connect() as connection:
        queue_for_many(connection, PEOPLE, EACH)
    post = Post(database)
    post.switch_on()
    return post


def parameters_of(now: datetime = NOW) -> dict[str, Any]:
    """Return the parameters of a page that opens now, in one zone."""
    its_window = {"opens": str(now), "oldest": str(now - HOUR), "cause": "digest:x"}
    return {
        "windows": Jsonb({"UTC": its_window}),
        "zone": "UTC", "since": NOW - HOUR, "oldest": now - HOUR, "latest": now,
        "after": None, "most": 5_000, "dry_run": False,
    }  # fmt: skip


def page_once(post: Post, statement: bytes = STATEMENT) -> None:
    """Run one page, without a second try."""
    with psycopg.connect(post.database.jobs_dsn, autocommit=True) as connection:
        connection.execute(statement, parameters_of())


def assert_exact(post: Post, people: int = PEOPLE, emails: int = PEOPLE * EACH) -> None:
    """Each e-mail is in one digest, each person has one, and nobody has an empty one."""
    digests = post.digests()
    assert len({made.user for made in digests}) == len(digests) == people
    assert all(made.emails for made in digests)
    bound = [email for made in digests for email in made.emails]
    assert len(set(bound)) == len(bound) == emails
    assert {post.statuses()[email] for email in bound} == {"processing"}


def test_two_runs_at_once_make_each_digest_once(crowded: Post) -> None:
    barrier = threading.Barrier(2, timeout=60)

    def run() -> int:
        emitted = 0
        pages = run_digests(crowded.job_settings, Digests(most=PAGE), Input(now=NOW))
        while True:
            # Who has fewer pages does not hold up the other one.
            with suppress(threading.BrokenBarrierError):
                barrier.wait()
            page = next(pages, None)
            if page is None:
                barrier.abort()
                return emitted
            emitted += page.counts.emitted

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(run) for _ in range(2)]
        assert sum(each.result() for each in both) == PEOPLE
    assert_exact(crowded)


@contextmanager
def held_up(
    post: Post, place: tuple[str, str], *work: Callable[[], object]
) -> Iterator[list[Future[Any]]]:
    """Work that is in the middle of its writes; the result of each when the block ends."""
    post.execute(_WAIT % place)
    with post.database.connect() as holder, ThreadPoolExecutor(len(work)) as pool:
        holder.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        results = [pool.submit(each) for each in work]
        try:
            wait_until(
                lambda: len(waiting(post)) == len(work), seconds=30, what="the pages are held up"
            )
            yield results
        finally:
            holder.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.parametrize(
    ("place", "later"),
    [(PLACES[0], timedelta(0)), (PLACES[2], timedelta(0)), (PLACES[1], HOUR)],
    ids=["the digest", "the status", "the next window"],
)
def test_a_run_that_comes_while_another_writes_waits_and_finds_nothing(
    crowded: Post, place: tuple[str, str], later: timedelta
) -> None:
    with held_up(
        crowded, place, crowded.digest, lambda: crowded.digest(now=NOW + later)
    ) as results:
        pass
    assert sorted(each.result(timeout=60).emitted for each in results) == [0, PEOPLE]
    assert_exact(crowded)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: str(place[1]))
def test_a_page_that_is_killed_in_its_middle_is_as_if_it_had_not_been(
    crowded: Post, place: tuple[str, str]
) -> None:
    with held_up(crowded, place, lambda: page_once(crowded)) as (result,):
        kill(crowded, waiting(crowded)[0])
        with pytest.raises(psycopg.OperationalError):
            result.result(timeout=60)
    assert crowded.digests() == []
    assert set(crowded.statuses().values()) == {"pending"}
    crowded.digest(most=PAGE)
    assert_exact(crowded)


def test_a_run_that_goes_on_after_a_cut_makes_each_digest_once(crowded: Post) -> None:
    with held_up(crowded, PLACES[1], lambda: crowded.digest(most=PAGE)) as (result,):
        kill(crowded, waiting(crowded)[0])
    result.result(timeout=60)
    assert_exact(crowded)


def in_steps(post: Post) -> None:
    """Make the digests in a transaction of their own, and bind their rows in another."""
    post.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
        " source_id) SELECT id, 'digest:x', 'email', user_id::text, 'digest_aggregated', user_id,"
        " 'digest_rows', id::text FROM (SELECT DISTINCT user_id,"
        " fanout.delivery_id('digest:x', 'email', user_id::text) AS id FROM pending_emails)"
    )
    post.execute(
        "INSERT INTO fanout.digest_rows (email_id, delivery_id) SELECT id,"
        " fanout.delivery_id('digest:x', 'email', user_id::text) FROM pending_emails"
    )


def test_control_digests_without_their_rows_would_be_caught(crowded: Post) -> None:
    with held_up(crowded, PLACES[1], lambda: in_steps(crowded)) as (result,):
        kill(crowded, waiting(crowded)[0])
        with pytest.raises(psycopg.OperationalError):
            result.result(timeout=60)
    crowded.digest()
    with pytest.raises(AssertionError):
        assert_exact(crowded)


@contextmanager
def another_sender(post: Post, *emails: int) -> Iterator[psycopg.Connection[Any]]:
    """Another sender takes e-mails in a transaction, and commits when the block ends."""
    with post.database.connect() as connection, connection.transaction():
        connection.execute(
            "UPDATE pending_emails SET status = 'processing' WHERE id = ANY (%s)", [list(emails)]
        )
        yield connection


def test_what_another_sender_takes_meanwhile_is_in_no_digest(crowded: Post) -> None:
    taken = [1, 2, 3, 4]  # all of the first person, and one of the second
    with ThreadPoolExecutor(1) as pool:
        with another_sender(crowded, *taken):
            result = pool.submit(crowded.digest)
            wait_until(lambda: waiting(crowded), seconds=30, what="the page waits for the sender")
        assert result.result(timeout=60).emitted == PEOPLE - 1
    bound = {email for made in crowded.digests() for email in made.emails}
    assert bound & set(taken) == set()
    assert_exact(crowded, PEOPLE - 1, PEOPLE * EACH - len(taken))


def test_control_a_page_that_does_not_look_again_would_be_caught(crowded: Post) -> None:
    assert STATEMENT.count(b" FOR UPDATE\n") == 1
    careless = STATEMENT.replace(b" FOR UPDATE\n", b"\n")
    with ThreadPoolExecutor(1) as pool:
        with another_sender(crowded, 1):
            result = pool.submit(page_once, crowded, careless)
            wait_until(lambda: waiting(crowded), seconds=30, what="the page waits for the sender")
        result.result(timeout=60)
    with pytest.raises(AssertionError):
        assert_exact(crowded, PEOPLE, PEOPLE * EACH - 1)


def test_what_is_deleted_meanwhile_costs_nobody_else_theirs(crowded: Post) -> None:
    with ThreadPoolExecutor(1) as pool:
        with crowded.database.connect() as other, other.transaction():
            other.execute("DELETE FROM pending_emails WHERE id <= 4")
            result = pool.submit(crowded.digest)
            wait_until(lambda: waiting(crowded), seconds=30, what="the page waits for the deletion")
        result.result(timeout=60)
    assert_exact(crowded, PEOPLE - 1, PEOPLE * EACH - 4)


def test_what_is_queued_while_a_page_writes_goes_to_the_next_digest(database: Database) -> None:
    with database.connect() as connection:
        populate(connection)
    post = Post(database)
    post.switch_on()
    first = {user: post.queue(user) for user in (U1, U2, U3)}
    with held_up(post, PLACES[0], post.digest):
        second = {user: post.queue(user, at=BEFORE) for user in (U1, U2, U3)}
    post.end_digests()
    post.digest(now=NOW + HOUR)
    for user in (U1, U2, U3):
        emails = [made.emails for made in post.digests() if made.user == user]
        assert emails == [first[user], second[user]]


def test_what_is_queued_between_two_runs_of_a_window_goes_to_the_next_digest(
    database: Database,
) -> None:
    with database.connect() as connection:
        populate(connection)
    post = Post(database)
    post.switch_on()
    first = post.queue(U2)
    with ThreadPoolExecutor(1) as pool:
        with held_up(post, PLACES[0], post.digest):
            second = post.queue(U2, at=BEFORE)
            # It sees both and not yet the digest, and waits for the row that the first run has.
            again = pool.submit(post.digest)
            wait_until(lambda: len(waiting(post)) == 2, seconds=30, what="both runs wait")
        assert again.result(timeout=60).emitted == 0
    post.end_digests()
    post.digest(now=NOW + HOUR)
    assert [made.emails for made in post.digests()] == [first, second]
