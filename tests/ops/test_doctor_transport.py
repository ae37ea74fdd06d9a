"""Doctor on the connections: encryption, poolers, emulators and Pub/Sub."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from local import topics
from local.pubsub import Emulator
from pipeline.ops.doctor.check import Finding, Severity, failed, ok
from pipeline.ops.doctor.checks.transport import (
    judge_capture,
    judge_emulator,
    judge_encryption,
    judge_pooler,
)
from pipeline.ops.doctor.installation import CaptureAddress, Installation
from pipeline.settings import DatabaseSettings
from tests.databases import Database, Databases, scratch_cluster
from tests.ops.examination import found, look

ELSEWHERE: Final = "203.0.113.7"
TOPIC: Final = topics.topic_path(topics.EVENTS)
SUBSCRIPTION: Final = topics.subscription_path(topics.EVENTS_SUBSCRIPTION)
DEAD_LETTER_TOPIC: Final = topics.topic_path(topics.DEAD_LETTERS)


@pytest.mark.parametrize(
    ("address", "encrypted", "sslmode", "severity"),
    [
        ("127.0.0.1", False, "prefer", Severity.OK),
        ("::1", False, "disable", Severity.OK),
        ("/var/run/postgresql", False, "prefer", Severity.OK),
        ("", False, "prefer", Severity.OK),
        (ELSEWHERE, True, "verify-full", Severity.OK),
        (ELSEWHERE, False, "prefer", Severity.FAILED),
        (ELSEWHERE, True, "prefer", Severity.FAILED),
        (ELSEWHERE, True, "require", Severity.FAILED),
        (ELSEWHERE, True, "verify-ca", Severity.FAILED),
        ("10.0.0.1", False, "disable", Severity.FAILED),
    ],
)
def test_a_connection_that_others_could_read_or_take_over_is_caught(
    address: str,
    encrypted: bool,  # noqa: FBT001 - a parameter of the table above
    sslmode: str,
    severity: Severity,
) -> None:
    assert judge_encryption(address, encrypted=encrypted, sslmode=sslmode).severity == severity


@pytest.mark.parametrize(
    ("host", "port", "sslmode", "severity"),
    [
        ("db.example.com", 5432, "verify-full", Severity.OK),
        ("localhost", 5432, "disable", Severity.OK),
        ("db.example.com", 6543, "verify-full", Severity.FAILED),
        ("db.example.com", 5432, "require", Severity.FAILED),
    ],
)
def test_a_way_of_debezium_through_a_pooler_or_in_the_clear_is_caught(
    host: str, port: int, sslmode: str, severity: Severity
) -> None:
    assert judge_capture(CaptureAddress(host, port, sslmode)).severity == severity


def capture(dsn: str, **changed: Any) -> CaptureAddress:  # noqa: ANN401 - each has its own
    """The address at which Debezium connects, from a connection string."""
    parts = conninfo_to_dict(dsn)
    return replace(
        CaptureAddress(
            host=str(parts["host"]),
            port=int(str(parts["port"])),
            sslmode="disable",
            user=str(parts["user"]),
            password=str(parts["password"]),
        ),
        **changed,
    )


def way(database: Database, address: CaptureAddress) -> Finding:
    """What the check of Debezium's login finds."""
    settings = DatabaseSettings(dsn=database.operator_dsn)
    return look(Installation(database=settings, capture=address), "Debezium login")


def test_a_way_on_which_replication_works_is_well(database: Database) -> None:
    address = capture(database.cdc_dsn)
    assert way(database, address) == ok(
        f"{address.host}:{address.port}, sslmode=disable, replication as test_cdc"
    )


@pytest.mark.parametrize(
    ("changed", "cause", "fix"),
    [
        (
            {"password": "kanarienvogel"},
            'password authentication failed for user "test_cdc"',
            "correct DATABASE_USER and DATABASE_PASSWORD",
        ),
        ({"host": "db.invalid"}, "failed to resolve host", "correct DATABASE_HOST"),
        (
            {"port": 1},
            "Connection refused",
            "start the server, or correct DATABASE_HOST and DATABASE_PORT",
        ),
        ({"sslmode": "require"}, "server does not support SSL", "correct DATABASE_SSLMODE"),
        (
            {"port": 6543},
            "port 6543 belongs to a pooler: it does not support replication",
            "connect Debezium to the server itself: its own DATABASE_HOST, and DATABASE_PORT=5432",
        ),
    ],
    ids=["wrong password", "unknown host", "refused", "no encryption", "pooler"],
)
def test_a_way_that_leads_nowhere_names_the_setting_of_debezium(
    database: Database, changed: dict[str, Any], cause: str, fix: str
) -> None:
    address = capture(database.cdc_dsn)
    if changed.get("host"):
        # The check connects to another machine only with encryption.
        changed = {"sslmode": "verify-full", **changed}
    finding = way(database, replace(address, **changed))
    assert (finding.severity, finding.fix) == (Severity.FAILED, fix)
    assert cause in finding.seen
    assert "kanarienvogel" not in finding.seen


