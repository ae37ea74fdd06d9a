"""The client of Resend: every answer that its documents name, and those that no document names."""

import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import httpx2
import orjson
import pytest

from local.loopback import DROPPED_AFTER, Drop, Fault, LoopbackReply
from local.resend import ResendServer
from local.resend.faults import fault
from local.resend.limits import Limits
from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.resend import ResendClient
from pipeline.clients.mail.resend_answers import read_reply
from pipeline.clients.posting import HttpAnswer
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    Busy,
    KeyConflict,
    ProviderReply,
    QuotaExceeded,
    RateInfo,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.mail import ResendSettings
from tests.clients.mail.conftest import IMPATIENCE
from tests.clients.mail.mails import NOW, addressed, has_marker, mail
from tests.clients.secret_manager import stand_in
from tests.deadline import wait_until

ADDRESS: Final = "canary@kanarienvogel.de"


def request_of(client: ResendClient, *numbers: int, key: str = "key") -> FrozenRequest:
    return client.freeze(addressed(*(mail(each) for each in numbers or (1,))), key=key, at=NOW)


def refused(code: str, blame: Blame = Blame.CONTENT) -> Refused:
    return Refused(code=code, blame=blame)


def down(code: str, *, may_be_accepted: bool) -> Unavailable:
    return Unavailable(code=code, may_be_accepted=may_be_accepted)


# https://resend.com/docs/api-reference/errors, as it was in several years.
DOCUMENTED: Final[list[tuple[Fault, Result]]] = [
    (fault(400, "invalid_idempotency_key"), refused("invalid_idempotency_key")),
    (fault(400, "validation_error"), refused("validation_error")),
    (fault(400, "validation_error", "API key is invalid"), AuthFailed(code="validation_error")),
    (fault(401, "validation_error", "API key is invalid"), AuthFailed(code="validation_error")),
    (fault(401, "missing_api_key"), AuthFailed(code="missing_api_key")),
    (fault(401, "restricted_api_key"), AuthFailed(code="restricted_api_key")),
    (fault(403, "invalid_api_key"), AuthFailed(code="invalid_api_key")),
    (
        fault(403, "validation_error", f"You can only send testing emails to ({ADDRESS})."),
        AuthFailed(code="validation_error"),
    ),
    (
        fault(403, "validation_error", "The acme.test domain is not verified."),
        AuthFailed(code="validation_error"),
    ),
    (fault(404, "not_found"), AuthFailed(code="not_found")),
    (fault(405, "method_not_allowed"), AuthFailed(code="method_not_allowed")),
    (fault(409, "invalid_idempotent_request"), KeyConflict(code="invalid_idempotent_request")),
    (fault(409, "concurrent_idempotent_requests"), Busy(code="concurrent_idempotent_requests")),
    (fault(422, "invalid_attachment"), refused("invalid_attachment")),
    (fault(422, "invalid_from_address"), AuthFailed(code="invalid_from_address")),
    (
        fault(422, "validation_error", f"Invalid `from` field: {ADDRESS}"),
        AuthFailed(code="validation_error:from"),
    ),
    (
        fault(422, "validation_error", f"Invalid `to` field. {ADDRESS}"),
        refused("validation_error:to", Blame.ADDRESS),
    ),
    (
        fault(422, "validation_error", "Invalid `subject` field."),
        refused("validation_error:subject"),
    ),
    (
        fault(422, "missing_required_field", "Missing `html` or `text` field."),
        refused("missing_required_field:html"),
    ),
    (fault(422, "invalid_parameter"), refused("invalid_parameter")),
    (fault(422, "invalid_access"), refused("invalid_access")),
    (fault(422, "invalid_region"), refused("invalid_region")),
    (
        fault(429, "daily_quota_exceeded"),
        QuotaExceeded(code="daily_quota_exceeded", retry_at=None),
    ),
    (
        fault(429, "monthly_quota_exceeded"),
        QuotaExceeded(code="monthly_quota_exceeded", retry_at=None),
    ),
    (fault(429, "rate_limit_exceeded"), RateLimited(code="rate_limit_exceeded", retry_at=None)),
    (fault(451, "security_error", ADDRESS), refused("security_error")),
    (fault(500, "application_error"), down("application_error", may_be_accepted=True)),
    (fault(500, "internal_server_error"), down("internal_server_error", may_be_accepted=True)),
]
# What stands before Resend, or in place of it, may answer too.
UNDOCUMENTED: Final[list[tuple[LoopbackReply, Result]]] = [
    (LoopbackReply(status=302, headers={"Location": "/"}), down("302", may_be_accepted=False)),
    (LoopbackReply(status=400, body=b"<html>canary"), down("400", may_be_accepted=False)),
    (LoopbackReply(status=401, body=b"<html>canary"), AuthFailed(code="401")),
    (LoopbackReply(status=403, body=b"error code: 1010"), AuthFailed(code="403")),
    (LoopbackReply(status=404, body=b"<html>canary"), AuthFailed(code="404")),
    (LoopbackReply(status=407), AuthFailed(code="407")),
    (LoopbackReply(status=408), down("408", may_be_accepted=True)),
    (LoopbackReply(status=409, body=b"canary"), down("409", may_be_accepted=True)),
    (
        LoopbackReply(status=418, body={"name": "new_name", "message": ADDRESS}),
        refused("new_name"),
    ),
    (LoopbackReply(status=418, body={"name": f"{ADDRESS} x"}), down("418", may_be_accepted=False)),
    (LoopbackReply(status=429, body=b"slow down"), RateLimited(code="429", retry_at=None)),
    (LoopbackReply(status=502, body=b"<html>canary"), down("502", may_be_accepted=True)),
    (LoopbackReply(status=503), down("503", may_be_accepted=True)),
    (LoopbackReply(status=520, body=b""), down("520", may_be_accepted=True)),
]
GARBAGE: Final = (
    b"",
    b"<html>",
    b"[]",
    b"null",
    b'{"id": 7}',
    b'{"id": ""}',
    b'{"id": "a\\nb"}',
    b'{"id": "canary@kanarienvogel.de"}',
    b'{"data": 7}',
    b'{"data": [{"id": "a"}]}',
    b'{"data": [{"id": "a"}, {"id": "b"}, {"id": "c"}]}',
    b'{"data": [{"id": "a"}], "errors": [{"index": 2, "message": "x"}]}',
    b'{"data": [{"id": "a"}], "errors": [{"index": -1, "message": "x"}]}',
    b'{"data": [{"id": "a"}], "errors": [{"index": true, "message": "x"}]}',
    b'{"data": [{"id": "a"}], "errors": [{"message": "x"}]}',
    b'{"data": [{"id": "a"}, 7]}',
    b'{"data": [], "errors": [{"index": 0}, {"index": 0}]}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"id": "' + b"a" * 300_000,
)


