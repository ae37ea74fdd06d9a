"""Secrets that the settings name reach the connection, and nothing else."""

import base64
import logging
import re
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import grpc
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pipeline.clients import named_secrets, secret_manager
from pipeline.clients.named_secrets import FRESH
from pipeline.clients.postgres.credentials import connection_string
from pipeline.clients.postgres.pool import close_pools, get_pool
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError, FanoutError, TransientError
from pipeline.settings import DatabaseSettings
from tests.clients.secret_manager import SecretManager, stand_in
from tests.databases import Database

CANARY: Final = "kanarienvogel"
DSN: Final = "postgresql://pipeline@db.example/app"
CERTIFICATES: Final = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
IMPATIENT: Final = timedelta(seconds=0.5)
# The client writes bytes in base64: twelve of them are always the same sixteen characters.
ENCODED: Final = base64.b64encode(CANARY[:12].encode()).decode()
CLIENT: Final = "google.cloud.secretmanager_v1.services.secret_manager_service.transports.grpc"


class Clock:
    """Replaces ``time`` in the module."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(named_secrets, "time", clock)
    return clock


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[SecretManager]:
    with stand_in(tmp_path) as made:
        yield made


def naming(password: str | None = None, ca: str | None = None) -> DatabaseSettings:
    return DatabaseSettings(dsn=DSN, password_secret=password, ca_secret=ca)


def filled(settings: DatabaseSettings) -> dict[str, Any]:
    return conninfo_to_dict(connection_string(settings))


def password(settings: DatabaseSettings) -> str:
    return str(filled(settings)["password"])


def error_of(settings: DatabaseSettings) -> FanoutError:
    with pytest.raises(FanoutError) as raised:
        connection_string(settings)
    return raised.value


@contextmanager
def login(database: Database, password: str) -> Iterator[str]:
    """Make a login of ``fanout_writer`` with this password; return its address without it."""
    role = f"test_{uuid4().hex[:12]}"
    with database.connect() as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} IN ROLE fanout_writer").format(
                sql.Identifier(role), sql.Literal(password)
            )
        )
    try:
        yield make_conninfo(database.cluster.dsn(database.name, role))
    finally:
        close_pools()
        with database.connect() as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


class Everything(logging.Handler):
    """Keeps all data of a record, even if a formatter would not show it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(repr(vars(record)))


@pytest.fixture
def overheard() -> Iterator[Everything]:
    """Everything that Google's libraries log at the lowest level."""
    logger, handler = logging.getLogger("google"), Everything()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield handler
    logger.setLevel(level)
    logger.removeHandler(handler)


def test_without_secrets_the_connection_string_is_the_one_given() -> None:
    assert connection_string(naming()) == DSN


def test_the_secrets_are_filled_in_beside_what_was_given(secrets: SecretManager) -> None:
    settings = naming(secrets.add(CANARY.encode()), secrets.add(CERTIFICATES))
    connection = filled(settings)
    assert Path(connection.pop("sslrootcert")).read_bytes() == CERTIFICATES
    assert connection == conninfo_to_dict(DSN) | {"password": CANARY, "sslmode": "verify-full"}


@pytest.mark.parametrize("sslmode", ["verify-ca", "disable"])
def test_how_to_verify_is_left_to_an_address_that_says_so(
    secrets: SecretManager, sslmode: str
) -> None:
    given = make_conninfo(DSN, sslmode=sslmode)
    settings = DatabaseSettings(dsn=given, ca_secret=secrets.add(CERTIFICATES))
    assert filled(settings)["sslmode"] == sslmode


def test_a_secret_is_read_once_until_it_is_no_longer_fresh(
    secrets: SecretManager, clock: Clock
) -> None:
    settings = naming(secrets.add(b"old"))
    for _ in range(3):
        assert password(settings) == "old"
    clock.now += FRESH.total_seconds()
    assert password(settings) == "old"
    assert len(secrets.asked) == 1
    clock.now += 1
    assert password(settings) == "old"
    assert len(secrets.asked) == 2


def test_a_rotated_password_is_noticed_when_the_old_one_is_no_longer_fresh(
    secrets: SecretManager, clock: Clock
) -> None:
    name = secrets.add(b"old")
    assert password(naming(name)) == "old"
    secrets.add(b"new", to=name)
    assert password(naming(name)) == "old"
    clock.now += FRESH.total_seconds() + 1
    assert password(naming(name)) == "new"


