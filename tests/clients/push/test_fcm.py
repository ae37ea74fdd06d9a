"""FCM: what is sent for which device, how its errors are read, and its access tokens."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.fcm import FcmServer
from local.fcm.errors import fcm_error, google_error, invalid_token, project_over_quota
from local.fcm.errors import quota_failure as quota
from local.loopback import DROPPED_BEFORE, Fault, LoopbackReply
from pipeline.clients.push.access_token import AccessTokens, credentials_of
from pipeline.clients.push.fcm import FcmClient
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.provider_answer import (
    AuthFailed,
    Blame,
    RateLimited,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.push import FcmSettings
from tests.clients.push.conftest import NOW, fcm_message
from tests.deadline import wait_until

MINUTE = NOW + timedelta(seconds=60)
NO_TOKEN = Unavailable(code="no_access_token", may_be_accepted=False)


@pytest.fixture
def client(fcm_settings: FcmSettings) -> Iterator[FcmClient]:
    with FcmClient(fcm_settings, connections=4, clock=lambda: NOW) as client:
        yield client


def result_of(client: FcmClient, **fields: Any) -> Result:  # noqa: ANN401
    [result] = client.send(fcm_message(**fields)).results
    return result


def address(code: str) -> Refused:
    return Refused(code=code, blame=Blame.ADDRESS)


def content(code: str) -> Refused:
    return Refused(code=code, blame=Blame.CONTENT)


def of_one(code: str, **fields: Any) -> Unavailable:  # noqa: ANN401
    return Unavailable(code=code, may_be_accepted=False, of_request=False, **fields)


# https://firebase.google.com/docs/cloud-messaging/error-codes, the second example
DOCUMENTED_TOKEN = google_error(
    400,
    "INVALID_ARGUMENT",
    "The registration token is not a valid FCM registration token",
    {
        "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
        "errorCode": "INVALID_ARGUMENT",
    },
)


@pytest.mark.parametrize(
    ("reply", "result"),
    [
        (fcm_error("UNREGISTERED"), address("UNREGISTERED")),
        (
            fcm_error("SENDER_ID_MISMATCH"),
            Refused(code="SENDER_ID_MISMATCH", blame=Blame.SENDER),
        ),
        (invalid_token(), address("INVALID_ARGUMENT")),
        (DOCUMENTED_TOKEN, address("INVALID_ARGUMENT")),
        (fcm_error("INVALID_ARGUMENT"), content("INVALID_ARGUMENT")),
        (google_error(400, "INVALID_ARGUMENT", "canary"), content("INVALID_ARGUMENT")),
        (google_error(400, "FAILED_PRECONDITION", "canary"), content("FAILED_PRECONDITION")),
        (
            fcm_error("QUOTA_EXCEEDED", retry_after=7),
            RateLimited(code="QUOTA_EXCEEDED", retry_at=NOW + timedelta(seconds=7)),
        ),
        (fcm_error("QUOTA_EXCEEDED"), RateLimited(code="QUOTA_EXCEEDED", retry_at=MINUTE)),
        (project_over_quota(), RateLimited(code="RESOURCE_EXHAUSTED", retry_at=MINUTE)),
        (
            fcm_error("QUOTA_EXCEEDED", quota("x", "Device message rate exceeded")),
            of_one("QUOTA_EXCEEDED", retry_at=MINUTE),
        ),
        (
            fcm_error("QUOTA_EXCEEDED", quota("topic:all", "")),
            of_one("QUOTA_EXCEEDED", retry_at=MINUTE),
        ),
        (
            fcm_error("QUOTA_EXCEEDED", quota("project:1", "Message rate exceeded")),
            RateLimited(code="QUOTA_EXCEEDED", retry_at=MINUTE),
        ),
        (
            fcm_error("QUOTA_EXCEEDED", quota("topic:all", ""), retry_after=7),
            of_one("QUOTA_EXCEEDED", retry_at=NOW + timedelta(seconds=7)),
        ),
        (fcm_error("THIRD_PARTY_AUTH_ERROR"), of_one("THIRD_PARTY_AUTH_ERROR")),
        (
            fcm_error("THIRD_PARTY_AUTH_ERROR", retry_after=7),
            of_one("THIRD_PARTY_AUTH_ERROR", retry_at=NOW + timedelta(seconds=7)),
        ),
        (
            fcm_error("UNAVAILABLE", retry_after=3),
            Unavailable(
                code="UNAVAILABLE", may_be_accepted=False, retry_at=NOW + timedelta(seconds=3)
            ),
        ),
        (fcm_error("INTERNAL"), Unavailable(code="INTERNAL", may_be_accepted=False)),
        (google_error(401, "UNAUTHENTICATED", "canary"), AuthFailed(code="UNAUTHENTICATED")),
        (google_error(403, "PERMISSION_DENIED", "canary"), AuthFailed(code="PERMISSION_DENIED")),
        # A wrong project or address must never remove tokens.
        (google_error(404, "NOT_FOUND", "canary"), AuthFailed(code="NOT_FOUND")),
        (
            LoopbackReply(status=503, body=b"<html>"),
            Unavailable(code="http_503", may_be_accepted=False),
        ),
        (
            LoopbackReply(status=202, body=b"{}"),
            Unavailable(code="http_202", may_be_accepted=True),
        ),
        (
            LoopbackReply(status=418, body=b"<html>canary"),
            Unavailable(code="http_418", may_be_accepted=False),
        ),
        (
            LoopbackReply(status=400, body={"error": {"status": "not a word", "details": 1}}),
            Unavailable(code="http_400", may_be_accepted=False),
        ),
    ],
)
def test_an_error_is_read_by_what_is_to_be_done(
    fcm: FcmServer, client: FcmClient, reply: LoopbackReply, result: Result
) -> None:
    fcm.fail_next(Fault(reply=reply))
    assert result_of(client) == result


def test_a_text_of_any_length_is_taken(fcm: FcmServer, client: FcmClient) -> None:
    for text in ("x", '"\\\n\x01', "\u00e4\u20ac", "\U0001f469\u200d\U0001f467", "\ud800"):
        for token in ("phone", None):
            target = {"token": token, "topic": None if token else "all"}
            for size in (0, 1, 400, 2_000, 20_000):
                fields = {"title": text * size, "body": text * size, "link": f"/{'l' * size}"}
                data = {"kind": "k" * size, "from": "reserved", "google.x": "reserved"}
                result_of(client, **target, **fields, data=data)
    assert len(fcm.accepted) == len(fcm.asked) == 50
    for kept in fcm.accepted:
        assert kept.message["data"]["delivery_id"]
        assert not kept.message["data"].keys() & {"from", "google.x"}


def test_the_access_token_is_shared_and_asked_for_once(fcm: FcmServer, client: FcmClient) -> None:
    threads = [threading.Thread(target=result_of, args=(client,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(fcm.accepted) == 8
    assert len(fcm.tokens.asked) == 1


def test_a_token_that_fcm_refuses_is_replaced(fcm: FcmServer, client: FcmClient) -> None:
    result_of(client)
    fcm.tokens.given.clear()
    assert result_of(client) == AuthFailed(code="UNAUTHENTICATED")
    result_of(client)
    assert len(fcm.accepted) == 2


def test_a_token_near_its_end_is_used_while_another_one_is_on_its_way(
    fcm: FcmServer, fcm_settings: FcmSettings
) -> None:
    # google-auth refreshes some minutes before the end.
    fcm.tokens.lifetime = timedelta(minutes=2)
    tokens = AccessTokens(fcm_settings)
    first = tokens.token()
    fcm.tokens.lifetime = timedelta(hours=1)
    fcm.tokens.hold()
    # Nobody waits, and one request is made.
    assert [tokens.token() for _ in range(20)] == [first] * 20
    wait_until(lambda: fcm.tokens.waiting, seconds=10, what="a request for a token")
    assert len(fcm.tokens.asked) == 2
    fcm.tokens.release()
    wait_until(lambda: tokens.token() != first, seconds=10, what="the new token")
    assert isinstance(tokens.token(), str)
    assert len(fcm.tokens.asked) == 2


def test_threads_wait_for_a_first_token_no_longer_than_the_time_out(
    fcm: FcmServer, fcm_settings: FcmSettings
) -> None:
    fcm.tokens.hold()
    tokens = AccessTokens(replace(fcm_settings, timeout=timedelta(seconds=1)))
    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(tokens.token())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    fcm.tokens.release()
    assert results == [NO_TOKEN] * 4
    # Those who waited did not ask one after the other.
    assert len(fcm.tokens.asked) == 1


def test_a_token_endpoint_in_trouble_passes(fcm: FcmServer, client: FcmClient) -> None:
    fcm.tokens.fail_next(DROPPED_BEFORE)
    assert result_of(client) == NO_TOKEN
    wait_until(lambda: result_of(client) != NO_TOKEN, seconds=10, what="a second try")
    assert len(fcm.accepted) == 1


def test_a_token_in_an_endless_answer_is_not_read(
    fcm: FcmServer, fcm_settings: FcmSettings
) -> None:
    content = json.dumps({"access_token": "x", "expires_in": 3_600, "token_type": "Bearer"})
    for padding, token in ((1_000, "x"), (10_000_000, NO_TOKEN)):
        body = content.encode() + b" " * padding
        fcm.tokens.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
        assert AccessTokens(fcm_settings).token() == token


@pytest.mark.parametrize(
    "body",
    [
        *(b"<html>", b"[]", b"1", b"null", b"\xff"),
        *(
            b'{"access_token": "x", "expires_in": "soon"}',
            b'{"access_token": "x", "expires_in": 1e400}',
        ),
        b'{"access_token": "x", "expires_in": 99999999999999999}',
    ],
)
def test_what_is_no_answer_of_a_token_endpoint_passes(
    fcm: FcmServer, client: FcmClient, body: bytes
) -> None:
    fcm.tokens.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
    assert result_of(client) == NO_TOKEN


def test_an_access_token_that_no_header_can_have_is_not_sent(
    fcm: FcmServer, client: FcmClient
) -> None:
    body = '{"access_token": "\u00e9", "expires_in": 3600}'.encode()
    fcm.tokens.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
    assert result_of(client) == Unavailable(code="UnicodeEncodeError", may_be_accepted=False)


def test_a_token_that_was_replaced_already_takes_no_other_one_with_it(
    fcm: FcmServer, fcm_settings: FcmSettings
) -> None:
    tokens = AccessTokens(fcm_settings)
    token = tokens.token()
    tokens.forget("an older one")
    assert tokens.token() == token
    assert len(fcm.tokens.asked) == 1


def test_a_key_that_is_revoked_needs_a_person(fcm: FcmServer, client: FcmClient) -> None:
    fcm.tokens.is_revoked = True
    assert result_of(client) == AuthFailed(code="credentials_refused")


def test_a_file_that_is_no_key_is_told_in_one_line(
    fcm_settings: FcmSettings, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    for text in (None, "", "[]", '{"type": "service_account", "private_key": "canary"}'):
        if text is not None:
            broken.write_text(text)
        with pytest.raises(ConfigurationError) as error:
            credentials_of(replace(fcm_settings, credentials=str(broken)))
        assert "GOOGLE_APPLICATION_CREDENTIALS" in str(error.value)
        assert "canary" not in str(error.value)
        assert "\n" not in str(error.value)
    itself = replace(fcm_settings, credentials='{"private_key": "canary"}')
    with pytest.raises(ConfigurationError, match="GOOGLE_APPLICATION_CREDENTIALS") as error:
        credentials_of(itself)
    assert "canary" not in f"{error.value}{itself}"
    with FcmClient(replace(fcm_settings, credentials=str(broken)), connections=1) as client:
        assert result_of(client) == AuthFailed(code="no_credentials")