@pytest.mark.parametrize(
    ("reply", "result"),
    [*((each.reply, result) for each, result in DOCUMENTED), *UNDOCUMENTED],
    ids=str,
)
def test_every_error_is_told_apart_by_what_is_to_be_done(
    resend: ResendServer, client: ResendClient, reply: LoopbackReply, result: Result
) -> None:
    resend.fail_next(Fault(reply=reply))
    assert client.send(request_of(client)).results == (result,)
    assert not has_marker(repr(result))
    # A batch hears the same, and nothing of it was accepted: its mails may be good one by one.
    if isinstance(result, Refused):
        result = replace(result, of_request=True)
    resend.fail_next(Fault(reply=reply))
    assert client.send(request_of(client, 2, 3, key="batch")).results == (result, result)
    assert resend.accepted == []
    # Control: without the fault the same request succeeds.
    assert isinstance(client.send(request_of(client)).results[0], Accepted)


@pytest.mark.parametrize("mails", [1, 2])
@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: body[:40])
def test_an_answer_that_cannot_be_read_leaves_the_mail_in_doubt(
    resend: ResendServer, client: ResendClient, body: bytes, mails: int
) -> None:
    resend.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
    reply = client.send(request_of(client, *range(mails)))
    assert len(reply.results) == mails
    for result in reply.results:
        assert isinstance(result, Unavailable)
        assert result.may_be_accepted
        assert not has_marker(repr(result))


def test_a_mail_is_sent_as_the_documents_say(resend: ResendServer, client: ResendClient) -> None:
    """https://resend.com/docs/api-reference/emails/send-email."""
    client.send(request_of(client, key="the-key"))
    [asked] = resend.asked
    assert (asked.method, asked.path) == ("POST", "/emails")
    assert asked.headers["authorization"] == "Bearer re_canary_key"
    assert asked.headers["idempotency-key"] == "the-key"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["user-agent"].startswith("fanout/")
    assert "x-batch-validation" not in asked.headers
    assert orjson.loads(asked.body) == {
        "from": "Acme <notifications@acme.test>",
        "to": ["Canary Person <canary.person@kanarienvogel.de>"],
        "subject": "Canary subject 1",
        "html": '<p>Canary <a href="https://app.acme.test/canary/1">link</a></p>',
        "text": "Canary text 1\n.\nhttps://app.acme.test/canary/1\n",
        "headers": {
            "X-Entity-Ref-ID": "<canary-1@acme.test>",
            "List-Unsubscribe": "<https://app.acme.test/unsubscribe/canary1>",
        },
        "tags": [{"name": "type", "value": "document_uploaded"}],
    }