def test_rotated_certificates_are_another_file(secrets: SecretManager, clock: Clock) -> None:
    name = secrets.add(CERTIFICATES)
    before = Path(filled(naming(ca=name))["sslrootcert"])
    secrets.add(CERTIFICATES * 2, to=name)
    clock.now += FRESH.total_seconds() + 1
    after = Path(filled(naming(ca=name))["sslrootcert"])
    assert before.read_bytes() == CERTIFICATES
    assert after.read_bytes() == CERTIFICATES * 2


def test_the_latest_version_is_asked_for_unless_one_is_named(secrets: SecretManager) -> None:
    name = secrets.add(b"first")
    secrets.add(b"second", to=name)
    assert password(naming(name)) == "second"
    assert password(naming(f"{name}/versions/1")) == "first"
    assert password(naming(f"{name}/versions/latest")) == "second"
    assert secrets.asked == [f"{name}/versions/latest", f"{name}/versions/1"]


def test_threads_that_ask_at_once_read_the_secret_once(secrets: SecretManager) -> None:
    settings = naming(secrets.add(CANARY.encode()))
    together = threading.Barrier(8)

    def ask() -> str:
        together.wait()
        return password(settings)

    with ThreadPoolExecutor(8) as executor:
        answers = [executor.submit(ask) for _ in range(8)]
        assert {answer.result() for answer in answers} == {CANARY}
    assert len(secrets.asked) == 1


def test_control_without_freshness_each_of_them_reads_it(
    secrets: SecretManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(named_secrets, "FRESH", timedelta(seconds=-1))
    settings = naming(secrets.add(CANARY.encode()))
    with ThreadPoolExecutor(8) as executor:
        assert set(executor.map(password, [settings] * 8)) == {CANARY}
    assert len(secrets.asked) == 8


def test_only_its_owner_can_read_the_file_of_certificates(secrets: SecretManager) -> None:
    path = Path(filled(naming(ca=secrets.add(CERTIFICATES)))["sslrootcert"])
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_the_same_certificates_are_one_file_made_again_if_it_is_lost(
    secrets: SecretManager,
) -> None:
    paths = [
        Path(filled(naming(ca=secrets.add(CERTIFICATES + b"one")))["sslrootcert"]) for _ in range(2)
    ]
    assert paths[0] == paths[1]
    paths[0].unlink()
    again = Path(filled(naming(ca=secrets.add(CERTIFICATES + b"one")))["sslrootcert"])
    assert again.read_bytes() == CERTIFICATES + b"one"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
def test_line_ends_behind_a_password_are_dropped(secrets: SecretManager, end: str) -> None:
    assert password(naming(secrets.add(f" {CANARY} {end}".encode()))) == f" {CANARY} "


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (grpc.StatusCode.NOT_FOUND, ConfigurationError, "does not exist or is disabled"),
        (grpc.StatusCode.FAILED_PRECONDITION, ConfigurationError, "does not exist or is disabled"),
        (grpc.StatusCode.PERMISSION_DENIED, ConfigurationError, "secretmanager.secretAccessor"),
        (grpc.StatusCode.UNAUTHENTICATED, ConfigurationError, "secretmanager.secretAccessor"),
        (grpc.StatusCode.INVALID_ARGUMENT, ConfigurationError, "invalid secret name"),
        (grpc.StatusCode.UNAVAILABLE, TransientError, "(ServiceUnavailable)"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, TransientError, "(ResourceExhausted)"),
        (grpc.StatusCode.INTERNAL, TransientError, "(InternalServerError)"),
        (grpc.StatusCode.DEADLINE_EXCEEDED, TransientError, "(DeadlineExceeded)"),
    ],
    ids=lambda given: given.name.lower() if isinstance(given, grpc.StatusCode) else "",
)
def test_a_refusal_is_one_line_that_names_the_secret_and_not_its_value(
    secrets: SecretManager, status: grpc.StatusCode, kind: type[FanoutError], words: str
) -> None:
    name = secrets.add(CANARY.encode())
    secrets.refusal = status
    error = error_of(naming(name))
    assert type(error) is kind
    assert f"{name}/versions/latest" in str(error)
    assert words in str(error)
    assert "\n" not in str(error)
    assert CANARY not in str(error)
    assert len(secrets.asked) == 1


def test_a_secret_that_is_missing_is_told_from_one_that_has_no_such_version(
    secrets: SecretManager,
) -> None:
    name = secrets.add(CANARY.encode())
    for missing in ("projects/acme/secrets/nowhere", f"{name}/versions/2"):
        error = error_of(naming(missing))
        assert isinstance(error, ConfigurationError)
        assert str(error).startswith(f"the secret {missing}")