def test_a_role_that_may_not_replicate_is_caught(database: Database) -> None:
    finding = way(database, capture(database.writer_dsn))
    assert (finding.severity, finding.fix) == (
        Severity.FAILED,
        "run ALTER ROLE ... REPLICATION for this user",
    )


def test_without_debezium_s_password_the_way_is_tried_up_to_there(database: Database) -> None:
    finding = way(database, capture(database.cdc_dsn, password=None))
    assert finding.severity == Severity.WARNING
    assert "asks for a password" in finding.seen
    assert finding.fix == "run doctor again with Debezium's DATABASE_PASSWORD"


def test_a_way_to_another_server_is_caught(database: Database) -> None:
    with scratch_cluster() as cluster:
        Databases.with_template(cluster)
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database.name)))
        finding = way(database, capture(Database(database.name, cluster).cdc_dsn))
    assert finding.severity == Severity.FAILED
    assert finding.seen.endswith("is not the server of DATABASE_URL")


@pytest.mark.parametrize(
    ("changed", "fix"),
    [
        ({"password": "kanarienvogel"}, "correct user and password in DATABASE_URL"),
        ({"host": "db.invalid"}, "correct the host in DATABASE_URL"),
        ({"port": "1"}, "start the server, or correct host and port in DATABASE_URL"),
        ({"dbname": "nowhere"}, "create it, or correct the database in DATABASE_URL"),
    ],
    ids=["wrong password", "unknown host", "refused", "no database"],
)
def test_a_database_that_lets_nobody_in_names_the_part_to_correct(
    database: Database, changed: dict[str, str], fix: str
) -> None:
    finding = found(database, "connection", make_conninfo(database.operator_dsn, **changed))
    assert (finding.severity, finding.fix) == (Severity.FAILED, fix)
    assert "kanarienvogel" not in finding.seen


def test_a_pooler_between_the_pipeline_and_postgres_is_a_warning() -> None:
    found = [judge_pooler(5432, is_pooled=pooled).severity for pooled in (False, True)]
    assert found == [Severity.OK, Severity.WARNING]


@pytest.mark.parametrize(
    ("emulator", "address", "severity"),
    [
        (None, ELSEWHERE, Severity.OK),
        ("", ELSEWHERE, Severity.OK),
        ("127.0.0.1:8085", "127.0.0.1", Severity.OK),
        ("127.0.0.1:8085", ELSEWHERE, Severity.FAILED),
    ],
)
def test_an_emulator_beside_a_database_elsewhere_is_caught(
    emulator: str | None, address: str, severity: Severity
) -> None:
    assert judge_emulator(emulator, address).severity == severity


def test_a_connection_on_this_machine_is_well(database: Database) -> None:
    assert found(database, "encryption") == ok("the connection stays on this machine")
    assert found(database, "own session").severity == Severity.OK
    assert found(database, "Pub/Sub is real") == ok("Google's service")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An emulator with the topics of a stream; PUBSUB_EMULATOR_HOST holds its address."""
    with Emulator() as running:
        topics.create(running.address)
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", running.address)
        yield running.address


@pytest.fixture
def stream(database: Database) -> Installation:
    """An installation with a subscription and a topic."""
    return Installation(
        database=DatabaseSettings(dsn=database.operator_dsn),
        subscription=SUBSCRIPTION,
        dead_letter_topic=DEAD_LETTER_TOPIC,
    )


@pytest.mark.usefixtures("emulator")
def test_a_subscription_and_a_topic_that_exist_are_well(stream: Installation) -> None:
    assert look(stream, "subscription") == ok(f"reads {TOPIC}")
    assert look(stream, "dead letters") == ok(DEAD_LETTER_TOPIC)


def test_a_subscription_and_a_topic_that_do_not_exist_are_caught(
    stream: Installation, emulator: str
) -> None:
    with topics.clients(emulator) as (publisher, subscriber):
        subscriber.delete_subscription(subscription=SUBSCRIPTION)
        publisher.delete_topic(topic=DEAD_LETTER_TOPIC)
    for name, missing in (("subscription", SUBSCRIPTION), ("dead letters", DEAD_LETTER_TOPIC)):
        assert look(stream, name) == failed(
            f"{missing} does not exist", "create it, or correct its name"
        )


def test_a_subscription_that_outlived_its_topic_is_caught(
    stream: Installation, emulator: str
) -> None:
    with topics.clients(emulator) as (publisher, _):
        publisher.delete_topic(topic=TOPIC)
    finding = look(stream, "subscription")
    assert (finding.severity, finding.seen) == (
        Severity.FAILED,
        "it has no topic any more: it was deleted",
    )


def test_a_pubsub_that_cannot_be_reached_is_no_verdict(
    stream: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
    finding = look(stream, "subscription")
    assert finding.severity == Severity.WARNING
    assert "Pub/Sub cannot be reached" in finding.seen
