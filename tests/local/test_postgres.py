"""The embedded Postgres: restarts after faults, refusals, and cleanup."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local.errors import FolderInUse, StartFailed
from local.postgres import Postgres

ROOT = Path(__file__).parents[2]
START_AND_HANG = """
import sys, time
from pathlib import Path
from local.postgres import Postgres
postgres = Postgres(Path(sys.argv[1]), durable=False)
postgres.start()
print(postgres.dsn(), flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = Postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    with server:
        yield server
    server.remove()


@pytest.fixture
def stopped(postgres: Postgres) -> Iterator[Postgres]:
    postgres.stop()
    yield postgres
    if not postgres.is_running:
        postgres.start()


def data_dir_of(postgres: Postgres) -> Path:
    with psycopg.connect(postgres.dsn()) as connection:
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
        return Path(folder)


def run_elsewhere(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START_AND_HANG, folder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("interrupt", [Postgres.stop, Postgres.crash])
def test_committed_rows_and_the_port_survive_an_interruption(
    postgres: Postgres, interrupt: object
) -> None:
    assert callable(interrupt)
    address = postgres.dsn()
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS survivor (id int)")
        connection.execute("TRUNCATE survivor")
        connection.execute("INSERT INTO survivor VALUES (42)")

    interrupt(postgres)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(address)
    postgres.start()

    assert postgres.dsn() == address
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT id FROM survivor").fetchall() == [(42,)]


def test_changes_can_be_decoded_from_its_log(postgres: Postgres) -> None:
    with psycopg.connect(postgres.dsn()) as connection:
        assert connection.execute("SHOW wal_level").fetchone() == ("logical",)


def test_a_role_needs_its_password(postgres: Postgres) -> None:
    right = "open sesame"
    with psycopg.connect(postgres.dsn(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE guest LOGIN PASSWORD '{right}'")

    with psycopg.connect(postgres.dsn(user="guest", password=right)) as connection:
        assert connection.info.user == "guest"
    for wrong in (None, "sesame"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(postgres.dsn(user="guest", password=wrong))


def test_a_folder_in_use_is_neither_started_nor_removed(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    second = Postgres(folder, durable=False)
    with Postgres(folder, durable=False) as first:
        with pytest.raises(FolderInUse, match="in use"):
            second.start()
        with pytest.raises(FolderInUse, match="in use"):
            second.remove()
        assert first.is_running
    second.remove()
    assert not folder.exists()


def test_the_next_start_copes_with_a_server_whose_owner_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "orphan"
    with run_elsewhere(folder) as owner:
        assert owner.stdout is not None
        orphan = owner.stdout.readline().strip()
        owner.kill()
    heir = Postgres(folder, durable=False)
    with heir, psycopg.connect(heir.dsn()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(orphan)
    heir.remove()


def test_a_pid_file_that_names_another_program_does_not_block(postgres: Postgres) -> None:
    pid_file = data_dir_of(postgres) / "postmaster.pid"
    postgres.stop()
    owner = pid_file.parent.stat()
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n0\n1\n\n127.0.0.1\n")
    os.chown(pid_file, owner.st_uid, owner.st_gid)

    postgres.start()

    assert postgres.is_running


def test_a_server_killed_with_its_backends_still_there_comes_back(postgres: Postgres) -> None:
    pid = int((data_dir_of(postgres) / "postmaster.pid").read_text().split()[0])
    with psycopg.connect(postgres.dsn()):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

        postgres.start()

    assert data_dir_of(postgres).is_dir()


def test_a_start_that_fails_says_why_and_where_its_log_is(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        postgres = Postgres(tmp_path / "failing", port=taken.getsockname()[1], durable=False)

        with pytest.raises(StartFailed) as failure:
            postgres.start()

    message = str(failure.value)
    assert message.startswith("Postgres did not start: ")
    assert "Address already in use" in message
    assert str(postgres.log_path) in message
    assert "\n" not in message
    postgres.remove()


def test_where_root_is_the_only_account_it_runs_all_the_same_and_is_recovered(
    tmp_path: Path,
) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-r", "true"], check=False).returncode != 0:
        pytest.skip("this machine makes no user namespaces")
    for _ in range(2):
        elsewhere = subprocess.Popen(
            [unshare, "-r", sys.executable, "-c", START_AND_HANG, tmp_path],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert elsewhere.stdout is not None
        with elsewhere:
            psycopg.connect(elsewhere.stdout.readline().strip()).close()
            elsewhere.kill()
