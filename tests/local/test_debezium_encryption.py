"""Debezium over TLS: the servers that the deployed configuration accepts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from local import topics
from local.stack import Stack
from tests.deadline import wait_until
from tests.tls import ADDRESS, NAME, Authority, Encrypted

ROOT: Final = Path(__file__).parents[2]
DEADLINE_SECONDS: Final = 60.0
READS_SINCE: Final = """
    SELECT FROM pg_replication_slots AS slot
    JOIN pg_stat_activity AS walsender ON walsender.pid = slot.active_pid
    WHERE slot.slot_name = 'fanout_events' AND walsender.backend_start >= %s
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PUBSUB_EMULATOR_HOST", raising=False)
        stack = Stack(tmp_path_factory.mktemp("stack"))
        with stack:
            assert stack.debezium is not None
            stack.debezium.stop()
            yield stack
        stack.remove()


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("ours")


@pytest.fixture
def encrypted(stack: Stack, authority: Authority, tmp_path: Path) -> Iterator[Encrypted]:
    with Encrypted(stack.capture_url(), authority.write_server(tmp_path)) as encrypted:
        yield encrypted


def complaint(stack: Stack, encrypted: Encrypted, folder: Path, **environment: str) -> str:
    """Return Debezium's error when it gives up; an empty text if it reads from the slot."""
    login = {name: str(value) for name, value in conninfo_to_dict(stack.capture_url()).items()}
    given = {
        "DATABASE_HOST": NAME,
        "DATABASE_PORT": str(encrypted.port),
        "DATABASE_NAME": login["dbname"],
        "DATABASE_USER": login["user"],
        "DATABASE_PASSWORD": login["password"],
        "OFFSETS_FILE": str(folder / "offsets.dat"),
        "PUBSUB_EMULATOR_HOST": stack.environment()["PUBSUB_EMULATOR_HOST"],
        "PUBSUB_PROJECT_ID": topics.PROJECT,
    }
    log = folder / "debezium.log"
    with psycopg.connect(stack.environment()["DATABASE_URL"], autocommit=True) as connection:
        now = connection.execute("SELECT clock_timestamp()").fetchone()
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "local.debezium"],
                cwd=ROOT,
                env=os.environ | given | environment,
                stderr=stderr,
            )

        def reads() -> bool:
            return connection.execute(READS_SINCE, now).fetchone() is not None

        try:
            wait_until(
                lambda: reads() or process.poll() is not None,
                seconds=DEADLINE_SECONDS,
                what="it neither reads nor gives up",
            )
            if process.poll() is None:
                return ""
        finally:
            process.terminate()
            process.wait(DEADLINE_SECONDS)
    return log.read_text()


@pytest.mark.e2e
def test_the_server_that_its_authority_vouches_for_is_believed(
    stack: Stack, encrypted: Encrypted, authority: Authority, tmp_path: Path
) -> None:
    ours = str(authority.write(tmp_path))

    assert complaint(stack, encrypted, tmp_path, DATABASE_SSLROOTCERT=ours) == ""


@pytest.mark.e2e
def test_a_server_of_another_authority_is_refused(
    stack: Stack, encrypted: Encrypted, tmp_path: Path
) -> None:
    theirs = str(Authority("theirs").write(tmp_path))

    said = complaint(stack, encrypted, tmp_path, DATABASE_SSLROOTCERT=theirs)

    assert "unable to find valid certification path" in said


@pytest.mark.e2e
def test_a_server_of_another_name_is_refused_unless_the_authority_is_enough(
    stack: Stack, encrypted: Encrypted, authority: Authority, tmp_path: Path
) -> None:
    misnamed = {
        "DATABASE_HOST": ADDRESS,
        "DATABASE_SSLROOTCERT": str(authority.write(tmp_path)),
    }

    said = complaint(stack, encrypted, tmp_path, **misnamed)

    assert f"The hostname {ADDRESS} could not be verified" in said
    assert complaint(stack, encrypted, tmp_path, **misnamed, DATABASE_SSLMODE="verify-ca") == ""


@pytest.mark.e2e
def test_without_the_authoritys_certificate_nobody_is_believed(
    stack: Stack, encrypted: Encrypted, tmp_path: Path
) -> None:
    assert "certificates/server-ca.pem" in complaint(stack, encrypted, tmp_path)
