"""What FCM gets for a message: the block of each platform, and texts that fit."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from pipeline.clients.push.cutting import cut
from pipeline.clients.push.fcm_body import MOST_BYTES, MOST_BYTES_OF_TOPIC, fcm_body
from pipeline.domain.delivery import Priority
from tests.clients.push.conftest import ID, NOW, fcm_message


def body_of(**fields: Any) -> Any:  # noqa: ANN401
    return orjson.loads(fcm_body(fcm_message(**fields), NOW))["message"]


def test_a_message_says_what_it_was_given_and_its_delivery() -> None:
    body = body_of(link="/deals/1", data={"kind": "comment"})
    assert body["token"] == "phone"  # noqa: S105
    assert body["notification"] == {"title": "Canary title", "body": "Canary body"}
    assert body["data"] == {"kind": "comment", "link": "/deals/1", "delivery_id": str(ID)}


@pytest.mark.parametrize(
    ("platform", "block"), [("android", "android"), ("ios", "apns"), ("web", "webpush")]
)
def test_a_device_gets_the_block_of_its_platform_alone(platform: str, block: str) -> None:
    assert body_of(platform=platform).keys() == {"token", "notification", "data", block}


def test_a_topic_gets_the_blocks_of_all_platforms() -> None:
    body = body_of(token=None, topic="all")
    assert body["topic"] == "all"
    assert body.keys() == {"topic", "notification", "data", "android", "apns", "webpush"}


@pytest.mark.parametrize(
    ("priority", "android", "apns", "web"),
    [
        (Priority.CRITICAL, "HIGH", "10", "high"),
        (Priority.HIGH, "HIGH", "10", "high"),
        (Priority.NORMAL, "NORMAL", "5", "normal"),
        (Priority.LOW, "NORMAL", "5", "normal"),
    ],
)
def test_critical_and_high_ones_wake_the_device(
    priority: Priority, android: str, apns: str, web: str
) -> None:
    body = body_of(priority=priority)
    assert body["android"]["priority"] == android
    assert body["apns"]["headers"]["apns-priority"] == apns
    assert body["webpush"]["headers"]["Urgency"] == web


def test_a_collapse_key_replaces_on_every_platform() -> None:
    body = body_of(collapse_key="thread:1")
    assert body["android"]["collapse_key"] == "thread:1"
    assert body["android"]["notification"]["tag"] == "thread:1"
    assert body["apns"]["headers"]["apns-collapse-id"] == "thread:1"
    assert body["webpush"]["notification"]["tag"] == "thread:1"
    assert len(body["webpush"]["headers"]["Topic"]) == 32


def test_without_a_collapse_key_a_repeat_replaces_itself_and_takes_none_of_the_four() -> None:
    body = body_of()
    assert "collapse_key" not in body["android"]
    assert "Topic" not in body["webpush"]["headers"]
    assert body["android"]["notification"]["tag"] == str(ID)
    assert body["apns"]["headers"]["apns-id"] == str(ID)
    assert body["apns"]["headers"]["apns-collapse-id"] == str(ID)
    assert body["webpush"]["notification"]["tag"] == str(ID)


@pytest.mark.parametrize("key", ["k" * 65, "\u00e9", "two\nlines"])
def test_a_key_that_is_long_or_not_ascii_is_hashed(key: str) -> None:
    body = body_of(collapse_key=key)
    hashed = body["android"]["collapse_key"]
    assert len(hashed) == 64
    assert body["apns"]["headers"]["apns-collapse-id"] == hashed
    assert body_of(collapse_key=f"{key}!")["android"]["collapse_key"] != hashed


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (timedelta(minutes=1), 60),
        (timedelta(days=60), 2_419_200),
        (timedelta(seconds=-1), 0),
    ],
)
def test_the_time_that_is_left_is_its_life(left: timedelta, seconds: int) -> None:
    body = body_of(expires_at=NOW + left)
    assert body["android"]["ttl"] == f"{seconds}s"
    assert body["webpush"]["headers"]["TTL"] == str(seconds)
    assert body["apns"]["headers"]["apns-expiration"] == str(int((NOW + left).timestamp()))


def test_a_message_without_an_end_names_none() -> None:
    body = body_of()
    assert "ttl" not in body["android"]
    assert "TTL" not in body["webpush"]["headers"]
    assert "apns-expiration" not in body["apns"]["headers"]


def test_a_badge_is_a_number_also_if_it_is_0_and_not_there_if_unknown() -> None:
    body = body_of(badge=0)
    assert body["apns"]["payload"]["aps"]["badge"] == 0
    assert body["android"]["notification"]["notification_count"] == 0
    assert "badge" not in body_of()["apns"]["payload"]["aps"]


def test_only_a_link_that_fcm_takes_opens_by_itself() -> None:
    link = "https://app.example/deals/1"
    assert body_of(link=link)["webpush"]["fcm_options"] == {"link": link}
    for other in ("/deals/1", "http://app.example", "javascript:alert(1)", None):
        assert "fcm_options" not in body_of(link=other)["webpush"]


@pytest.mark.parametrize("text", ["x", '"', "x\n", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("topic", [None, "all"])
def test_all_but_the_token_stays_below_the_limit_and_uses_it(text: str, topic: str | None) -> None:
    token = None if topic else "t" * 200
    raw = fcm_body(fcm_message(token=token, topic=topic, body=text * 9_000), NOW)
    size = len(raw) - 200 * (token is not None)
    most = MOST_BYTES_OF_TOPIC if topic else MOST_BYTES
    assert most - 200 < size <= most + len('{"message":{"token":"",}}')
    assert orjson.loads(raw)["message"]["notification"]["body"].endswith("\u2026")


def test_the_body_is_cut_before_the_title_and_data_before_the_delivery() -> None:
    body = body_of(title="t" * 300, body="b" * 9_000, data={"kind": "k", "big": "x" * 5_000})
    assert body["notification"]["title"] == "t" * 300
    assert body["data"] == {"kind": "k", "delivery_id": str(ID)}


def test_a_link_that_is_too_long_is_left_out_whole() -> None:
    assert "link" not in body_of(link=f"https://app.example/{'x' * 2_000}")["data"]


def test_names_that_fcm_keeps_for_itself_are_left_out() -> None:
    names = ("from", "message_type", "google.a", "googleish", "gcm", "gcm.notification.x")
    assert body_of(data=dict.fromkeys(names, "x"))["data"].keys() == {"delivery_id"}


def test_a_text_is_cut_between_signs_and_never_fails() -> None:
    assert cut("short", 5) == "short"
    assert cut("longer text", 9) == "longer\u2026"
    # A family is one sign of several characters; so is a letter with its accent.
    assert cut("ab\U0001f469\u200d\U0001f467", 12) == "ab\U0001f469\u2026"
    assert cut("abe\u0301xxxxxxxx", 8) == "abe\u2026"
    assert cut("\U0001f600", 3) == cut("text", 0) == ""
    assert cut("a\ud800\0b", 10) == "a?b"
