"""The loopback Resend behaves as Resend documents it. Each part names its document."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from local.resend import ResendServer
from local.resend.idempotency import KEPT_FOR
from local.resend.limits import Limits
from local.resend.webhooks import WebhookTarget, later_events, mail_event, suppression_event
from pipeline.domain.webhook_signature import SigningSecret, verify
from tests.deadline import wait_until
from tests.local.resend.application import application

KEY: Final = "re_123"
START: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
WEBHOOK_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of an example
MAIL: Final = {
    "from": "Acme <onboarding@acme.dev>",
    "to": ["delivered@resend.dev"],
    "subject": "hello world",
    "html": "<p>it works!</p>",
    "headers": {"X-Entity-Ref-ID": "one"},
}


class World:
    """A server, its time, and a client."""

    def __init__(self, client: httpx2.Client, folder: Path) -> None:
        self.now = START
        self.server = ResendServer(clock=lambda: self.now, folder=folder)
        self.server.api_keys.add(KEY)
        self._client = client

    def post(self, content: Any, path: str = "/emails", **headers: str) -> httpx2.Response:  # noqa: ANN401
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.post(
            f"{self.server.base_url}{path}",
            content=body,
            headers={"Authorization": f"Bearer {KEY}", **named},
        )

    def batch(self, *mails: Any, **headers: str) -> httpx2.Response:  # noqa: ANN401
        return self.post(list(mails), "/emails/batch", **headers)

    def get(self, path: str) -> httpx2.Response:
        return self._client.get(
            f"{self.server.base_url}{path}", headers={"Authorization": f"Bearer {KEY}"}
        )


@pytest.fixture(scope="module")
def http() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def world(http: httpx2.Client, tmp_path: Path) -> Iterator[World]:
    world = World(http, tmp_path)
    with world.server.serving():
        yield world


def error_of(response: httpx2.Response) -> tuple[int, str]:
    body = response.json()
    assert body["statusCode"] == response.status_code
    assert isinstance(body["message"], str)
    return response.status_code, body["name"]


# https://resend.com/docs/api-reference/emails/send-email


def test_a_mail_is_answered_with_its_id(world: World) -> None:
    answer = world.post(MAIL)
    assert answer.status_code == 200
    assert list(answer.json()) == ["id"]
    [kept] = world.server.accepted
    assert kept.id == answer.json()["id"]
    assert kept.content == MAIL
    shown = world.get(f"/emails/{kept.id}").json()
    assert (shown["object"], shown["id"], shown["subject"]) == ("email", kept.id, "hello world")


@pytest.mark.parametrize("name", ["from", "to", "subject", "html"])
def test_a_missing_field_is_named(world: World, name: str) -> None:
    answer = world.post({key: value for key, value in MAIL.items() if key != name})
    assert error_of(answer) == (422, "missing_required_field")
    assert f"`{name}`" in answer.json()["message"]
    assert world.server.accepted == []


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"from": "nobody"}, 422, "`from`"),
        ({"from": "Acme, Inc. <a@acme.dev>"}, 422, "`from`"),
        ({"to": "nobody"}, 422, "`to`"),
        ({"to": ["a@acme.dev", "nobody"]}, 422, "`to`"),
        ({"to": ["a@acme.dev, b@acme.dev"]}, 422, "`to`"),
        ({"to": ["a@acme.dev"] * 51}, 422, "`to`"),
        ({"cc": "nobody"}, 422, "`cc`"),
        ({"reply_to": "nobody"}, 422, "`reply_to`"),
        ({"subject": "a\r\nb"}, 422, "`subject`"),
        ({"headers": {"X": 7}}, 422, "`headers`"),
        ({"tags": [{"name": "a b", "value": "c"}]}, 422, "`tags`"),
        ({"tags": [{"name": "a"}]}, 422, "`tags`"),
    ],
)
def test_an_invalid_field_is_named(
    world: World, changed: dict[str, Any], status: int, field: str
) -> None:
    answer = world.post(MAIL | changed)
    assert error_of(answer) == (status, "validation_error")
    assert field in answer.json()["message"]
    assert world.server.accepted == []


@pytest.mark.parametrize(
    "text", ["a@acme.dev", "A B <a@acme.dev>", '"A, B" <a@acme.dev>', "ü <a@b.dev>"]
)
def test_both_forms_of_an_address_are_accepted(world: World, text: str) -> None:
    assert world.post(MAIL | {"from": text, "to": text}).status_code == 200


# https://resend.com/docs/knowledge-base/why-cant-i-send-to-example-com


@pytest.mark.parametrize("domain", ["example.com", "test.com", "mail.example.org", "acme.test"])
def test_mail_to_a_reserved_domain_is_refused(world: World, domain: str) -> None:
    answer = world.post(MAIL | {"to": f"someone@{domain}"})
    assert error_of(answer) == (422, "validation_error")
    assert "instead of domains like `example.com`" in answer.json()["message"]
    world.server.reserved_is_refused = False
    assert world.post(MAIL | {"to": f"someone@{domain}"}).status_code == 200


# https://resend.com/docs/api-reference/errors


def test_keys_are_checked(world: World) -> None:
    assert error_of(world.post(MAIL, Authorization="")) == (401, "missing_api_key")
    assert error_of(world.post(MAIL, Authorization="Bearer x")) == (401, "validation_error")
    world.server.restricted_keys.add("re_send")
    assert world.post(MAIL, Authorization="Bearer re_send").status_code == 200
    with httpx2.Client(trust_env=False) as client:
        url = f"{world.server.base_url}/emails/x"
        answer = client.get(url, headers={"Authorization": "Bearer re_send"})
        assert error_of(answer) == (401, "restricted_api_key")
        answer = client.get(url, headers={"Authorization": "Bearer x"})
        assert error_of(answer) == (400, "validation_error")


def test_a_domain_has_to_be_verified(world: World) -> None:
    world.server.verified = frozenset({"mail.acme.dev"})
    answer = world.post(MAIL)
    assert error_of(answer) == (403, "validation_error")
    assert "acme.dev domain is not verified" in answer.json()["message"]
    assert world.post(MAIL | {"from": "a@mail.acme.dev"}).status_code == 200


def test_what_does_not_exist_says_so(world: World) -> None:
    assert error_of(world.post(MAIL, "/email")) == (404, "not_found")
    assert error_of(world.get("/emails")) == (405, "method_not_allowed")
    assert error_of(world.get("/emails/none")) == (404, "not_found")
    assert error_of(world.post(b"{")) == (400, "validation_error")


# https://resend.com/docs/api-reference/emails/send-batch-emails
# https://resend.com/changelog/batch-validation-modes


def test_a_batch_is_answered_with_ids_in_order(world: World) -> None:
    mails = [MAIL | {"subject": f"{number}"} for number in range(100)]
    data = world.batch(*mails).json()["data"]
    kept = {mail.id: mail for mail in world.server.accepted}
    assert [kept[each["id"]].content["subject"] for each in data] == [m["subject"] for m in mails]


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_has_one_to_a_hundred_mails(world: World, count: int) -> None:
    assert error_of(world.batch(*[MAIL] * count))[0] == 422
    assert world.server.accepted == []


def test_a_strict_batch_is_accepted_whole_or_not_at_all(world: World) -> None:
    bad = MAIL | {"to": "nobody"}
    assert error_of(world.batch(MAIL, bad, MAIL)) == (422, "validation_error")
    assert world.server.accepted == []


def test_a_permissive_batch_names_the_places_of_the_bad(world: World) -> None:
    bad = MAIL | {"to": "nobody"}
    answer = world.batch(MAIL, bad, MAIL, bad, x_batch_validation="permissive")
    assert answer.status_code == 200
    assert len(answer.json()["data"]) == 2
    assert [each["index"] for each in answer.json()["errors"]] == [1, 3]
    assert [each.place for each in world.server.accepted] == [0, 2]


# https://resend.com/docs/dashboard/emails/idempotency-keys


def test_the_same_request_under_a_key_is_sent_once(world: World) -> None:
    first = world.post(MAIL, Idempotency_Key="k").json()
    assert world.post(MAIL, Idempotency_Key="k").json() == first
    assert world.server.copies() == {"one": 1}
    # Control: without a key every request is sent.
    world.post(MAIL)
    world.post(MAIL)
    assert world.server.copies() == {"one": 3}


def test_another_request_under_the_key_is_a_conflict(world: World) -> None:
    world.post(MAIL, Idempotency_Key="k")
    conflict = (409, "invalid_idempotent_request")
    assert error_of(world.post(MAIL | {"subject": "other"}, Idempotency_Key="k")) == conflict
    # The same mail in other bytes is another request here: who retries has to store the bytes.
    assert (
        error_of(world.post(json.dumps(MAIL, indent=1).encode(), Idempotency_Key="k")) == conflict
    )
    assert error_of(world.batch(MAIL, Idempotency_Key="k")) == conflict
    assert world.server.copies() == {"one": 1}


def test_a_batch_has_one_key_too(world: World) -> None:
    first = world.batch(MAIL, MAIL, Idempotency_Key="k").json()
    assert world.batch(MAIL, MAIL, Idempotency_Key="k").json() == first
    assert world.server.copies() == {"one": 2}


def test_a_key_is_kept_for_24_hours(world: World) -> None:
    world.post(MAIL, Idempotency_Key="k")
    world.now = START + KEPT_FOR - timedelta(seconds=1)
    world.post(MAIL, Idempotency_Key="k")
    assert world.server.copies() == {"one": 1}
    world.now = START + KEPT_FOR
    world.post(MAIL, Idempotency_Key="k")
    assert world.server.copies() == {"one": 2}


def test_a_refused_request_may_be_corrected_under_its_key(world: World) -> None:
    assert world.post(MAIL | {"to": "nobody"}, Idempotency_Key="k").status_code == 422
    assert world.post(MAIL, Idempotency_Key="k").status_code == 200


@pytest.mark.parametrize("key", ["", "a" * 257])
def test_a_key_has_1_to_256_characters(world: World, key: str) -> None:
    assert error_of(world.post(MAIL, Idempotency_Key=key)) == (400, "invalid_idempotency_key")


def test_while_a_request_is_in_progress_its_key_is_taken(world: World) -> None:
    world.server.hold()
    ended: list[httpx2.Response] = []
    first = threading.Thread(target=lambda: ended.append(world.post(MAIL, Idempotency_Key="k")))
    first.start()
    wait_until(lambda: world.server.waiting, seconds=20, what="the first request is held")
    answer = world.post(MAIL, Idempotency_Key="k")
    assert error_of(answer) == (409, "concurrent_idempotent_requests")
    world.server.release()
    first.join()
    assert ended[0].status_code == 200
    assert world.server.copies() == {"one": 1}


# https://resend.com/docs/api-reference/rate-limit


def test_requests_are_limited_by_the_second(world: World) -> None:
    world.server.limits = Limits(requests_a_second=2)
    answers = [world.post(MAIL) for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert error_of(answers[2]) == (429, "rate_limit_exceeded")
    assert answers[2].headers["retry-after"] == "1"
    assert [each.headers["ratelimit-remaining"] for each in answers] == ["1", "0", "0"]
    assert {each.headers["ratelimit-limit"] for each in answers} == {"2"}
    assert {each.headers["ratelimit-reset"] for each in answers} == {"1"}
    world.now += timedelta(seconds=1)
    assert world.post(MAIL).status_code == 200


def test_quotas_are_of_the_day_and_of_the_month(world: World) -> None:
    world.server.limits = Limits(mails_a_day=2, mails_a_month=3)
    assert world.batch(MAIL, MAIL).headers["x-resend-daily-quota"] == "2"
    assert error_of(world.post(MAIL)) == (429, "daily_quota_exceeded")
    world.now += timedelta(days=1)
    assert world.post(MAIL).headers["x-resend-monthly-quota"] == "3"
    assert error_of(world.post(MAIL)) == (429, "monthly_quota_exceeded")
    world.now += timedelta(days=30)
    assert world.post(MAIL).status_code == 200


# https://resend.com/docs/dashboard/webhooks/event-types, https://docs.svix.com/receiving


@pytest.mark.parametrize("prefix", ["svix-", "webhook-"])
def test_an_event_is_signed_and_keeps_its_id_when_it_is_sent_again(
    world: World, prefix: str
) -> None:
    world.post(MAIL | {"tags": [{"name": "type", "value": "digest"}]})
    event = mail_event("email.bounced", world.server.accepted[0], START)
    with application() as (url, got):
        target = WebhookTarget(url=url, secret=WEBHOOK_SECRET, prefix=prefix)
        assert target.send(event, START) == 204
        assert target.send(event, START + timedelta(hours=1)) == 204
    secrets = [SigningSecret.parse(WEBHOOK_SECRET)]
    first, again = (
        verify(body, headers, secrets=secrets, now=START + timedelta(hours=hours))
        for hours, (headers, body) in enumerate(got)
    )
    assert first.id == again.id == event.id
    assert again.at - first.at == timedelta(hours=1)
    content = json.loads(got[0][1])
    assert content["type"] == "email.bounced"
    assert content["data"]["email_id"] == world.server.accepted[0].id
    assert content["data"]["to"] == ["delivered@resend.dev"]
    assert content["data"]["tags"] == {"type": "digest"}
    assert content["data"]["bounce"]["type"] == "Permanent"


def test_a_test_address_tells_what_becomes_of_its_mail(world: World) -> None:
    """https://resend.com/docs/dashboard/emails/send-test-emails."""
    for name, end in (
        ("delivered", "email.delivered"),
        ("bounced", "email.bounced"),
        ("complained", "email.complained"),
        ("suppressed", "email.suppressed"),
    ):
        world.post(MAIL | {"to": f"Someone <{name}@resend.dev>"})
        events = later_events(world.server.accepted[-1], START)
        assert [json.loads(each.body)["type"] for each in events] == ["email.sent", end]


def test_an_address_is_suppressed_and_freed() -> None:
    event = suppression_event("suppression.removed", "a@acme.dev", START)
    content = json.loads(event.body)
    assert (content["type"], content["data"]["email"]) == ("suppression.removed", "a@acme.dev")


# What is ours: files, and counts.


def test_every_mail_is_kept_in_a_folder_of_its_own(world: World, tmp_path: Path) -> None:
    world.batch(MAIL | {"text": "it works!"}, MAIL)
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 2
    [own] = [each for each in folders if (each / "mail.txt").read_text()]
    assert (own / "mail.html").read_text() == MAIL["html"]
    assert (own / "mail.txt").read_text() == "it works!"
    assert (own / "headers.txt").read_text().splitlines() == [
        "From: Acme <onboarding@acme.dev>",
        "To: delivered@resend.dev",
        "Subject: hello world",
        "X-Entity-Ref-ID: one",
    ]
    assert json.loads((own / "mail.json").read_text())["text"] == "it works!"


def test_another_process_can_ask_how_often_each_mail_was_accepted(world: World) -> None:
    world.post(MAIL)
    world.post(MAIL)
    assert world.get("/copies").json() == {"one": 2}
