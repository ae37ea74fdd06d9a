"""Two databases of one server, each with its own slot, publication and Debezium."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from local import topics
from local.debezium import Debezium
from local.pubsub import Emulator
from local.stack import Stack
from pipeline.ops.migrate import migrate
from tests.deadline import wait_until
from tests.programs import Program

OTHER = "Other App"


@dataclass(frozen=True, slots=True)
class Site:
    """A database, its Pub/Sub names, and its slot and publication."""

    url: str
    emulator: str
    names: dict[str, str]

    def insert(self) -> str:
        """Insert an event; return its id, as in a message."""
        [(event_id,)] = self.rows(
            "INSERT INTO domain_events (event_type) VALUES ('moon_rose') RETURNING id"
        )
        return str(event_id)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def next_message(self) -> str:
        """Return the id in the next message."""
        subscription = topics.subscription_path(topics.EVENTS_SUBSCRIPTION)
        with topics.clients(self.emulator) as (_, subscriber):
            pull = {"subscription": subscription, "max_messages": 1}
            [received] = subscriber.pull(request=pull, timeout=60).received_messages
            acknowledge = {"subscription": subscription, "ack_ids": [received.ack_id]}
            subscriber.acknowledge(request=acknowledge)
        return str(received.message.attributes["id"])

    def doctor(self, *flags: str, **environment: str) -> CompletedProcess[str]:
        variables = os.environ | {"DATABASE_URL": self.url} | environment
        with Program("pipeline", "doctor", "--json", *flags, environment=variables) as program:
            return program.completed(timeout=60)

    def is_well(self, names: dict[str, str]) -> bool:
        """Return whether doctor finds no failure."""
        return self.doctor(**names).returncode == 0

    def failures(self, *flags: str, **environment: str) -> dict[str, dict[str, str]]:
        """Return the failed checks, by name."""
        report = json.loads(self.doctor(*flags, **environment).stdout)
        return {each["name"]: each for each in report["checks"] if each["verdict"] == "failed"}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        patch.setenv("HEARTBEAT_INTERVAL_MS", "500")
        stack = Stack(tmp_path / "stack")
        with stack:
            yield stack
        stack.remove()


@contextmanager
def second_site(stack: Stack, folder: Path) -> Iterator[Site]:
    """Create another database on the same server, ready for capture."""
    url = stack.environment()["DATABASE_URL"]
    names = {"SLOT_NAME": "fanout_other_app", "PUBLICATION_NAME": "other_events"}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{OTHER}"'.encode())
    other = make_conninfo(url, dbname=OTHER)
    migrate(other, reference_schema=True)
    login = conninfo_to_dict(stack.capture_url())
    with Emulator() as emulator:
        topics.create(emulator.address)
        site = Site(other, emulator.address, names)
        site.rows("ALTER PUBLICATION fanout_events RENAME TO other_events")
        with Debezium(
            folder,
            database_url=make_conninfo(other, user=login["user"], password=login["password"]),
            emulator=emulator.address,
            project=topics.PROJECT,
            slot=names["SLOT_NAME"],
            publication=names["PUBLICATION_NAME"],
        ):
            yield site


@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_two_databases_of_one_server_are_captured_each_for_itself(
    stack: Stack, tmp_path: Path
) -> None:
    environment = stack.environment()
    first = Site(environment["DATABASE_URL"], environment["PUBSUB_EMULATOR_HOST"], {})
    # From here on, only the first database has these ids.
    first.rows("SELECT setval('domain_events_id_seq', 1000)")
    with second_site(stack, tmp_path / "second") as second:
        assert (first.insert(), second.insert()) == ("1001", "1")
        assert (first.next_message(), second.next_message()) == ("1001", "1")
        for site, names in ((first, {}), (second, second.names)):
            # No pipeline runs here, so the events from above would stay unfinished.
            site.rows("TRUNCATE domain_events CASCADE")
            wait_until(
                partial(site.is_well, names),
                seconds=60,
                what="doctor finds the heartbeat",
            )
        given = ["--slot", "fanout_other_app", "--publication", "other_events"]
        assert second.failures(*given) == {}
        confused = second.failures()
    assert set(confused) == {"slot", "publication"}
    assert "belongs to the database app, not to Other App" in confused["slot"]["seen"]
    assert "SLOT_NAME=fanout_other_app for Debezium" in confused["slot"]["fix"]


@pytest.mark.parametrize("flag", ["--slot", "--publication"])
@pytest.mark.parametrize("name", ["Fanout", "a-b", "x'; --", "x" * 64])
def test_a_name_that_postgres_would_not_take_is_refused(flag: str, name: str) -> None:
    variables = os.environ | {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    with Program("pipeline", "doctor", f"{flag}={name}", environment=variables) as program:
        refused = program.completed(timeout=60)
    assert (refused.returncode, refused.stdout) == (1, "")
    variable = "SLOT_NAME" if flag == "--slot" else "PUBLICATION_NAME"
    assert f"pipeline doctor: invalid {variable} " in refused.stderr
    assert "expected at most 63 lower-case letters, digits and _" in refused.stderr