def test_a_batch_is_permissive(resend: ResendServer, client: ResendClient) -> None:
    """https://resend.com/docs/api-reference/emails/send-batch-emails."""
    request = request_of(client, 1, 2)
    client.send(request)
    [asked] = resend.asked
    assert asked.path == "/emails/batch"
    assert asked.headers["x-batch-validation"] == "permissive"
    assert asked.body == request.body
    assert len(orjson.loads(asked.body)) == 2


def test_the_bytes_are_posted_as_they_were_stored(
    resend: ResendServer, client: ResendClient
) -> None:
    stored = replace(request_of(client), body=b'{ "stored":  "\\u00fc" }')
    client.send(stored)
    assert resend.asked[0].body == stored.body


def test_a_batch_that_was_accepted_is_answered_again_without_being_sent(
    resend: ResendServer, client: ResendClient
) -> None:
    mails = addressed(mail(1), mail(2, to="canary@example.com"), mail(3))
    request = client.freeze(mails, key="key", at=NOW)
    resend.fail_next(DROPPED_AFTER)
    assert {type(each) for each in client.send(request).results} == {Unavailable}
    again = client.send(request)
    assert [type(each) for each in again.results] == [Accepted, Refused, Accepted]
    assert again.results == client.send(request).results
    assert set(resend.copies().values()) == {1}


def test_control_a_key_made_anew_for_a_retry_sends_twice(
    resend: ResendServer, client: ResendClient
) -> None:
    request = request_of(client, key="first")
    resend.fail_next(DROPPED_AFTER)
    client.send(request)
    client.send(replace(request, key="second"))
    assert set(resend.copies().values()) == {2}


def test_other_bytes_under_a_known_key_are_never_sent(
    resend: ResendServer, client: ResendClient
) -> None:
    client.send(request_of(client, 1))
    assert client.send(request_of(client, 2)).results == (
        KeyConflict(code="invalid_idempotent_request"),
    )
    assert resend.copies() == {"<canary-1@acme.test>": 1}


def test_who_asks_while_the_same_is_in_progress_is_told_to_wait(
    resend: ResendServer, resend_settings: ResendSettings, client: ResendClient
) -> None:
    request = request_of(client)
    resend.hold()
    impatient = replace(resend_settings, timeout=IMPATIENCE)
    with ResendClient(impatient) as first:
        [lost] = first.send(request).results
    assert isinstance(lost, Unavailable)
    assert lost.may_be_accepted
    wait_until(lambda: resend.waiting, seconds=20, what="the request is held")
    assert client.send(request).results == (Busy(code="concurrent_idempotent_requests"),)
    resend.release()
    wait_until(
        lambda: isinstance(client.send(request).results[0], Accepted),
        seconds=20,
        what="the first request has ended",
    )
    assert resend.copies() == {"<canary-1@acme.test>": 1}


# https://resend.com/docs/api-reference/rate-limit


def test_the_limits_come_with_every_answer(resend: ResendServer, client: ResendClient) -> None:
    resend.limits = Limits(requests_a_second=2, mails_a_day=100, mails_a_month=3000)
    rates = [client.send(request_of(client, number, key=f"{number}")).rate for number in range(2)]
    assert [rate.remaining for rate in rates] == [1, 0]
    assert rates[0].limit == 2
    assert rates[0].wait_until is None
    assert rates[1].wait_until == NOW + timedelta(seconds=1)
    limited = client.send(request_of(client, 3, key="3"))
    in_a_second = NOW + timedelta(seconds=1)
    assert limited.results == (RateLimited(code="rate_limit_exceeded", retry_at=in_a_second),)
    assert limited.rate.retry_at == in_a_second
    assert len(resend.accepted) == 2


def test_a_quota_is_told_from_a_rate(resend: ResendServer, client: ResendClient) -> None:
    resend.limits = Limits(mails_a_day=2)
    reply = client.send(request_of(client, 1, 2, 3))
    assert reply.results == (QuotaExceeded(code="daily_quota_exceeded", retry_at=None),) * 3
    assert resend.accepted == []


