"""Debezium over TLS: whom the deployed configuration believes to be the database."""

import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from psycopg.conninfo import conninfo_to_dict

from local import topics
from local.stack import Stack
from tests.deadline import wait_until

ROOT: Final = Path(__file__).parents[2]
DEADLINE_SECONDS: Final = 60.0
NAME: Final = "localhost"
ADDRESS: Final = "127.0.0.1"
SSL_REQUEST: Final = bytes.fromhex("00000008 04d2162f")
READS_SINCE: Final = """
    SELECT FROM pg_replication_slots AS slot
    JOIN pg_stat_activity AS walsender ON walsender.pid = slot.active_pid
    WHERE slot.slot_name = 'fanout_events' AND walsender.backend_start >= %s
"""


class Authority:
    """Signs certificates, and its own."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self._certificate = self._sign(self._name, self._key.public_key(), constraints)

    def write(self, folder: Path) -> Path:
        """Its certificate, as clients get it."""
        path = folder / f"{self._name.rdns[0].rfc4514_string()}.pem"
        path.write_bytes(self._certificate.public_bytes(Encoding.PEM))
        return path

    def write_server(self, folder: Path) -> Path:
        """Key and certificate of the server called NAME."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "server")])
        names = x509.SubjectAlternativeName([x509.DNSName(NAME)])
        path = folder / "server.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + self._sign(subject, key.public_key(), names).public_bytes(Encoding.PEM)
        )
        return path

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
            .sign(self._key, hashes.SHA256())
        )


class Encrypted:
    """Speaks TLS for a Postgres that can't, on loopback."""

    def __init__(self, dsn: str, server: Path) -> None:
        parts = conninfo_to_dict(dsn)
        self._postgres = (str(parts["host"]), int(str(parts["port"])))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(server)
        self._listener = socket.create_server((ADDRESS, 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), closing(connection):
            if connection.recv(len(SSL_REQUEST)) != SSL_REQUEST:
                return
            connection.sendall(b"S")
            with (
                self._context.wrap_socket(connection, server_side=True) as client,
                socket.create_connection(self._postgres) as server,
            ):
                back = threading.Thread(target=_copy, args=[server, client], daemon=True)
                back.start()
                _copy(client, server)
                back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


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
    """What Debezium says when it gives up; nothing, if it gets as far as reading from the slot."""
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
