"""A dead letter that was kept from its topic is published later: by one process at a time."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from pipeline.domain.dead_letter import DeadLetter
from pipeline.domain.errors import ConfigurationError, InvalidEvent
from pipeline.domain.identifiers import EventId
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.sinks.ledger import mark_dead
from pipeline.sinks.unpublished_letters import MOST, publish_unpublished
from tests.local.pubsub.project import Project
from tests.sinks.conftest import Written

ROOT: Final = Path(__file__).parents[2]
LETTER: Final = DeadLetter.of_event(EventId(1), None, "decode", InvalidEvent("payload: empty"))
NOTED: Final = "SELECT letter_key, topic FROM fanout.unpublished_letters ORDER BY 1"
A_MINUTE_LATER: Final = "UPDATE fanout.unpublished_letters SET due_at = due_at - interval '1 min'"
# Which threads publish, after all that starts in a process of each graph on Dataflow.
WORKER: Final = """
import os, threading, time
import psycopg
from pipeline.domain.graph import Graph
from pipeline.settings import DatabaseSettings
from pipeline.topology.ends import Store
dsn, topic = os.environ["DATABASE_URL"], os.environ["TOPIC"]
def start(topic, *graphs):
    for graph in graphs:
        Store(DatabaseSettings(dsn=dsn), topic, writes_sign_of_life=True).on_start(graph)()
    print(sum(thread.name == "letters" for thread in threading.enumerate()))
start(None, Graph.FANOUT)
start(topic, Graph.MAIL, Graph.PUSH)
start(topic, Graph.FANOUT, Graph.FANOUT, Graph.JOBS)
with psycopg.connect(dsn, autocommit=True) as connection:
    while connection.execute("SELECT FROM fanout.unpublished_letters").fetchall():
        time.sleep(0.02)
"""


def execute(written: Written, statement: str, *parameters: object) -> None:
    with written.database.connect() as connection:
        connection.execute(statement.encode(), parameters or None)


def leave(written: Written, topic: str, count: int) -> None:
    """Dead letters that nobody has published to a topic in time: 1, 2, and so on."""
    execute(
        written,
        "WITH letter AS (INSERT INTO event_dead_letters"
        " (letter_key, stage, error_class, message, fingerprint)"
        " SELECT number, 'decode', 'InvalidEvent', 'payload: empty', 'f1'"
        " FROM generate_series(1, %s) AS number RETURNING letter_key)"
        " INSERT INTO fanout.unpublished_letters (letter_key, topic, due_at)"
        " SELECT letter_key, %s, now() FROM letter",
        count,
        topic,
    )


def published(project: Project) -> set[str]:
    return {each.message.attributes["dead_letter_key"] for each in project.pull()}


def test_a_letter_belongs_to_whoever_tries_to_publish_it_for_a_minute(
    written: Written, project: Project
) -> None:
    missing = f"{project.path}/topics/missing"
    with pytest.raises(ConfigurationError):
        write_dead_letters(written.settings, missing, [LETTER], mark_dead)
    for _ in range(2):
        assert publish_unpublished(written.settings, missing) == 0
        execute(written, A_MINUTE_LATER)
        with pytest.raises(ConfigurationError):
            publish_unpublished(written.settings, missing)
    assert publish_unpublished(written.settings, missing) == 0
    assert written.rows(NOTED) == [("event:1", missing)]


def test_a_letter_that_is_written_again_has_another_minute_and_its_new_topic(
    written: Written, project: Project
) -> None:
    missing = [f"{project.path}/topics/missing-{number}" for number in range(2)]
    for topic in missing:
        execute(written, A_MINUTE_LATER)
        with pytest.raises(ConfigurationError):
            write_dead_letters(written.settings, topic, [LETTER], mark_dead)
    assert written.rows(NOTED) == [("event:1", missing[1])]
    assert publish_unpublished(written.settings, missing[1]) == 0


def test_a_letter_that_another_session_has_holds_up_no_other_one(
    written: Written, project: Project
) -> None:
    leave(written, project.topic, 2)
    with written.database.connect() as other, other.transaction():
        other.execute("SELECT FROM fanout.unpublished_letters WHERE letter_key = '1' FOR UPDATE")
        assert publish_unpublished(written.settings, project.topic) == 1
    assert written.rows(NOTED) == [("1", project.topic)]
    assert publish_unpublished(written.settings, project.topic) == 1
    assert published(project) == {"1", "2"}


def test_a_letter_that_was_resolved_or_deleted_meanwhile_is_forgotten(
    written: Written, project: Project
) -> None:
    leave(written, project.topic, 3)
    execute(written, "UPDATE event_dead_letters SET resolved_at = now() WHERE letter_key = '1'")
    execute(written, "DELETE FROM event_dead_letters WHERE letter_key = '2'")
    assert publish_unpublished(written.settings, project.topic) == 1
    assert published(project) == {"3"}
    assert written.rows(NOTED) == []


def test_a_stop_waits_for_one_portion_only(written: Written, project: Project) -> None:
    leave(written, project.topic, MOST + 1)
    stops = iter([False, True])
    assert publish_unpublished(written.settings, project.topic, lambda: next(stops)) == MOST
    assert len(written.rows(NOTED)) == 1


def test_a_process_on_dataflow_publishes_if_its_graph_writes_dead_letters(
    written: Written, project: Project
) -> None:
    leave(written, project.topic, 1)
    # In its own process: the thread runs until the process ends.
    printed = subprocess.run(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": written.settings.dsn, "TOPIC": project.topic},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert printed.split() == ["0", "0", "1"]
    assert published(project) == {"1"}
