"""The loopback FCM behaves as Google documents it. Each part names its document."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from google.auth import jwt
from google.auth.crypt import RSASigner

from local.fcm import FcmServer
from local.fcm.errors import fcm_error, project_over_quota, quota_failure
from local.fcm.tokens import AUDIENCE, GRANT, SCOPE
from local.loopback import Fault

START: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
MESSAGE: Final = {
    "token": "phone",
    "notification": {"title": "Hello", "body": "There is news"},
    "data": {"delivery_id": "one"},
}


class World:
    """A server, its time, its key, and a client."""

    def __init__(self, http: httpx2.Client, folder: Path) -> None:
        self.now = START
        self.server = FcmServer(folder=folder, clock=lambda: self.now)
        self.http = http
        self.folder = folder
        self.access_token = ""

    def begin(self) -> None:
        self.key = json.loads(self.server.write_key(self.folder).read_text())
        self.access_token = self.ask().json()["access_token"]

    def assertion(self, **changed: object) -> bytes:
        issued = int(self.now.timestamp())
        claims = {
            "iss": self.key["client_email"],
            "aud": AUDIENCE,
            "scope": SCOPE,
            "iat": issued,
            "exp": issued + 3600,
            **changed,
        }
        signer = RSASigner.from_service_account_info(self.key)
        signed: bytes = jwt.encode(signer, claims)
        return signed

    def ask(self, assertion: bytes | None = None, grant: str = GRANT) -> httpx2.Response:
        form = {"grant_type": grant, "assertion": (assertion or self.assertion()).decode()}
        return self.http.post(self.key["token_uri"], data=form)

    def send(
        self,
        message: Any = None,  # noqa: ANN401
        *,
        project: str = "acme-app",
        **changed: object,
    ) -> httpx2.Response:
        body = {"message": message or {**MESSAGE, **changed}}
        return self.http.post(
            f"{self.server.base_url}/v1/projects/{project}/messages:send",
            json=body,
            headers={"Authorization": f"Bearer {self.access_token}"},
        )


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def world(http: httpx2.Client, tmp_path: Path) -> Iterator[World]:
    world = World(http, tmp_path)
    with world.server.serving():
        world.begin()
        yield world


def code_of(response: httpx2.Response) -> tuple[int, str, str | None]:
    error = response.json()["error"]
    assert error["code"] == response.status_code
    codes = [each["errorCode"] for each in error.get("details", ()) if "errorCode" in each]
    return response.status_code, error["status"], codes[0] if codes else None


def fields_of(response: httpx2.Response) -> list[str]:
    details = response.json()["error"].get("details", ())
    return [violation["field"] for each in details for violation in each.get("fieldViolations", ())]


# https://developers.google.com/identity/protocols/oauth2/service-account#httprest


def test_an_access_token_is_given_for_a_signed_assertion_and_ends(world: World) -> None:
    answer = world.ask().json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert world.send().status_code == 200
    world.now += timedelta(hours=1)
    assert code_of(world.send()) == (401, "UNAUTHENTICATED", None)


def test_an_assertion_must_be_ours_timely_and_for_this_scope(world: World) -> None:
    head, claims, signature = world.assertion().split(b".")
    forged = json.loads(base64.urlsafe_b64decode(claims + b"=="))
    forged["iss"] = "somebody@else.example"
    written = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=")
    issued = int(world.now.timestamp())
    wrong = {
        b".".join((head, written, signature)): "invalid_grant",
        b"rubbish": "invalid_grant",
        world.assertion(aud="https://else.example"): "invalid_grant",
        world.assertion(iat=issued - 7200, exp=issued - 3600): "invalid_grant",
        world.assertion(exp=issued + 7200): "invalid_grant",
        world.assertion(scope="email"): "invalid_scope",
    }
    for assertion, name in wrong.items():
        answer = world.ask(assertion)
        assert (answer.status_code, answer.json()["error"]) == (400, name)
    assert world.ask(grant="password").json()["error"] == "unsupported_grant_type"
    world.server.tokens.is_revoked = True
    assert world.ask().json()["error"] == "invalid_grant"


# https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send


def test_a_message_is_taken_and_kept(world: World) -> None:
    answer = world.send()
    assert answer.status_code == 200
    [kept] = world.server.accepted
    assert answer.json() == {"name": kept.id}
    assert kept.id.startswith("projects/acme-app/messages/")
    assert (kept.target, kept.reference, kept.title) == ("phone", "one", "Hello")
    [file] = world.folder.glob("2026*.json")
    assert json.loads(file.read_text()) == MESSAGE
    assert world.server.copies() == {("one", "phone"): 1}


def test_a_topic_is_a_target_too_and_there_is_one_target(world: World) -> None:
    assert world.send({"topic": "all", "data": {}}).status_code == 200
    assert world.server.accepted[0].target == "topic:all"
    assert fields_of(world.send(topic="all")) == ["message"]
    assert fields_of(world.send({"data": {}})) == ["message"]
    assert fields_of(world.send({"topic": "a b"})) == ["message.topic"]


def test_access_token_project_and_path_must_be_right(world: World) -> None:
    assert code_of(world.send(project="other-app")) == (403, "PERMISSION_DENIED", None)
    world.access_token = "wrong"  # noqa: S105
    assert code_of(world.send()) == (401, "UNAUTHENTICATED", None)
    assert world.http.get(f"{world.server.base_url}/v1").status_code == 404
    assert world.server.accepted == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"data": {"n": 12}}, "message.data[0].value"),
        ({"data": {"from": "x"}}, "message.data"),
        ({"data": {"google.x": "x"}}, "message.data"),
        ({"priority": "high"}, "message"),
        ({"android": {"ttl": "60"}}, "message.android.ttl"),
        ({"android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"android": {"priority": "urgent"}}, "message.android.priority"),
        ({"apns": {"headers": {"apns-priority": 10}}}, "message.headers"),
        ({"apns": {"headers": {"apns-collapse-id": "x" * 65}}}, "message.apns"),
        ({"webpush": {"fcm_options": {"link": "http://a"}}}, "message.webpush"),
        ({"token": "no token"}, "message.token"),
    ],
)
def test_an_invalid_field_is_named(world: World, changed: dict[str, Any], field: str) -> None:
    answer = world.send({**MESSAGE, **changed})
    assert code_of(answer)[:2] == (400, "INVALID_ARGUMENT")
    assert fields_of(answer) == [field]


# https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode


def test_a_message_of_more_than_4096_bytes_or_2048_to_a_topic_is_refused(world: World) -> None:
    def sized(size: int) -> dict[str, object]:
        return {"data": {"text": "x" * size}}

    assert world.send({"token": "phone", **sized(4_000)}).status_code == 200
    refused = world.send({"token": "phone", **sized(4_093)})
    assert code_of(refused) == (400, "INVALID_ARGUMENT", None)
    assert world.send({"topic": "all", **sized(1_900)}).status_code == 200
    assert world.send({"topic": "all", **sized(2_045)}).status_code == 400


def test_tokens_are_refused_with_the_codes_of_the_document(world: World) -> None:
    world.server.unregistered.add("phone")
    assert code_of(world.send()) == (404, "NOT_FOUND", "UNREGISTERED")
    world.server.of_another_sender.add("tablet")
    assert code_of(world.send({**MESSAGE, "token": "tablet"})) == (
        403,
        "PERMISSION_DENIED",
        "SENDER_ID_MISMATCH",
    )
    world.server.without_third_party.add("iphone")
    expected = (401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
    assert code_of(world.send({**MESSAGE, "token": "iphone"})) == expected
    assert world.server.accepted == []


# https://firebase.google.com/docs/cloud-messaging/scale-fcm


def test_faults_have_the_statuses_of_the_document_and_say_when_to_come_back(world: World) -> None:
    device = quota_failure("device:1", "Device message rate exceeded")
    world.server.fail_next(
        Fault(reply=fcm_error("QUOTA_EXCEEDED", device, retry_after=7)),
        Fault(reply=project_over_quota()),
        Fault(reply=fcm_error("UNAVAILABLE", retry_after=3)),
        Fault(reply=fcm_error("INTERNAL")),
    )
    first = world.send()
    assert code_of(first) == (429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED")
    assert first.headers["retry-after"] == "7"
    assert code_of(world.send()) == (429, "RESOURCE_EXHAUSTED", None)
    assert code_of(world.send()) == (503, "UNAVAILABLE", "UNAVAILABLE")
    assert code_of(world.send()) == (500, "INTERNAL", "INTERNAL")
    assert world.send().status_code == 200


# https://firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types


def test_a_device_that_was_offline_gets_the_newest_of_four_collapse_keys(world: World) -> None:
    def send(key: str, title: str) -> None:
        world.now += timedelta(seconds=1)
        notification = {"title": title, "body": ""}
        world.send(notification=notification, android={"collapse_key": key})

    def titles() -> list[str]:
        return [each.title for each in world.server.stored_for("phone")]

    send("a", "first a")
    for key in "bcda":
        send(key, f"second {key}")
    assert titles() == ["second b", "second c", "second d", "second a"]
    send("e", "fifth key")
    assert titles() == ["second c", "second d", "second a", "fifth key"]


def test_more_than_a_hundred_messages_without_a_key_are_all_discarded(world: World) -> None:
    for _ in range(100):
        world.send()
    assert len(world.server.stored_for("phone")) == 100
    world.send()
    assert world.server.stored_for("phone") == []
