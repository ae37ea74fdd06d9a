"""Pushes that were too much for a phone: each is in one digest, beside the e-mails that wait."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest

from pipeline.clients.postgres.sql import load
from pipeline.jobs.job import Counts
from tests.databases import Database
from tests.deadline import wait_until
from tests.golden.world import U1, U2, U3, populate
from tests.jobs.post import BEFORE, HOUR, NOW, Post
from tests.jobs.test_digest_races import parameters_of

STATEMENT: Final = load("pipeline.jobs", "digests")

_OVERFLOW: Final = """
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id, state, created_at
    )
    SELECT gen_random_uuid(), 'domain_events:' || n, 'bus', %(user)s::uuid::text, 'meeting_updated',
        %(user)s, 'notifications', n::text, 'digest', %(at)s
    FROM generate_series(1, %(number)s) AS n
    RETURNING id
"""


def overflow(post: Post, user: UUID, *, number: int = 1, at: object = BEFORE) -> set[UUID]:
    """Let pushes be too much for a person's phone; return their ids."""
    with post.database.connect() as connection:
        parameters = {"user": user, "number": number, "at": at}
        return {id_ for (id_,) in connection.execute(_OVERFLOW, parameters)}


def told(post: Post) -> dict[UUID, set[UUID]]:
    """The pushes of each digest, by the person."""
    return {
        user: set(pushes)
        for user, pushes in post.rows(
            "SELECT digest.user_id, array_agg(push_id) FROM fanout.digest_pushes"
            " JOIN fanout.deliveries AS digest ON digest.id = delivery_id GROUP BY digest.id"
        )
    }


@pytest.fixture
def post(database: Database) -> Post:
    with database.connect() as connection:
        populate(connection)
    post = Post(database)
    post.switch_on()
    return post


def test_pushes_alone_make_a_digest_and_join_that_of_e_mails(post: Post) -> None:
    emails = post.queue(U1, number=2)
    joined, alone = overflow(post, U1), overflow(post, U2, number=3)
    assert post.digest() == Counts(scanned=2, due=2, emitted=2)
    assert told(post) == {U1: joined, U2: alone}
    assert [(made.user, made.emails) for made in post.digests()] == sorted(
        [(U1, emails), (U2, None)]
    )
    assert post.digest() == Counts()


def test_501_pushes_are_one_digest(post: Post) -> None:
    pushes = overflow(post, U2, number=501)
    assert post.digest() == Counts(scanned=1, due=1, emitted=1)
    assert told(post) == {U2: pushes}


def test_a_push_is_told_by_the_next_window_and_while_a_digest_is_under_way_by_none(
    post: Post,
) -> None:
    overflow(post, U2, at=NOW)
    # It came when the window had opened.
    assert post.digest() == Counts(scanned=1)
    assert post.digest(now=NOW + HOUR) == Counts(scanned=1, due=1, emitted=1)
    later = overflow(post, U2, at=NOW)
    assert post.digest(now=NOW + 2 * HOUR) == Counts(scanned=1, due=1, skipped=1)
    post.end_digests()
    assert post.digest(now=NOW + 3 * HOUR) == Counts(scanned=1, due=1, emitted=1)
    assert later <= set.union(*told(post).values())


def test_every_page_has_those_with_pushes_and_those_with_e_mails(post: Post) -> None:
    people = (U1, U2, U3)
    post.queue(U1)
    post.queue(U3)
    overflow(post, U2)
    overflow(post, U3)
    pages = post.digest_pages(most=1)
    assert [page.counts for page in pages if page.counts.due] == [
        Counts(scanned=1, due=1, emitted=1)
    ] * len(people)
    assert {made.user for made in post.digests()} == set(people)


def test_a_dry_run_shows_them_and_takes_none(post: Post) -> None:
    overflow(post, U2, number=2)
    (page,) = post.digest_pages(dry_run=True)
    [preview] = page.preview
    assert (preview["emails"], preview["pushes"]) == (0, 2)
    assert told(post) == {}


def two_windows_at_once(post: Post, statement: bytes = STATEMENT) -> list[int]:
    """Let two windows open at once, the second while the first is not committed.

    Returns how many pushes each digest tells.
    """
    with (
        psycopg.connect(post.database.jobs_dsn) as first,
        psycopg.connect(post.database.jobs_dsn, autocommit=True) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        first.execute(statement, parameters_of())
        later = parameters_of()
        later["windows"].obj["UTC"]["cause"] = "digest:later"
        running = pool.submit(second.execute, statement, later)
        try:
            wait_until(
                lambda: waits_for_a_lock(post, second), seconds=20, what="the second run waits"
            )
        finally:
            first.commit()
        running.result(timeout=20)
    return [
        number
        for (number,) in post.rows(
            "SELECT (SELECT count(*) FROM fanout.digest_pushes WHERE delivery_id = digest.id)"
            " FROM fanout.deliveries AS digest WHERE source = 'digest_rows' ORDER BY sequence"
        )
    ]


def waits_for_a_lock(post: Post, connection: psycopg.Connection[Any]) -> bool:
    pid = connection.info.backend_pid
    return post.rows("SELECT cardinality(pg_blocking_pids(%s)) > 0", pid) == [(True,)]


def test_two_windows_at_once_tell_each_push_once_and_send_no_empty_digest(post: Post) -> None:
    overflow(post, U2, number=20)
    assert two_windows_at_once(post) == [20]


def test_control_without_a_second_look_there_is_an_empty_digest(post: Post) -> None:
    overflow(post, U2, number=20)
    weak = STATEMENT.replace(b"    AND push.source_taken_at IS NULL\n", b"")
    assert weak != STATEMENT
    assert two_windows_at_once(post, weak) == [20, 0]


def test_a_run_that_is_killed_has_made_all_of_a_digest_or_nothing(post: Post) -> None:
    pushes = overflow(post, U2, number=50)
    with psycopg.connect(post.database.jobs_dsn) as connection:
        connection.execute(STATEMENT, parameters_of())
        _kill(post, connection)
    assert told(post) == {}
    assert post.digests() == []
    assert post.digest().emitted == 1
    assert told(post) == {U2: pushes}


def _kill(post: Post, connection: psycopg.Connection[Any]) -> None:
    with post.database.connect() as owner:
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
    with pytest.raises(psycopg.OperationalError):
        connection.commit()
    connection.close()
