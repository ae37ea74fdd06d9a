"""``forget``, of mails: what waits is cancelled, what was to be said goes, others stay."""

import hashlib
import os
from typing import Final
from uuid import UUID, uuid4

import pytest

from pipeline.domain.lease import WorkState, end
from pipeline.ops.families import Family
from pipeline.ops.forget.forget import forget
from pipeline.ops.migrate import migrate
from pipeline.settings import DatabaseSettings
from tests.databases import Database
from tests.producer.post import ADDRESS, Post, answer
from tests.programs import Program

ANN: Final = UUID("a0000000-0000-4000-8000-00000000000a")


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


def erased(post: Post, *, dry_run: bool = False) -> int:
    """How many deliveries name Ann, and are erased."""
    settings = DatabaseSettings(dsn=post.database.operator_dsn)
    return forget(settings, ANN, dry_run=dry_run).rows["fanout.deliveries"]


def freeze(post: Post, mail: UUID) -> None:
    post.execute(
        "INSERT INTO fanout.delivery_bodies (delivery_id, provider, body)"
        " VALUES (%s, 'resend', 'x')",
        mail,
    )


def batch(post: Post, body: str, *mails: UUID) -> None:
    """Freeze a request for several mails, as the sender does."""
    post.execute(
        "INSERT INTO fanout.batch_requests (provider, key, members, body)"
        " VALUES ('resend', %s, %s, %s)",
        body, list(mails), body.encode(),
    )  # fmt: skip


def everything(post: Post) -> str:
    return str(
        [
            post.rows(f"SELECT each::text FROM fanout.{table} AS each ORDER BY 1")  # noqa: S608
            for table in ("deliveries", "transactional_mails", "delivery_bodies", "batch_requests")
        ]
    )


def test_a_mail_that_waits_is_cancelled_and_nothing_is_left_to_send(post: Post) -> None:
    mail = post.queue(user_id=ANN)
    other = post.queue(user_id=uuid4(), recipient_email="bob@host.example")
    freeze(post, mail)
    freeze(post, other)
    assert erased(post, dry_run=True) == 1
    assert ADDRESS in everything(post)

    assert erased(post) == 1

    assert post.rows("SELECT state, reason FROM fanout.deliveries WHERE id = %s", mail) == [
        ("cancelled", "the person was erased")
    ]
    left = everything(post)
    assert str(ANN) not in left
    assert ADDRESS not in left
    assert "bob@host.example" in left
    assert post.rows("SELECT delivery_id FROM fanout.delivery_bodies") == [(other,)]
    assert [each.values["id"] for each in post.claim()] == [other]
    assert erased(post) == 0


def test_how_a_mail_ended_stays_and_whose_it_was_goes(post: Post) -> None:
    mail = post.queue(user_id=ANN)
    freeze(post, mail)
    post.send()
    batch(post, "ann", mail)
    assert erased(post) == 1
    assert post.rows(
        "SELECT id, state, recipient, user_id, provider_id FROM fanout.deliveries"
    ) == [(mail, "done", "erased", None, "re_1")]
    assert post.rows("SELECT FROM fanout.delivery_bodies, fanout.batch_requests") == []


def test_a_request_for_several_mails_goes_once_none_of_them_waits(post: Post) -> None:
    theirs = post.queue(user_id=ANN)
    post.send()
    waiting = post.queue(user_id=uuid4(), recipient_email="bob@host.example")
    batch(post, "ann and bob", theirs, waiting)
    batch(post, "ann alone", theirs)
    batch(post, "bob alone", waiting)
    assert erased(post) == 1
    kept = "SELECT key FROM fanout.batch_requests ORDER BY key"
    assert post.rows(kept) == [("ann and bob",), ("bob alone",)]


def test_a_mail_that_is_being_sent_is_erased_by_the_next_run(post: Post) -> None:
    post.queue(user_id=ANN)
    [lease] = post.claim()
    assert erased(post) == 0
    assert ADDRESS not in everything(post)
    assert post.settle(answer(end(lease, WorkState.DONE), "re_1")) == 1
    assert erased(post) == 1
    assert str(ANN) not in everything(post)


# A database with mail alone


@pytest.fixture
def alone(empty_database: Database) -> Post:
    migrate(empty_database.dsn, family=Family.MAIL)
    return Post(empty_database)


def test_a_person_is_erased_where_there_is_no_fan_out(alone: Post) -> None:
    mail = alone.queue(user_id=ANN)
    freeze(alone, mail)
    alone.execute(
        "INSERT INTO event_dead_letters"
        " (letter_key, stage, error_class, message, fingerprint, data)"
        " VALUES ('deliveries:1', 'Send', 'Refused', 'refused', 'f00d', %s)",
        f"to {ANN}".encode(),
    )
    settings = DatabaseSettings(dsn=alone.database.operator_dsn)
    seen = forget(settings, ANN, dry_run=True)
    assert (seen.erasure, alone.rows("SELECT FROM fanout.audit")) == (None, [])
    assert str(ANN) in everything(alone)

    done = forget(settings, ANN)

    assert done.rows == seen.rows
    assert done.rows == {
        "event_dead_letters": 1, "fanout.provider_reports": 0, "fanout.deliveries": 1,
    }  # fmt: skip
    assert done.left == {}
    assert str(ANN) not in everything(alone)
    assert ADDRESS not in everything(alone)
    assert alone.rows("SELECT data FROM event_dead_letters") == [(None,)]
    person = hashlib.sha256(str(ANN).encode()).hexdigest()
    assert done.recorded_in == "fanout.audit"
    assert alone.rows(
        "SELECT id, identity, action, target, finished_at IS NOT NULL, result::jsonb"
        " FROM fanout.audit"
    ) == [(done.erasure, "login", "forget", f"person_sha256={person}", True, done.rows)]


def test_what_it_prints_names_no_table_that_is_not_there(alone: Post) -> None:
    environment = os.environ | {"DATABASE_URL": alone.database.operator_dsn}
    with Program("pipeline", "forget", "--user", str(ANN), environment=environment) as program:
        printed = program.completed(timeout=60)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert "  fanout.deliveries: 0 rows\n" in printed.stdout
    assert "recorded in fanout.audit, row " in printed.stdout
    assert "notification" not in printed.stdout
    assert "application" not in printed.stdout
