"""Tokens of links to unsubscribe: they come back as they went, and nobody else makes one."""

import base64
import re
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import UserId
from pipeline.mail.subscription import DIGEST, MailSubscription, SubscriptionScope
from pipeline.mail.unsubscribe_link import InvalidLink, LinkSeal, unsubscribe_url

OLD: Final = "o" * 40
NEW: Final = "n" * 40
SEAL: Final = LinkSeal([NEW, OLD])
USER: Final = UserId(UUID("a0000000-0000-4000-8000-000000000002"))
PLAIN: Final = MailSubscription(user_id=USER, event_type="resume_incomplete_nudge")

scoped = st.one_of(
    st.just((SubscriptionScope.GLOBAL, None)),
    st.tuples(st.sampled_from([SubscriptionScope.PROJECT, SubscriptionScope.THREAD]), st.uuids()),
)
event_types = st.text(st.characters(exclude_categories=["Cs"]), max_size=45)


@st.composite
def subscriptions(draw: st.DrawFn) -> MailSubscription:
    scope, scope_id = draw(scoped)
    return MailSubscription(
        user_id=UserId(draw(st.uuids())),
        scope=scope,
        scope_id=scope_id,
        event_type=draw(event_types),
        channel=draw(st.sampled_from(["email", "in_app"])),
    )


@given(subscriptions())
def test_a_token_says_to_us_what_it_was_made_of(subscription: MailSubscription) -> None:
    token = SEAL.token(subscription)
    assert SEAL.read(token) == subscription
    assert re.fullmatch(r"[A-Za-z0-9_-]+", token)
    # The same mail, written again, is the same.
    assert SEAL.token(subscription) == token


@given(subscriptions())
def test_nobody_else_reads_anything_in_a_token(subscription: MailSubscription) -> None:
    """Neither the person nor what it is about, as text or as bytes."""
    token = SEAL.token(subscription)
    shown = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert subscription.user_id.bytes not in shown
    if len(subscription.event_type) > 3:
        assert subscription.event_type.encode() not in shown
        assert subscription.event_type not in token
    with pytest.raises(InvalidLink):
        LinkSeal(["x" * 40]).read(token)


@given(subscriptions(), st.data())
def test_a_token_that_was_changed_anywhere_is_refused(
    subscription: MailSubscription, data: st.DataObject
) -> None:
    token = SEAL.token(subscription)
    place = data.draw(st.integers(0, len(token) - 1))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = data.draw(st.sampled_from(letters.replace(token[place], "")))
    with pytest.raises(InvalidLink):
        SEAL.read(token[:place] + other + token[place + 1 :])


@given(st.one_of(st.text(max_size=600), st.text("ABab09_-", min_size=30, max_size=450)))
def test_any_other_text_is_refused_with_one_and_the_same_error(text: str) -> None:
    with pytest.raises(InvalidLink, match=r"^invalid link$"):
        SEAL.read(text)


def test_a_token_may_be_neither_cut_nor_extended() -> None:
    token = SEAL.token(PLAIN)
    changed = [
        token[:-1],
        token[1:],
        f"{token}A",
        f"{token}=",
        f" {token}",
        f"{token}\n",
        token * 2,
    ]
    for each in changed:
        with pytest.raises(InvalidLink):
            SEAL.read(each)
    # Control.
    assert SEAL.read(token) == PLAIN


def test_the_last_character_of_a_token_is_not_free_although_some_of_its_bits_mean_nothing() -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # Of three lengths that follow each other, two end in such bits.
    for event_type in ("abc", "abcd", "abcde"):
        token = SEAL.token(MailSubscription(user_id=USER, event_type=event_type))
        for other in letters.replace(token[-1], ""):
            with pytest.raises(InvalidLink):
                SEAL.read(token[:-1] + other)


def test_links_of_the_old_secret_work_while_it_is_still_there() -> None:
    old = LinkSeal([OLD]).token(PLAIN)
    assert SEAL.read(old) == PLAIN
    assert SEAL.token(PLAIN) != old
    with pytest.raises(InvalidLink):
        LinkSeal([NEW]).read(old)


def test_without_a_secret_there_is_no_link() -> None:
    with pytest.raises(ConfigurationError, match="UNSUBSCRIBE_SECRET"):
        LinkSeal([])


def test_an_address_has_the_token_at_its_end_and_nothing_of_the_person() -> None:
    url = unsubscribe_url("https://notify.acme.example/x/", SEAL, PLAIN)
    start, _, token = url.rpartition("/")
    assert start == "https://notify.acme.example/x/unsubscribe"
    assert SEAL.read(token) == PLAIN
    assert str(USER) not in url


def test_a_subscription_that_makes_no_sense_is_refused() -> None:
    for wrong in (
        {"scope": SubscriptionScope.PROJECT},
        {"scope_id": USER},
        {"channel": "e\nmail"},
        {"channel": ""},
    ):
        with pytest.raises(ValueError, match=r"invalid (scope_id|channel): expected"):
            MailSubscription(user_id=USER, event_type=DIGEST, **wrong)
    with pytest.raises(ValueError, match="shorter"):
        SEAL.token(MailSubscription(user_id=USER, event_type="x" * 500))
