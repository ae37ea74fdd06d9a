"""What all mails have: the greeting, the footer, the headers, the preheader."""

from dataclasses import replace

import pytest

from pipeline.domain.errors import InvalidMail
from pipeline.mail.compose import compose
from pipeline.mail.material import Immediate, Recipient
from tests.mail.desk import BOB, BRAND, LEAVE, SITE, W, immediate, transactional, update
from tests.mail.page import read

GRANTED = update("project_access_granted", {"new_permission": "view", "link_url": W})


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Bob Owner", "Bob"),
        ("  Tomás   Aguirre", "Tomás"),
        ("", "there"),
        ("\u202e", "there"),
        ("Bob\r\nBcc: eve@x.test", "Bob"),
    ],
)
def test_a_mail_greets_by_the_first_word_of_the_name(name: str, greeting: str) -> None:
    mail = immediate(GRANTED, Recipient("u@x.test", name))
    assert mail.text.startswith(f"Hi {greeting},\n\n")
    assert f"Hi {greeting}," in read(mail.html).lines


@pytest.mark.parametrize(
    "address", ["", "bob", "@x.test", "bob@", "a b@x.test", "a@x.test\r\nBcc: b", "a@x,b@y"]
)
def test_an_address_that_could_break_a_header_is_refused_without_being_quoted(address: str) -> None:
    with pytest.raises(InvalidMail) as raised:
        Recipient(address, "Bob")
    assert str(raised.value) == "recipient: an address such as ann@example.com is needed"


def test_an_internationalised_address_is_accepted() -> None:
    assert Recipient("jörg@münchen.example").address == "jörg@münchen.example"


def test_neither_address_nor_name_is_in_the_text_of_the_objects() -> None:
    assert "x.test" not in repr(BOB)
    assert "Owner" not in repr(BOB)


def test_the_whole_text_of_a_mail() -> None:
    assert (
        immediate(GRANTED).text
        == f"""\
Hi Bob,

You now have view access to Tower.

Open CapMatch: {SITE}{W}

Manage preferences: {SITE}/settings/notifications
Unsubscribe: {LEAVE}
--\N{SPACE}
CapMatch, 1 Main Street, Springfield
"""
    )


def test_the_footer_and_the_headers_have_the_link_to_unsubscribe_if_one_is_given() -> None:
    mail = immediate(GRANTED)
    assert read(mail.html).links[-2:] == [
        (f"{SITE}/settings/notifications", "Manage preferences"),
        (LEAVE, "Unsubscribe"),
    ]
    assert mail.headers == {
        "List-Unsubscribe": f"<{LEAVE}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }

    without = immediate(GRANTED, leave=None)
    assert "Unsubscribe" not in without.html + without.text
    assert without.headers == {}


def test_nobody_can_unsubscribe_from_a_link_to_sign_in() -> None:
    mail = transactional("magic_link", {"magic_link": "/auth/confirm"})
    assert "nsubscribe" not in mail.html + mail.text
    assert "preferences" not in mail.html + mail.text
    assert mail.headers == {}


@pytest.mark.parametrize(
    "url", ["/unsubscribe/x", "javascript:x", "https://x.test/a\r\nBcc: b", "https://x.test/a b"]
)
def test_a_link_to_unsubscribe_that_is_no_address_is_a_mistake_of_the_caller(url: str) -> None:
    with pytest.raises(ValueError, match="invalid unsubscribe_url"):
        compose(Immediate(GRANTED), BOB, BRAND, unsubscribe_url=url)


def test_the_preheader_is_hidden_and_padded_so_that_the_inbox_shows_nothing_else() -> None:
    mail = immediate(GRANTED)
    page = read(mail.html)
    assert mail.preheader == "You now have view access to Tower."
    assert page.hidden.startswith(mail.preheader)
    padding = page.hidden.removeprefix(mail.preheader)
    assert set(padding) == {"\u034f", "\u200c", "\xa0"}
    assert len(padding) >= 150
    assert 'class="preheader" aria-hidden="true" style="display: none;' in mail.html


def test_a_subject_that_shows_nothing_is_replaced_by_the_heading() -> None:
    assert immediate(replace(GRANTED, subject="\r\n")).subject == "Project Access Granted"


def test_the_tag_has_only_what_providers_accept() -> None:
    assert immediate(update("deal.closed\r\nBcc: é", {})).kind == "deal_closed__Bcc___"
    assert len(immediate(update("x" * 300, {})).kind) == 256


@pytest.mark.parametrize("link", [None, "https://elsewhere.example/", "javascript:alert(1)"])
def test_a_link_that_may_not_be_followed_becomes_one_to_the_site(link: str | None) -> None:
    mail = immediate(update("project_access_granted", {"link_url": link}))
    assert read(mail.html).links[0] == (f"{SITE}/dashboard", "Open the project")
    assert f"\nOpen CapMatch: {SITE}/dashboard\n" in mail.text


def test_the_header_shows_the_logo_or_else_the_name() -> None:
    assert read(immediate(GRANTED).html).lines[0] == "CapMatch"
    brand = replace(BRAND, logo_url="https://cdn.example/logo.png", name='"C" & M')
    page = read(compose(Immediate(GRANTED), BOB, brand).html)
    assert ("src", "https://cdn.example/logo.png") in page.attributes
    assert ("alt", '"C" & M') in page.attributes


def test_the_styles_are_in_the_elements_and_what_they_cannot_hold_is_a_sheet() -> None:
    mail = immediate(GRANTED)
    page = read(mail.html)
    assert f"background-color: {BRAND.colour}" in mail.html.partition("<body")[2]
    assert len(page.styles) == 1
    assert "@media (prefers-color-scheme: dark)" in page.styles[0]
    # A browser looks for the character set in the first 1,024 bytes.
    assert "<meta charset" in mail.html[:1024]
