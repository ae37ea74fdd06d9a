"""The client of webhooks: what it sends, what each answer means, and where it never goes."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import grpc
import httpcore2
import httpx2
import pytest

from pipeline.clients.webhooks.answers import read_status
from pipeline.clients.webhooks.client import StoredSecret, WebhookClient, WebhookMessage
from pipeline.clients.webhooks.guarded import Deadline, GuardedBackend
from pipeline.clients.webhooks.seal import SecretSeal
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)
from tests.clients.secret_manager import stand_in
from tests.clients.webhooks.conftest import HERE, KEY, settings
from tests.clients.webhooks.receiver import OTHER_SECRET, SECRET, Receiver
from tests.tls import NAME, Authority

ENDPOINT: Final = UUID(int=7)
NEW_KEY: Final = "new-key-0123456789-0123456789-0123"
BODY: Final = b'{"type":"document_uploaded","data":{"event_id":"1"}}'
NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
# Not on this list: another address of this machine.
ELSEWHERE: Final = "127.0.0.2"


def stored(secret: str, endpoint: UUID = ENDPOINT, key: str = KEY) -> StoredSecret:
    return StoredSecret(sealed=SecretSeal([key]).seal(secret, endpoint))


def message(url: str, *secrets: StoredSecret, id_: UUID | None = None) -> WebhookMessage:
    return WebhookMessage(
        id=id_ or uuid4(),
        endpoint=ENDPOINT,
        url=url,
        body=BODY,
        secrets=secrets or (stored(SECRET),),
    )


def result(client: WebhookClient, url: str, *secrets: StoredSecret) -> Result:
    (found,) = client.send(message(url, *secrets)).results
    return found


def test_a_message_arrives_signed_and_with_its_id(
    webhooks: WebhookClient, receiver: Receiver
) -> None:
    sent = message(receiver.url)
    assert webhooks.send(sent).results == (Accepted(provider_id="204"),)
    (seen,) = receiver.seen
    assert (seen.id, seen.body, seen.path) == (str(sent.id), BODY, "/hook?from=us")
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert seen.is_signed_with(SECRET)
    assert not seen.is_signed_with(OTHER_SECRET)


def test_the_host_header_has_an_address_of_ipv6_in_brackets(receiver: Receiver) -> None:
    with WebhookClient(settings(), resolver=lambda *_: ["127.0.0.1"]) as client:
        assert isinstance(result(client, f"http://[::1]:{receiver.port}/"), Accepted)
    assert receiver.seen[0].headers["host"] == f"[::1]:{receiver.port}"


def test_while_secrets_are_rotated_both_verify(webhooks: WebhookClient, receiver: Receiver) -> None:
    assert isinstance(
        result(webhooks, receiver.url, stored(SECRET), stored(OTHER_SECRET)), Accepted
    )
    (seen,) = receiver.seen
    assert seen.is_signed_with(SECRET)
    assert seen.is_signed_with(OTHER_SECRET)


def test_a_secret_can_be_named(receiver: Receiver, tmp_path: Path) -> None:
    with stand_in(tmp_path) as secrets, WebhookClient(settings(keys=())) as client:
        both = StoredSecret(name=secrets.add(f"{SECRET},{OTHER_SECRET}\n".encode()))
        assert isinstance(result(client, receiver.url, both), Accepted)
        missing = StoredSecret(name="projects/acme/secrets/none")
        assert result(client, receiver.url, missing) == AuthFailed(code="secret_unreadable")
        secrets.refusal = grpc.StatusCode.UNAVAILABLE
        late = StoredSecret(name=secrets.add(SECRET.encode()))
        assert result(client, receiver.url, late) == Unavailable(
            code="secret_unavailable", may_be_accepted=False
        )
    (seen,) = receiver.seen
    assert seen.is_signed_with(SECRET)
    assert seen.is_signed_with(OTHER_SECRET)


@pytest.mark.parametrize(
    "secret",
    [
        stored(SECRET, key="another-key-0123456789-0123456789-x"),
        stored(SECRET, endpoint=UUID(int=8)),
        stored("not-a-secret"),
        StoredSecret(sealed=b"x" * 40),
        StoredSecret(),
    ],
    ids=["another key", "of another endpoint", "no secret", "broken", "none"],
)
def test_without_a_secret_that_can_be_read_nothing_is_sent(
    webhooks: WebhookClient, receiver: Receiver, secret: StoredSecret
) -> None:
    assert result(webhooks, receiver.url, secret) == AuthFailed(code="secret_unreadable")
    assert receiver.seen == []


def test_a_sealed_secret_does_not_show_and_needs_a_key() -> None:
    seal = SecretSeal([NEW_KEY, KEY])
    assert seal.read(SecretSeal([KEY]).seal(SECRET, ENDPOINT), ENDPOINT) == SECRET
    sealed = seal.seal(SECRET, ENDPOINT)
    assert SECRET.encode() not in sealed
    # The newest key encrypts.
    assert SecretSeal([NEW_KEY]).read(sealed, ENDPOINT) == SECRET
    assert "canary" not in repr(stored(SECRET))
    with pytest.raises(ConfigurationError, match="WEBHOOK_KEY"):
        SecretSeal([])


def test_what_an_earlier_release_has_sealed_is_still_read() -> None:
    sealed = (
        "327f43bce7fa7451b85b7d191956f07cbf4bde9e5530b88c3a934950fbdf54cc"
        "63d3caea40da00f0bb89731af96ce53a44cc404857830250b94b"
    )
    assert SecretSeal([KEY]).read(bytes.fromhex(sealed), ENDPOINT) == SECRET


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        *((each, Accepted(provider_id=str(each))) for each in (200, 201, 202, 204, 299)),
        *((each, AuthFailed(code=str(each))) for each in (301, 302, 303, 307, 308)),
        *((each, AuthFailed(code=str(each))) for each in (401, 402, 403, 404, 405, 407)),
        *(
            (each, Refused(code=str(each), blame=Blame.CONTENT))
            for each in (400, 406, 411, 412, 413, 414, 415, 418, 422, 424, 428, 431, 451, 499)
        ),
        (410, Refused(code="410", blame=Blame.ADDRESS)),
        (429, RateLimited(code="429", retry_at=None)),
        *(
            (each, Unavailable(code=str(each), may_be_accepted=True))
            for each in (408, 409, 421, 423, 425, 500, 501, 502, 503, 504, 599)
        ),
    ],
)
def test_what_each_status_means(status: int, expected: Result) -> None:
    assert read_status(status, "", NOW) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (format_datetime(NOW + timedelta(hours=1)), 3_600),
        # The sender knows no zone: then it is read as UTC.
        ("Mon, 02 Mar 2026 13:00:00 -0000", 3_600),
        ("999999999999", 86_400),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ],
)
def test_retry_after_is_read_and_believed_for_a_day(text: str, seconds: int) -> None:
    until = NOW + timedelta(seconds=seconds)
    assert read_status(429, text, NOW) == RateLimited(code="429", retry_at=until)
    assert read_status(503, text, NOW) == Unavailable(
        code="503", may_be_accepted=True, retry_at=until
    )


@pytest.mark.parametrize("text", ["soon", "-5", "²", "Fri, 99 Foo 2026", "1e9"])
def test_another_retry_after_says_nothing(text: str) -> None:
    assert read_status(429, text, NOW) == RateLimited(code="429", retry_at=None)


def test_a_redirect_is_not_followed(webhooks: WebhookClient, receiver: Receiver) -> None:
    with Receiver().serving() as other:
        receiver.status, receiver.headers = 307, {"Location": other.url}
        assert result(webhooks, receiver.url) == AuthFailed(code="307")
        assert other.seen == []
        # The control: another client follows it.
        httpx2.post(receiver.url, headers={"Webhook-Id": "x"}, follow_redirects=True)
        assert len(other.seen) == 1


def test_connections_are_kept_and_cookies_are_not(
    webhooks: WebhookClient, receiver: Receiver
) -> None:
    receiver.headers = {"Set-Cookie": "session=canary"}
    for _ in range(3):
        assert isinstance(result(webhooks, receiver.url), Accepted)
    assert receiver.connections == 1
    assert not any("cookie" in each.headers for each in receiver.seen)


def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with WebhookClient(settings()) as client:
        assert isinstance(result(client, receiver.url), Accepted)


@pytest.mark.parametrize("status", [None, 500])
def test_a_lost_or_failed_answer_may_be_accepted(
    webhooks: WebhookClient, receiver: Receiver, status: int | None
) -> None:
    receiver.statuses = [status]
    found = result(webhooks, receiver.url)
    assert isinstance(found, Unavailable)
    assert found.may_be_accepted


def test_nobody_listening_is_surely_not_accepted(webhooks: WebhookClient) -> None:
    assert result(webhooks, "http://127.0.0.1:1/") == Unavailable(
        code="not_reached", may_be_accepted=False
    )


@pytest.mark.parametrize("name", ["nobody.invalid", "x" * 64 + ".acme.example"])
def test_an_unknown_name_is_not_reached(webhooks: WebhookClient, name: str) -> None:
    found = result(webhooks, f"https://{name}/")
    assert found == Unavailable(code="not_reached", may_be_accepted=False)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_name_without_addresses_is_not_reached(receiver: Receiver, scheme: str) -> None:
    with WebhookClient(settings(), resolver=lambda *_: []) as client:
        found = result(client, f"{scheme}://127.0.0.1:{receiver.port}/")
    assert found == Unavailable(code="not_reached", may_be_accepted=False)
    assert receiver.connections == 0


def test_of_the_addresses_of_a_name_four_are_tried(receiver: Receiver) -> None:
    """Nobody listens at the others."""
    local = settings(allowed=(ip_network("127.0.0.0/24"),))
    url = f"http://hooks.acme.example:{receiver.port}/"
    others = [f"127.0.0.{number}" for number in range(2, 6)]
    with WebhookClient(local, resolver=lambda *_: [*others[:3], "127.0.0.1"]) as client:
        assert isinstance(result(client, url), Accepted)
    with WebhookClient(local, resolver=lambda *_: [*others, "127.0.0.1"]) as client:
        assert result(client, url) == Unavailable(code="not_reached", may_be_accepted=False)


def test_who_reads_a_message_slowly_is_given_up_after_the_time_of_the_request() -> None:
    deadline = Deadline()
    backend = GuardedBackend([HERE], deadline, encrypted=False)
    small, over = (socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096), threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        deadline.at = time.monotonic() + 10
        port = server.getsockname()[1]
        with closing(backend.connect_tcp("127.0.0.1", port, socket_options=[small])) as stream:
            reader, _ = server.accept()

            def read_slowly() -> None:
                # Each part is taken in time: only the whole is not. In the end it hangs up.
                with closing(reader):
                    while not over.wait(0.01) and time.monotonic() < deadline_of_reader:
                        reader.recv(4_096)

            deadline.at = time.monotonic() + 0.5
            deadline_of_reader = deadline.at + 3
            thread = threading.Thread(target=read_slowly)
            thread.start()
            with pytest.raises((httpcore2.ReadTimeout, httpcore2.WriteTimeout)):
                stream.write(b"x" * 10_000_000, 10)
            over.set()
            thread.join()


def test_an_answer_that_drips_is_given_up_after_the_time_of_the_request(receiver: Receiver) -> None:
    receiver.headers = {"X-Padding": "x" * 4_000}
    receiver.drip = 0.02
    with WebhookClient(settings(timeout=timedelta(seconds=1))) as client:
        started = time.monotonic()
        found = result(client, receiver.url)
        assert found == Unavailable(code="timeout", may_be_accepted=True)
        # Each byte came in time: only the whole did not.
        assert time.monotonic() - started < 30
    assert len(receiver.seen) == 1


def test_a_long_body_changes_nothing_and_is_not_read_to_its_end(
    webhooks: WebhookClient, receiver: Receiver
) -> None:
    receiver.status, receiver.body = 200, b"x" * 10_000_000
    for _ in range(2):
        assert isinstance(result(webhooks, receiver.url), Accepted)
    # A connection whose answer was read to its end would have been used again.
    assert receiver.connections == 2


@contextmanager
def saying(answer: bytes, *, forever: bool = False) -> Iterator[int]:
    """A server that says something, whatever it is asked."""
    stop = threading.Event()
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                with suppress(OSError):
                    connection, _ = server.accept()
                    with closing(connection):
                        connection.settimeout(1)
                        connection.recv(65_536)
                        connection.sendall(answer)
                        while forever and not stop.is_set():
                            connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\xff\n\n",
        b"HTTP/1.1 999999 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\n: :\r\n\r\n",
        b"SSH-2.0",
    ],
)
def test_an_answer_that_is_none_is_no_acceptance(webhooks: WebhookClient, answer: bytes) -> None:
    with saying(answer) as port:
        found = result(webhooks, f"http://127.0.0.1:{port}/")
    assert isinstance(found, Unavailable)
    assert found.may_be_accepted


def test_an_answer_that_is_cut_off_after_its_status_counts(webhooks: WebhookClient) -> None:
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf") as port:
        found = result(webhooks, f"http://127.0.0.1:{port}/")
    assert found == Accepted(provider_id="200")


def test_headers_without_an_end_are_given_up(webhooks: WebhookClient) -> None:
    with saying(b"HTTP/1.1 200 OK\r\n" + b"X-More: canary\r\n" * 5_000, forever=True) as port:
        found = result(webhooks, f"http://127.0.0.1:{port}/")
    assert isinstance(found, Unavailable)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.2", "127.1.1", "localhost", "2130706434", "[::ffff:7f00:2]", "0.0.0.0"],  # noqa: S104
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(host: str) -> None:
    """Only 127.0.0.1 is allowed here; ``localhost`` has an address of IPv6 as well, or is it."""
    allowed = () if host == "localhost" else (HERE,)
    with Receiver(host="0.0.0.0").serving() as receiver:  # noqa: S104
        with WebhookClient(settings(allowed=allowed)) as client:
            for scheme in ("http", "https"):
                found = result(client, f"{scheme}://{host}:{receiver.port}/")
                assert found == AuthFailed(code="address_refused")
        assert receiver.connections == 0
        # The control: a client without the check reaches it.
        httpx2.post(f"http://{host}:{receiver.port}/", headers={"Webhook-Id": "x"})
        assert receiver.connections == 1


@pytest.mark.parametrize("name", ["metadata.google.internal", "METADATA.google.internal."])
def test_a_metadata_name_is_refused_before_it_is_looked_up(name: str) -> None:
    asked: list[str] = []

    def resolver(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["1.1.1.1"]

    with WebhookClient(settings(), resolver=resolver) as client:
        assert result(client, f"https://{name}/") == AuthFailed(code="address_refused")
    assert asked == []


def test_one_address_that_is_not_public_among_others_is_enough_to_refuse() -> None:
    for addresses in (["1.1.1.1", "10.0.0.1"], ["::1", "1.1.1.1"], ["127.0.0.1", "10.0.0.1"]):
        with WebhookClient(settings(), resolver=lambda *_, found=addresses: found) as client:
            assert result(client, "https://hooks.acme.example/") == AuthFailed(
                code="address_refused"
            )


def test_plain_http_and_other_ports_are_for_allowed_networks_only() -> None:
    with WebhookClient(settings(), resolver=lambda *_: ["1.1.1.1"]) as client:
        assert result(client, "http://hooks.acme.example/") == AuthFailed(code="not_https")
        assert result(client, "https://hooks.acme.example:22/") == AuthFailed(code="port_refused")
        assert result(client, "ftp://hooks.acme.example/") == AuthFailed(code="not_https")
    # One of its addresses is allowed, and another is not.
    with WebhookClient(settings(), resolver=lambda *_: ["127.0.0.1", "1.1.1.1"]) as client:
        assert result(client, "http://hooks.acme.example/") == AuthFailed(code="not_https")
        assert result(client, "https://hooks.acme.example:22/") == AuthFailed(code="port_refused")


class Rebinding:
    """A resolver whose answer for a name changes after the first one, as hostile DNS does."""

    def __init__(self, first: str, then: str) -> None:
        self._answers = [first, then]
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return [self._answers[min(self.asked, 2) - 1]]


def test_the_address_that_was_checked_is_the_one_that_is_connected_to() -> None:
    """Both addresses have a server on the same port; only the first one is allowed."""
    with Receiver(host="0.0.0.0").serving() as receiver:  # noqa: S104
        resolver = Rebinding("127.0.0.1", ELSEWHERE)
        with WebhookClient(settings(), resolver=resolver) as client:
            url = f"http://hooks.acme.example:{receiver.port}/"
            assert isinstance(result(client, url), Accepted)
            assert resolver.asked == 1
            # The connection is kept: nothing is looked up.
            assert isinstance(result(client, url), Accepted)
        assert {each.address for each in receiver.seen} == {"127.0.0.1"}
        assert receiver.seen[0].headers["host"] == f"hooks.acme.example:{receiver.port}"
        # Looked up again, it is checked again.
        with WebhookClient(settings(), resolver=resolver) as client:
            assert result(client, url) == AuthFailed(code="address_refused")
        assert len(receiver.seen) == 2


def test_control_to_check_a_name_and_then_connect_to_it_is_caught() -> None:
    with Receiver(host="0.0.0.0").serving() as receiver:  # noqa: S104
        resolver = Rebinding("127.0.0.1", ELSEWHERE)
        assert resolver("hooks.acme.example", 80) == ["127.0.0.1"]
        (again,) = resolver("hooks.acme.example", 80)
        httpx2.post(f"http://{again}:{receiver.port}/", headers={"Webhook-Id": "x"})
        assert {each.address for each in receiver.seen} == {ELSEWHERE}


@pytest.fixture
def encryption(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """As a server shows it, and as a client trusts it."""
    authority = Authority("webhooks")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.write_server(tmp_path))
    return server, ssl.create_default_context(cafile=str(authority.write(tmp_path)))


def test_the_certificate_is_checked_for_the_name_and_not_for_the_address(
    encryption: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    shown, trusted = encryption
    with Receiver().serving(shown) as receiver:
        to_us = ["127.0.0.1"]
        with WebhookClient(settings(), trusted=trusted, resolver=lambda *_: to_us) as client:
            assert isinstance(result(client, f"https://{NAME}:{receiver.port}/"), Accepted)
            other = result(client, f"https://hooks.acme.example:{receiver.port}/")
            assert other == Unavailable(code="tls_failed", may_be_accepted=False)
        with WebhookClient(settings(), resolver=lambda *_: to_us) as client:
            unknown = result(client, f"https://{NAME}:{receiver.port}/")
            assert unknown == Unavailable(code="tls_failed", may_be_accepted=False)
        assert len(receiver.seen) == 1


def test_an_encrypted_answer_that_drips_is_given_up_too(
    encryption: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    shown, trusted = encryption
    to_us, short = ["127.0.0.1"], settings(timeout=timedelta(seconds=1))
    with Receiver().serving(shown) as receiver:
        receiver.headers, receiver.drip = {"X-Padding": "x" * 1_000}, 0.02
        with WebhookClient(short, trusted=trusted, resolver=lambda *_: to_us) as client:
            found = result(client, f"https://{NAME}:{receiver.port}/")
    assert found == Unavailable(code="timeout", may_be_accepted=True)


def test_who_ran_out_of_time_before_anything_was_sent_has_nothing(
    encryption: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Control: the tests above, in which the request was sent."""
    _, trusted = encryption
    nothing_sent = Unavailable(code="timeout", may_be_accepted=False)
    short = settings(timeout=timedelta(seconds=0.3))

    def slow(*_: object) -> list[str]:
        time.sleep(0.4)
        return ["127.0.0.1"]

    # It accepts the connection and says nothing.
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"https://{NAME}:{silent.getsockname()[1]}/"
        with WebhookClient(short, trusted=trusted, resolver=lambda *_: ["127.0.0.1"]) as client:
            assert result(client, url) == nothing_sent
        with WebhookClient(short, trusted=trusted, resolver=slow) as client:
            assert result(client, url) == nothing_sent


def test_nothing_is_logged_of_a_message_or_its_address(
    webhooks: WebhookClient, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    receiver.statuses = [500, None, 301]
    for _ in range(4):
        result(webhooks, receiver.url)
    assert "hook" not in caplog.text
    assert "canary" not in caplog.text


def test_an_allowed_network_must_hold_the_address(receiver: Receiver) -> None:
    with WebhookClient(settings(allowed=(ip_network("127.0.0.3/32"),))) as client:
        assert result(client, receiver.url) == AuthFailed(code="address_refused")