def test_a_version_that_is_disabled_is_a_matter_of_configuration(secrets: SecretManager) -> None:
    name = secrets.add(b"first")
    secrets.add(CANARY.encode(), to=name)
    secrets.disable(name, 2)
    error = error_of(naming(name))
    assert isinstance(error, ConfigurationError)
    assert (
        str(error)
        == f"the secret {name}/versions/latest does not exist or is disabled: create or enable it"
    )
    assert password(naming(f"{name}/versions/1")) == "first"


@pytest.mark.usefixtures("secrets")
def test_a_name_that_is_none_is_a_matter_of_configuration() -> None:
    error = error_of(naming("the password"))
    assert isinstance(error, ConfigurationError)
    assert "invalid secret name 'the password/versions/latest'" in str(error)


@pytest.mark.parametrize(
    "value", [b"", b"\n", b"\xff" + CANARY.encode(), CANARY.encode() + b"\0behind"]
)
def test_what_cannot_be_a_password_is_a_matter_of_configuration(
    secrets: SecretManager, value: bytes
) -> None:
    name = secrets.add(value)
    error = error_of(naming(name))
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        f"the secret {name} contains no valid password: add a version with a password"
    )


def test_what_holds_no_certificates_is_a_matter_of_configuration(secrets: SecretManager) -> None:
    name = secrets.add(CANARY.encode())
    error = error_of(naming(ca=name))
    assert isinstance(error, ConfigurationError)
    assert str(error).startswith(f"the secret {name} contains no PEM certificate")
    assert CANARY not in str(error)


def test_who_gets_no_answer_stops_waiting(
    secrets: SecretManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_manager, "TIMEOUT_SECONDS", 0.3)
    name = secrets.add(CANARY.encode())
    secrets.answering.clear()
    started = time.monotonic()
    error = error_of(naming(name))
    assert time.monotonic() - started < 5
    assert isinstance(error, TransientError)
    assert str(error).endswith(f"the secret {name}/versions/latest (DeadlineExceeded)")


def test_nobody_at_the_address_is_worth_trying_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = SecretManager()
    with gone.serving():
        name = gone.add(CANARY.encode())
    monkeypatch.setattr(secret_manager, "SecretManagerServiceClient", gone.client)
    error = error_of(naming(name))
    assert isinstance(error, TransientError)
    assert str(error).endswith(f"the secret {name}/versions/latest (ServiceUnavailable)")


def test_a_password_that_is_known_outlasts_an_outage_and_the_log_says_so(
    secrets: SecretManager, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    name = secrets.add(CANARY.encode())
    assert password(naming(name)) == CANARY
    secrets.refusal = grpc.StatusCode.UNAVAILABLE
    clock.now += FRESH.total_seconds() + 1
    for _ in range(2):
        assert password(naming(name)) == CANARY
    assert len(secrets.asked) == 2
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert f"{name}/versions/latest (ServiceUnavailable); using" in record.getMessage()
    assert CANARY not in caplog.text
    secrets.refusal = None
    secrets.add(b"new", to=name)
    clock.now += FRESH.total_seconds() + 1
    assert password(naming(name)) == "new"


def test_a_password_that_is_known_does_not_outlast_its_being_disabled(
    secrets: SecretManager, clock: Clock
) -> None:
    name = secrets.add(CANARY.encode())
    assert password(naming(name)) == CANARY
    secrets.disable(name, 1)
    clock.now += FRESH.total_seconds() + 1
    assert isinstance(error_of(naming(name)), ConfigurationError)


def test_without_credentials_of_google_cloud_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    # Otherwise the library searches for a metadata server for some seconds.
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    name = f"projects/acme/secrets/{uuid4().hex}"
    error = error_of(naming(name))
    assert isinstance(error, ConfigurationError)
    assert str(error) == (
        f"no Google credentials to read the secret {name}/versions/latest:"
        " run gcloud auth application-default login"
    )


@pytest.mark.parametrize(
    "password",
    [
        "plain",
        " with spaces ",
        "it's 'quoted'",
        'a "double" one',
        "back\\slash\\",
        "\\'",
        "pässwörd ☃ 密码",
        "user=postgres host=elsewhere",
        "100%&?@:/#",
        "two\nlines",
        "$1 {} %s",
    ],
)
def test_any_password_arrives_as_it_is(
    database: Database, secrets: SecretManager, password: str
) -> None:
    with login(database, password) as address:
        settings = DatabaseSettings(
            dsn=address, password_secret=secrets.add(f"{password}\n".encode())
        )
        with psycopg.connect(connection_string(settings)) as connection:
            row = connection.execute("SELECT session_user, current_setting('port')").fetchone()
    assert row == (conninfo_to_dict(address)["user"], str(database.cluster.port))


def test_the_server_of_these_tests_asks_for_the_password(database: Database) -> None:
    with login(database, CANARY) as address:
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(address)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(address, password="wrong"))  # noqa: S106
        with database.connect() as connection:
            stored = connection.execute(
                "SELECT rolpassword FROM pg_authid WHERE rolname = %s",
                [conninfo_to_dict(address)["user"]],
            ).fetchone()
    assert stored is not None
    assert stored[0].startswith("SCRAM-SHA-256$")


