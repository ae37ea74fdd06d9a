"""The command ``capture``: it shows the three steps, and takes the last one."""

import json
import os
from collections.abc import Iterator
from subprocess import CompletedProcess

import psycopg
import pytest

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.identifiers import EventId
from pipeline.domain.message import Message, message_for
from pipeline.settings import DatabaseSettings
from pipeline.sinks import forms
from tests.databases import Database
from tests.golden.stage import Stage
from tests.programs import Program

WHOLE = "ALTER PUBLICATION fanout_events SET TABLE domain_events, fanout_heartbeat"


@pytest.fixture
def upgraded(stage: Stage) -> Iterator[Stage]:
    """An installation of an earlier release, after migrate."""
    stage.execute(WHOLE)
    forms.forget()
    yield stage
    close_pools()


def capture(stage: Stage, *arguments: str, dsn: str | None = None) -> CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": dsn or stage.database.dsn}
    with Program("pipeline", "capture", *arguments, environment=environment) as program:
        return program.completed(timeout=60)


def columns(database: Database) -> set[str]:
    with database.connect() as connection:
        ((names,),) = connection.execute(
            "SELECT attnames::text[] FROM pg_publication_tables WHERE tablename = 'domain_events'"
        ).fetchall()
    return set(names)


def receive(stage: Stage, *messages: Message) -> None:
    """Record the form of these messages, with the role of the stream."""
    forms.forget()
    forms.record_forms(DatabaseSettings(dsn=stage.database.writer_dsn), messages)


def old_message(event_id: int) -> Message:
    return Message(b'{"payload": "{}"}', {"id": str(event_id), "event_type": "greeted"})


def test_a_new_installation_publishes_ids_and_times_alone(stage: Stage) -> None:
    assert columns(stage.database) == {"id", "created_at"}


def test_the_publication_is_left_as_it_is_until_pipeline_and_debezium_were_seen(
    upgraded: Stage,
) -> None:
    refused = capture(upgraded, "--ids-only")
    assert refused.returncode == 1
    assert "pipeline first: it has not received a message yet" in refused.stderr
    receive(upgraded, old_message(1))
    refused = capture(upgraded, "--ids-only")
    assert refused.returncode == 1
    assert "Debezium first: no message without a payload has arrived" in refused.stderr
    assert "payload" in columns(upgraded.database)


def test_once_both_were_seen_it_is_narrowed_and_that_is_harmless_when_repeated(
    upgraded: Stage,
) -> None:
    receive(upgraded, old_message(1))
    receive(upgraded, message_for(EventId(2)))
    for _ in range(2):
        narrowed = capture(upgraded, "--ids-only", "--json")
        assert (narrowed.returncode, json.loads(narrowed.stdout)["done"]) == (0, True)
    assert columns(upgraded.database) == {"id", "created_at"}


def test_a_payload_that_arrives_later_shows_that_an_old_debezium_runs(upgraded: Stage) -> None:
    receive(upgraded, message_for(EventId(1)))
    receive(upgraded, old_message(2))
    refused = capture(upgraded, "--ids-only")
    assert "Debezium first: a payload arrived" in refused.stderr
    assert "payload" in columns(upgraded.database)


def test_what_a_replay_sends_shows_nothing_of_debezium(upgraded: Stage) -> None:
    receive(upgraded, message_for(EventId(1), replay="a"))
    assert upgraded.rows("SELECT form FROM fanout.messages_seen") == []


def test_an_old_pipeline_that_is_still_connected_is_named(upgraded: Stage) -> None:
    receive(upgraded, message_for(EventId(1)))
    with psycopg.connect(upgraded.database.dsn, application_name="fanout 0.1.0"):
        refused = capture(upgraded, "--ids-only")
    assert refused.returncode == 1
    assert "version 0.1.0 is connected" in refused.stderr
    assert "payload" in columns(upgraded.database)


def test_without_a_flag_it_shows_the_steps_and_changes_nothing(upgraded: Stage) -> None:
    receive(upgraded, message_for(EventId(1)))
    shown = capture(upgraded)
    assert shown.returncode == 1
    assert [line.split()[1] for line in shown.stdout.splitlines() if line[2] in "✓✗"] == [
        "pipeline",
        "Debezium",
        "publication",
    ]
    assert "→ python -m pipeline capture --ids-only" in shown.stdout
    assert "payload" in columns(upgraded.database)


def test_who_does_not_own_the_publication_is_told_so(upgraded: Stage) -> None:
    receive(upgraded, message_for(EventId(1)))
    refused = capture(upgraded, "--ids-only", dsn=upgraded.database.operator_dsn)
    assert refused.returncode == 1
    assert "this user does not own the publication" in refused.stderr
