"""E-mail addresses: what is one, what is none, and that none can carry a line."""

import re
import unicodedata
from email.headerregistry import Address
from email.utils import getaddresses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.address import (
    EmailAddress,
    InvalidAddress,
    Mailbox,
    clean_name,
    parse_address,
    parse_mailbox,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("ada@acme.example", "ada@acme.example"),
        (" ada@acme.example ", "ada@acme.example"),
        ("Ada.L+tag@ACME.Example", "Ada.L+tag@acme.example"),
        ("o'neil_#!$%&*/=?^`{|}~-@a.example", "o'neil_#!$%&*/=?^`{|}~-@a.example"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@straße.example", "ada@xn--strae-oqa.example"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
        ("ada@xn--r8jz45g.jp", "ada@xn--r8jz45g.jp"),
        ("jörg@a.example", "jörg@a.example"),
        ("jo\u0308rg@a.example", "jörg@a.example"),
        ("用户@例え.jp", "用户@xn--r8jz45g.jp"),
        (f"{'a' * 64}@a.example", f"{'a' * 64}@a.example"),
    ],
)
def test_an_address_is_read_and_written(text: str, written: str) -> None:
    address = parse_address(text)
    assert str(address) == written
    assert parse_address(str(address)) == address
    assert address.is_ascii is written.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "canary",
        "@acme.example",
        "canary@",
        "canary@acme",
        "canary@localhost",
        "canary@acme.123",
        "canary@127.0.0.1",
        "canary@[127.0.0.1]",
        "canary@acme..example",
        "canary@acme.example.",
        "canary@-acme.example",
        "canary@acme_x.example",
        "canary@ac me.example",
        ".canary@acme.example",
        "canary.@acme.example",
        "can..ary@acme.example",
        "can ary@acme.example",
        "can@ary@acme.example",
        '"can ary"@acme.example',
        "canary(comment)@acme.example",
        "canary,other@acme.example",
        "canary;other@acme.example",
        "<canary@acme.example>",
        "Canary <canary@acme.example>",
        "canary@acme.example\n",
        "canary@acme.example\r\nBcc: other@acme.example",
        "canary\n@acme.example",
        "canary\0@acme.example",
        "canary\u200b@acme.example",
        "canary\u202e@acme.example",
        "canary\u00a0@acme.example",
        "canary\ud800@acme.example",
        "canary@acme\u2028.example",
        "canary@☃.example",
        f"{'a' * 65}@a.example",
        f"{'ü' * 33}@a.example",
        f"a@{'a' * 64}.example",
        f"a@{'a.' * 126}example",
        f"{'a' * 64}@{'a.' * 90}example.example",
        "a" * 1_000_000,
        f"a@{'ü' * 1_000_000}.example",
    ],
    ids=lambda text: ascii(text[:40]),
)
def test_what_is_none_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidAddress) as raised:
        parse_address(text)
    assert "canary" not in str(raised.value).lower()
    assert "\n" not in str(raised.value)


@given(st.text(max_size=80) | st.from_regex(r"[^@]{1,20}@[a-z]{1,9}\.[a-z]{2,9}", fullmatch=True))
def test_whatever_is_read_as_an_address_is_one_line_and_one_address(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidAddress:
        return
    written = str(address)
    assert parse_address(written) == address
    assert not any(unicodedata.category(each)[0] in "CZ" for each in written)
    assert not re.search(r'[\s<>()\[\],;:"\\]', written)
    assert address.domain.isascii()
    assert getaddresses([written]) == [("", written)]
    assert Address(username=address.local, domain=address.domain).addr_spec == written


def test_an_address_that_was_not_read_is_checked_too() -> None:
    assert str(EmailAddress("ada", "acme.example")) == "ada@acme.example"
    for local, domain in (
        ("ada\r\n", "acme.example"),
        ("ada", "acme.example\r\nBcc: a"),
        ("ada", "ACME.example"),
        ("ada", "bücher.example"),
        ("jo\u0308rg", "acme.example"),
        ("", "acme.example"),
    ):
        with pytest.raises(InvalidAddress):
            EmailAddress(local, domain)


def test_addresses_are_compared_without_their_case() -> None:
    assert parse_address("Ada@ACME.example").spellings == ("ada@acme.example",)
    assert parse_address("JÖRG@a.example").spellings == parse_address("jörg@a.example").spellings


@pytest.mark.parametrize(
    ("text", "name", "written"),
    [
        ("ada@acme.example", "", "ada@acme.example"),
        ("<ada@acme.example>", "", "ada@acme.example"),
        ("Ada <ada@acme.example>", "Ada", "Ada <ada@acme.example>"),
        ("Jörg Ünï<ada@acme.example>", "Jörg Ünï", "Jörg Ünï <ada@acme.example>"),
        ('"Acme, Inc." <ada@acme.example>', "Acme, Inc.", '"Acme, Inc." <ada@acme.example>'),
        ("Acme, Inc. <ada@acme.example>", "Acme, Inc.", '"Acme, Inc." <ada@acme.example>'),
        (r'"A \"B\" \\" <ada@acme.example>', 'A "B" \\', r'"A \"B\" \\" <ada@acme.example>'),
    ],
)
def test_a_mailbox_is_read_and_written(text: str, name: str, written: str) -> None:
    mailbox = parse_mailbox(text)
    assert (mailbox.name, str(mailbox)) == (name, written)
    assert parse_mailbox(written) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        "Canary",
        "Canary <>",
        "Canary <ada@acme.example> more",
        "<ada@acme.example>, <eve@acme.example>",
        "Canary <ada@acme.example> <eve@acme.example>",
        "Canary\r\nBcc: eve@acme.example <ada@acme.example>",
        "Canary\n <ada@acme.example>",
    ],
)
def test_what_is_no_mailbox_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidAddress) as raised:
        parse_mailbox(text)
    assert "canary" not in str(raised.value).lower()


@given(st.text(max_size=300))
def test_any_name_can_stand_beside_an_address_once_it_is_clean(text: str) -> None:
    name = clean_name(text)
    assert clean_name(name) == name
    written = str(Mailbox(parse_address("ada@acme.example"), name))
    written.encode()
    assert len(written.splitlines()) == 1
    assert [address for _, address in getaddresses([written])] == ["ada@acme.example"]
    assert parse_mailbox(written).name == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ada\r\nBcc: eve@acme.example", "Ada Bcc: eve@acme.example"),
        ("  Ada \t L. ", "Ada L."),
        ("Ada\u202egnp.exe", "Adagnp.exe"),
        ("Ada\ud800", "Ada"),
        ("a" * 500, "a" * 200),
        ("👩‍👧 Ada", "👩‍👧 Ada"),
    ],
)
def test_a_name_is_cleaned(text: str, name: str) -> None:
    assert clean_name(text) == name


def test_no_repr_shows_an_address_or_a_name() -> None:
    mailbox = parse_mailbox("Canary <canary@kanarienvogel.example>")
    assert "canary" not in repr(mailbox).lower()
    assert "kanarienvogel" not in repr(mailbox)