def test_the_pool_connects_with_the_password_that_the_settings_name(
    database: Database, secrets: SecretManager
) -> None:
    with login(database, CANARY) as address:
        settings = DatabaseSettings(dsn=address, password_secret=secrets.add(CANARY.encode()))
        with get_pool(settings).connection() as connection:
            found = connection.execute(
                "SELECT session_user, pg_has_role('fanout_writer', 'USAGE')"
            ).fetchone()
    assert found == (conninfo_to_dict(address)["user"], True)


def test_a_pool_opens_later_connections_with_the_rotated_password(
    database: Database, secrets: SecretManager, clock: Clock
) -> None:
    with login(database, "old") as address, database.connect() as owner:
        role = sql.Identifier(str(conninfo_to_dict(address)["user"]))
        name = secrets.add(b"old")
        settings = DatabaseSettings(dsn=address, password_secret=name)
        with get_pool(settings).connection() as first:
            owner.execute(sql.SQL("ALTER ROLE {} PASSWORD 'new'").format(role))
            secrets.add(b"new", to=name)
            clock.now += FRESH.total_seconds() + 1
            with get_pool(settings).connection() as second:
                assert first.info.backend_pid != second.info.backend_pid
                second.execute("SELECT 1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, ConfigurationError),
        (grpc.StatusCode.UNAVAILABLE, TransientError),
    ],
)
def test_work_that_gets_no_password_ends_with_the_reason(
    database: Database, secrets: SecretManager, status: grpc.StatusCode, kind: type[FanoutError]
) -> None:
    secrets.refusal = status
    name = secrets.add(CANARY.encode())
    settings = DatabaseSettings(
        dsn=database.cluster.dsn(database.name, "test_writer"),
        password_secret=name,
        retry_for=IMPATIENT,
    )
    try:
        with pytest.raises(kind, match=re.escape(f"{name}/versions/latest")):
            with_connection(settings, lambda connection: connection.execute("SELECT 1"))
    finally:
        close_pools()


def test_values_of_secrets_reach_no_log_no_error_and_no_repr(
    database: Database,
    secrets: SecretManager,
    caplog: pytest.LogCaptureFixture,
    overheard: Everything,
) -> None:
    caplog.set_level(logging.DEBUG)
    said: list[str] = []
    with login(database, CANARY) as address:
        for value in (CANARY, f"{CANARY} no more"):
            for sslmode in ("disable", "verify-full"):
                settings = DatabaseSettings(
                    dsn=make_conninfo(address, sslmode=sslmode),
                    password_secret=secrets.add(value.encode()),
                    ca_secret=secrets.add(CERTIFICATES + CANARY.encode()),
                    retry_for=IMPATIENT,
                )
                said += [repr(settings), repr(get_pool(settings))]
                try:
                    with_connection(settings, lambda connection: connection.execute("SELECT 1"))
                except FanoutError as error:
                    said += [str(error), repr(error)]
    everything = "\n".join([*said, caplog.text, *overheard.said])
    assert "password authentication failed" in everything
    assert "server does not support SSL" in everything
    assert CANARY not in everything
    assert ENCODED not in everything


def test_control_googles_client_logs_what_it_is_answered_where_nothing_forbids_it(
    secrets: SecretManager, overheard: Everything
) -> None:
    version = f"{secrets.add(CANARY.encode())}/versions/latest"
    logger = logging.getLogger(CLIENT)
    forbidden = logger.level
    logger.setLevel(logging.DEBUG)
    try:
        secret_manager.read_secret(version)
    finally:
        logger.setLevel(forbidden)
    assert ENCODED in "\n".join(overheard.said)