def headers_read(**headers: str) -> ProviderReply:
    lower = {name.replace("_", "-"): value for name, value in headers.items()}
    body = orjson.dumps({"name": "rate_limit_exceeded"})
    return read_reply(HttpAnswer(status=429, headers=lower, body=body), NOW, 1)


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("0", timedelta(0)),
        (format_datetime(NOW + timedelta(minutes=5), usegmt=True), timedelta(minutes=5)),
        (format_datetime(NOW - timedelta(minutes=5), usegmt=True), timedelta(minutes=-5)),
        ("999999999", timedelta(days=31)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", timedelta(days=31)),
        ("9" * 400, None),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(retry_after: str, pause: timedelta | None) -> None:
    reply = headers_read(retry_after=retry_after)
    expected = None if pause is None else NOW + pause
    assert reply.results == (RateLimited(code="rate_limit_exceeded", retry_at=expected),)
    assert reply.rate.retry_at == expected


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("5", 5),
        ("5, 5;w=1", 5),
        ("5;w=1", 5),
        ("", None),
        ("many", None),
        ("-1", None),
        ("9" * 10, None),
    ],
)
def test_a_limit_is_read_leniently(given: str, read: int | None) -> None:
    assert headers_read(ratelimit_limit=given).rate == RateInfo(limit=read)


def test_without_retry_after_the_end_of_the_window_counts() -> None:
    reply = headers_read(ratelimit_remaining="0", ratelimit_reset="3")
    at = NOW + timedelta(seconds=3)
    assert reply.results == (RateLimited(code="rate_limit_exceeded", retry_at=at),)


# How it connects.


def test_a_redirect_is_not_followed(resend: ResendServer, client: ResendClient) -> None:
    reply = LoopbackReply(status=307, headers={"Location": f"{resend.base_url}/elsewhere"})
    resend.fail_next(Fault(reply=reply))
    client.send(request_of(client))
    assert [each.path for each in resend.asked] == ["/emails"]


def test_a_proxy_is_not_asked_for_a_server_on_this_machine(
    resend_settings: ResendSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with ResendClient(resend_settings, clock=lambda: NOW) as client:
        [result] = client.send(request_of(client)).results
    assert isinstance(result, Accepted)
    # Control: another client asks the proxy, and nobody is there.
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(resend_settings.base_url)


def test_an_answer_that_is_too_long_is_not_read(resend: ResendServer, client: ResendClient) -> None:
    resend.fail_next(Fault(reply=LoopbackReply(status=200, body=b" " * 10_000_000)))
    assert client.send(request_of(client)).results == (
        Unavailable(code="TimeoutError", may_be_accepted=True),
    )


def test_an_answer_that_trickles_is_given_up(resend_settings: ResendSettings) -> None:
    stopped = threading.Event()

    class Trickle(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            with suppress(OSError):
                while not stopped.wait(0.02):
                    self.request.sendall(b" ")

    with socketserver.TCPServer(("127.0.0.1", 0), Trickle) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        settings = replace(
            resend_settings,
            base_url=f"http://127.0.0.1:{server.server_address[1]}",
            timeout=IMPATIENCE,
        )
        with ResendClient(settings) as client:
            reply = client.send(request_of(client))
        stopped.set()
        server.shutdown()
        thread.join()
    assert reply.results == (Unavailable(code="TimeoutError", may_be_accepted=True),)


def test_a_cut_connection_does_not_harm_the_next_request(
    resend: ResendServer, client: ResendClient
) -> None:
    for number in range(6):
        drop = (Drop.BEFORE, Drop.AFTER)[number % 2]
        resend.fail_next(Fault(drop=drop))
        request = request_of(client, number, key=f"key-{number}")
        assert isinstance(client.send(request).results[0], Unavailable)
        assert isinstance(client.send(request).results[0], Accepted)
    assert set(resend.copies().values()) == {1}


def test_the_key_may_be_named_in_secret_manager(
    resend_settings: ResendSettings, tmp_path: Path
) -> None:
    def only_result(name: str) -> Result:
        settings = replace(resend_settings, api_key="", api_key_secret=name)
        with ResendClient(settings, clock=lambda: NOW) as client:
            [result] = client.send(request_of(client)).results
        return result

    with stand_in(tmp_path) as secrets:
        assert isinstance(only_result(secrets.add(b"re_canary_key\n")), Accepted)
        assert only_result("projects/acme/secrets/none") == AuthFailed(code="secret_unreadable")
        broken = secrets.add(b"re_\xc3\xbc canary")
        assert only_result(broken) == AuthFailed(code="secret_invalid")


@pytest.mark.parametrize(
    "clock", [lambda: NOW, lambda: datetime(2026, 3, 3, tzinfo=UTC)], ids=["then", "later"]
)
def test_the_clock_is_the_one_that_was_passed(
    resend: ResendServer, resend_settings: ResendSettings, clock: Callable[[], datetime]
) -> None:
    resend.fail_next(
        Fault(reply=LoopbackReply(status=429, headers={"retry-after": "60"})),
    )
    with ResendClient(resend_settings, clock=clock) as client:
        reply = client.send(request_of(client))
    assert reply.rate.retry_at == clock() + timedelta(seconds=60)
