"""Signatures of webhooks, against the library of the standard and the example of its documents."""

import base64
import string
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.webhook_signature import (
    GenuineMessage,
    InvalidSignature,
    SigningSecret,
    sign,
    verify,
)

NOW: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)
TEXT: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET: Final = SigningSecret.parse(TEXT)
OTHER: Final = SigningSecret(b"another secret of 32 bytes, not.")
BODY: Final = b'{"type": "email.bounced"}'

ids = st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=60)


def headers_of(*secrets: SigningSecret, at: datetime = NOW) -> dict[str, str]:
    return sign(BODY, message_id="msg_1", at=at, secrets=secrets or (SECRET,))


def check(
    headers: dict[str, str], *secrets: SigningSecret, body: bytes = BODY, now: datetime = NOW
) -> GenuineMessage:
    return verify(body, headers, secrets=secrets or (SECRET,), now=now)


def test_the_example_of_svix_is_right() -> None:
    """https://docs.svix.com/receiving/verifying-payloads/how-manual."""
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = datetime.fromtimestamp(1614265330, UTC)
    message = check(headers, body=b'{"test": 2432232314}', now=at)
    assert message == GenuineMessage(id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at)


@given(key=st.binary(min_size=24, max_size=64), message_id=ids, body=st.text(max_size=200))
def test_the_library_of_the_standard_signs_alike(key: bytes, message_id: str, body: str) -> None:
    secret = SigningSecret(key)
    try:
        raw = body.encode()
    except UnicodeEncodeError:
        return
    # The library checks against the clock of the machine.
    now = datetime.now(UTC)
    headers = sign(raw, message_id=message_id, at=now, secrets=[secret])
    library = Webhook(f"whsec_{base64.b64encode(key).decode()}")
    assert library.verify(raw, headers, json_parse=False) is None
    theirs = library.sign(message_id, now, body)
    assert theirs == headers["webhook-signature"]
    assert verify(raw, headers, secrets=[secret], now=now).id == message_id


@pytest.mark.parametrize("prefix", ["webhook-", "svix-", "Webhook-", "SVIX-"])
def test_both_families_of_headers_are_read_in_any_case(prefix: str) -> None:
    headers = {name.replace("webhook-", prefix): text for name, text in headers_of().items()}
    assert check(headers) == GenuineMessage(id="msg_1", at=NOW)


def test_the_families_are_not_mixed() -> None:
    headers = headers_of()
    mixed = headers | {"svix-id": headers.pop("webhook-id")}
    with pytest.raises(InvalidSignature, match="missing"):
        check(mixed)


def test_while_a_secret_is_rotated_both_are_good() -> None:
    assert check(headers_of(SECRET), OTHER, SECRET).id == "msg_1"
    assert check(headers_of(OTHER, SECRET), SECRET).id == "msg_1"
    assert check(headers_of(OTHER, SECRET), OTHER).id == "msg_1"
    with pytest.raises(InvalidSignature):
        check(headers_of(OTHER), SECRET)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_message_within_the_tolerance_is_good(seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert check(headers_of(at=at)).at == at


@pytest.mark.parametrize("seconds", [-301, 301, -(10**9), 10**9])
def test_an_old_message_or_one_of_the_future_is_not(seconds: int) -> None:
    with pytest.raises(InvalidSignature, match="too old"):
        check(headers_of(at=NOW + timedelta(seconds=seconds)))


def test_a_changed_body_id_or_time_is_found() -> None:
    for body in (BODY + b" ", BODY[:-1], b"", BODY.replace(b"bounced", b"removed")):
        with pytest.raises(InvalidSignature, match="no signature"):
            check(headers_of(), body=body)
    for name, value in (("webhook-id", "msg_2"), ("webhook-timestamp", "1772474401")):
        with pytest.raises(InvalidSignature, match="no signature"):
            check(headers_of() | {name: value})
    # Control.
    assert check(headers_of()).id == "msg_1"


def test_the_id_cannot_take_over_a_part_of_the_body() -> None:
    """What is signed is ``id.time.body``: with dots in the id, another split would be right too."""
    time = str(int(NOW.timestamp()))
    inner = f"{time}.rest".encode()
    headers = sign(inner, message_id="msg", at=NOW, secrets=[SECRET])
    shifted = headers | {"webhook-id": f"msg.{time}"}
    with pytest.raises(InvalidSignature, match="malformed"):
        check(shifted, body=b"rest")
    with pytest.raises(ConfigurationError, match="without a dot"):
        sign(BODY, message_id="a.b", at=NOW, secrets=[SECRET])


RIGHT: Final = headers_of()["webhook-signature"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", ""),
        ("webhook-id", "a b"),
        ("webhook-id", "a" * 257),
        ("webhook-id", "ü"),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "1772474400.0"),
        ("webhook-timestamp", "1e9"),
        ("webhook-timestamp", "inf"),
        ("webhook-timestamp", "nan"),
        ("webhook-timestamp", "9" * 400),
        ("webhook-timestamp", "٣"),
        ("webhook-signature", ""),
        ("webhook-signature", "v1"),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1,é"),
        ("webhook-signature", "v1,a,b"),
        ("webhook-signature", ",,, ,"),
        ("webhook-signature", RIGHT.removesuffix("=")),
        ("webhook-signature", RIGHT.replace("v1", "v2")),
        ("webhook-signature", RIGHT.replace("v1", "v1a")),
        ("webhook-signature", "v1,AAAA " * 20 + RIGHT),
    ],
)
def test_whatever_is_malformed_is_one_error(name: str, value: str) -> None:
    with pytest.raises(InvalidSignature):
        check(headers_of() | {name: value})


@given(st.dictionaries(st.sampled_from(sorted(headers_of())), st.text(max_size=90)))
def test_no_header_raises_anything_else(changed: dict[str, str]) -> None:
    headers = headers_of() | changed
    if headers == headers_of():
        return
    with pytest.raises(InvalidSignature):
        check(headers)


@pytest.mark.parametrize("name", sorted(headers_of()))
def test_a_missing_header_is_the_same_error(name: str) -> None:
    headers = headers_of()
    del headers[name]
    with pytest.raises(InvalidSignature, match="missing"):
        check(headers)


def test_a_good_signature_counts_beside_malformed_ones() -> None:
    headers = headers_of() | {"webhook-signature": f"v1 v2,x v1,é {RIGHT}"}
    assert check(headers).id == "msg_1"


def test_without_a_secret_nothing_is_genuine() -> None:
    with pytest.raises(ConfigurationError):
        verify(BODY, headers_of(), secrets=[], now=NOW)
    with pytest.raises(ConfigurationError):
        sign(BODY, message_id="msg_1", at=NOW, secrets=[])


@pytest.mark.parametrize("text", [TEXT, TEXT.removeprefix("whsec_"), f" {TEXT}\n"])
def test_a_secret_is_read(text: str) -> None:
    assert SigningSecret.parse(text) == SECRET


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_canary", "canary!", "whsec_" + "A" * 400, "whsec_é"]
)
def test_what_is_no_secret_is_not_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        SigningSecret.parse(text)
    assert "canary" not in str(raised.value)


def test_a_secret_is_in_no_repr() -> None:
    assert repr(SECRET) == "SigningSecret()"
