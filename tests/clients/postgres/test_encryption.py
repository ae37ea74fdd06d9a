"""Connections over TLS: the pool verifies the database with certificates from a secret.

The embedded Postgres has no TLS. The relay in front of it has, with a certificate for NAME.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg_pool import PoolTimeout

from pipeline.clients import named_secrets
from pipeline.clients.postgres.credentials import connection_string
from pipeline.clients.postgres.pool import close_pools, get_pool
from pipeline.clients.postgres.refusal import read_refusal
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError, FanoutError
from pipeline.settings import DatabaseSettings
from tests.clients.secret_manager import SecretManager, stand_in
from tests.databases import Database
from tests.deadline import wait_until
from tests.tls import ADDRESS, NAME, Authority, Encrypted

OTHER_NAME: Final = "db.example"
IMPATIENT: Final = timedelta(seconds=0.5)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority("ours")


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[SecretManager]:
    with stand_in(tmp_path) as made:
        yield made
        close_pools()


@pytest.fixture
def ours(secrets: SecretManager, authority: Authority, tmp_path: Path) -> str:
    """The name of the secret with the certificate of our authority."""
    return secrets.add(authority.write(tmp_path).read_bytes())


@pytest.fixture
def theirs(secrets: SecretManager, tmp_path: Path) -> str:
    """The name of the secret with another authority's certificate."""
    return secrets.add(Authority("theirs").write(tmp_path).read_bytes())


@pytest.fixture
def encrypted(database: Database, authority: Authority, tmp_path: Path) -> Iterator[str]:
    """The address of the server that has TLS."""
    with Encrypted(database.writer_dsn, authority.write_server(tmp_path)) as server:
        yield make_conninfo(database.writer_dsn, host=NAME, hostaddr=ADDRESS, port=server.port)


@pytest.fixture
def plain(database: Database) -> str:
    """The address of the same server without it."""
    return make_conninfo(database.writer_dsn, host=NAME, hostaddr=ADDRESS)


def trusting(
    ca: str | None, address: str, host: str = NAME, sslmode: str | None = None
) -> DatabaseSettings:
    return DatabaseSettings(
        dsn=make_conninfo(address, host=host, sslmode=sslmode), ca_secret=ca, retry_for=IMPATIENT
    )


def is_encrypted(settings: DatabaseSettings, timeout: float = 60) -> bool:
    """Whether the pool's connection is encrypted. Raises if there is none."""
    with get_pool(settings).connection(timeout=timeout) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        return bool(connection.pgconn.ssl_in_use)


def assert_refused(settings: DatabaseSettings, words: str) -> None:
    """Assert that the pool makes no connection, and that its error says why in one line."""
    with pytest.raises(PoolTimeout), get_pool(settings).connection():
        pass
    with pytest.raises(psycopg.OperationalError) as raised:
        psycopg.connect(connection_string(settings))
    refusal = read_refusal(raised.value).error
    assert type(refusal) is ConfigurationError
    with pytest.raises(FanoutError) as told:
        with_connection(settings, lambda connection: connection.execute("SELECT 1"))
    for error in (refusal, told.value):
        assert words in str(error)
        assert str(error).startswith("Postgres cannot be reached: ")
        assert str(error).endswith("; correct sslmode and sslrootcert in DATABASE_URL")
        assert "\n" not in str(error)


@pytest.mark.parametrize("sslmode", ["verify-full", None])
def test_the_server_that_its_authority_vouches_for_is_believed(
    encrypted: str, ours: str, sslmode: str | None
) -> None:
    assert is_encrypted(trusting(ours, encrypted, sslmode=sslmode))


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca", None])
def test_a_server_of_another_authority_is_refused(
    encrypted: str, theirs: str, sslmode: str | None
) -> None:
    settings = trusting(theirs, encrypted, sslmode=sslmode)
    assert_refused(settings, "certificate verify failed")


@pytest.mark.parametrize("sslmode", ["verify-full", None])
def test_a_server_of_another_name_is_refused(
    encrypted: str, ours: str, sslmode: str | None
) -> None:
    settings = trusting(ours, encrypted, host=OTHER_NAME, sslmode=sslmode)
    assert_refused(settings, f'does not match host name "{OTHER_NAME}"')


def test_with_verify_ca_the_authority_is_enough(encrypted: str, ours: str) -> None:
    assert is_encrypted(trusting(ours, encrypted, host=OTHER_NAME, sslmode="verify-ca"))


@pytest.mark.parametrize("sslmode", ["verify-full", "verify-ca", None])
def test_a_server_without_tls_is_refused(plain: str, ours: str, sslmode: str | None) -> None:
    settings = trusting(ours, plain, sslmode=sslmode)
    assert_refused(settings, "server does not support SSL, but SSL was required")


def test_certificates_that_cannot_be_read_are_refused(
    encrypted: str, secrets: SecretManager
) -> None:
    broken = secrets.add(b"-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n")
    assert_refused(trusting(broken, encrypted), "could not read root certificate file")


def test_a_new_authority_is_believed_once_the_secret_names_it(
    encrypted: str,
    secrets: SecretManager,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = secrets.add(Authority("former").write(tmp_path).read_bytes())
    settings = trusting(name, encrypted)
    assert_refused(settings, "certificate verify failed")
    secrets.add(authority.write(tmp_path).read_bytes(), to=name)
    monkeypatch.setattr(named_secrets, "FRESH", timedelta(seconds=-1))

    def is_believed() -> bool:
        # Who asks while the pool gives up on the former authority is told so.
        with suppress(PoolTimeout):
            return is_encrypted(settings, timeout=1)
        return False

    wait_until(is_believed, seconds=60, what="the new authority is believed")


def test_control_without_tls_the_same_server_takes_the_same_login(plain: str, ours: str) -> None:
    assert not is_encrypted(trusting(ours, plain, sslmode="disable"))


@pytest.mark.parametrize("host", [NAME, OTHER_NAME])
def test_control_unverified_the_server_with_tls_is_believed_under_any_name(
    encrypted: str, host: str
) -> None:
    assert is_encrypted(trusting(None, encrypted, host=host, sslmode="require"))


def test_control_left_to_itself_libpq_goes_on_in_plain_text(
    plain: str, authority: Authority, tmp_path: Path
) -> None:
    address = make_conninfo(plain, sslrootcert=str(authority.write(tmp_path)))
    assert not is_encrypted(trusting(None, address))
