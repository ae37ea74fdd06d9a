"""E-mail addresses: a text in, a checked address or an error out. Nothing is looked up.

The rules are those of RFC 5321 and 6531 without the forms that nobody uses: quoted local parts,
comments and IP addresses as domains. Domains are written as the DNS has them (IDNA 2008, UTS 46).
No error and no ``repr`` quotes an address.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

import idna

from pipeline.domain.errors import PermanentError

_EXPECTED: Final = "expected one such as name@host.example"
# https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1: octets.
_LONGEST_LOCAL: Final = 64
_LONGEST_DOMAIN: Final = 253
_LONGEST: Final = 254
_LONGEST_NAME: Final = 200

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LOCAL: Final = re.compile(rf"{_ATOM}(\.{_ATOM})*")
_LABEL: Final = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
# The last label is a word: an address ends in no number.
_DOMAIN: Final = re.compile(rf"({_LABEL}\.)+(?=[a-z])({_LABEL})")
_WITH_NAME: Final = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*" *|[^<>"]*)<(?P<address>[^<>]*)>')
_BARE_NAME: Final = re.compile(r"[\w !#$%&'*+/=?^`{|}~-]*")
# What turns the direction of writing: the name would not be read as it is written.
_TURNS: Final = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


class InvalidAddress(PermanentError):
    """The text is not an e-mail address. The error says why and never quotes it."""


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """A valid address. ``str`` writes it: one line, without brackets, quotes or blanks.

    Attributes:
        local: the part before the @, in Unicode's normal form C.
        domain: lower case, ASCII, as the DNS has it.
    """

    local: str = field(repr=False)
    domain: str = field(repr=False)

    def __post_init__(self) -> None:
        if not _LOCAL.fullmatch(self.local) or not _is_visible(self.local):
            raise InvalidAddress(f"invalid e-mail address: the part before the @; {_EXPECTED}")
        if not unicodedata.is_normalized("NFC", self.local):
            raise InvalidAddress("invalid e-mail address: expected Unicode's normal form C")
        if not _DOMAIN.fullmatch(self.domain):
            raise InvalidAddress(f"invalid e-mail address: the part after the @; {_EXPECTED}")
        local = len(self.local.encode())
        if local > _LONGEST_LOCAL or len(self.domain) > _LONGEST_DOMAIN:
            raise InvalidAddress(
                "invalid e-mail address: expected at most 64 bytes before the @ and 253 after it"
            )
        if local + 1 + len(self.domain) > _LONGEST:
            raise InvalidAddress(f"invalid e-mail address: expected at most {_LONGEST} bytes")

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def is_ascii(self) -> bool:
        """Whether every mail server takes it. The others need the extension SMTPUTF8."""
        return self.local.isascii()

    @property
    def spellings(self) -> tuple[str, ...]:
        """All texts in lower case by which others may write it; the first one stands for all.

        No known server heeds the case.
        """
        try:
            readable = idna.decode(self.domain)
        except UnicodeError:
            readable = self.domain
        local = self.local
        return tuple(
            dict.fromkeys(
                f"{name}@{domain}"
                for domain in (self.domain, readable)
                for name in (local.casefold(), local.lower())
            )
        )


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address with the name of its owner. ``str`` writes both as a header has them, in Unicode.

    Attributes:
        address: the address.
        name: one line; empty: none.
    """

    address: EmailAddress
    name: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.name != clean_name(self.name):
            raise InvalidAddress(
                "invalid name beside an e-mail address: expected one line; use clean_name"
            )

    def __str__(self) -> str:
        if not self.name:
            return str(self.address)
        if _BARE_NAME.fullmatch(self.name):
            return f"{self.name} <{self.address}>"
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>'


def parse_address(text: str) -> EmailAddress:
    """Read an address. Blanks around it are ignored.

    Raises:
        InvalidAddress: it is not one.
    """
    local, at, domain = text[: _LONGEST * 4].strip(" ").rpartition("@")
    if not at or len(text) > _LONGEST * 4:
        raise InvalidAddress(f"invalid e-mail address: {_EXPECTED}")
    try:
        ascii_domain = idna.encode(domain, uts46=True, std3_rules=True).decode()
    except UnicodeError:
        raise InvalidAddress(f"invalid e-mail address: the part after the @; {_EXPECTED}") from None
    return EmailAddress(unicodedata.normalize("NFC", local), ascii_domain.lower())


def parse_mailbox(text: str) -> Mailbox:
    """Read ``Name <name@host.example>``, ``"Name" <...>`` or only an address.

    Raises:
        InvalidAddress: it is not in one of these forms.
    """
    match = _WITH_NAME.fullmatch(text[: _LONGEST * 8].strip(" "))
    if match is None:
        return Mailbox(parse_address(text))
    name = match["name"].strip(" ")
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if name != clean_name(name):
        raise InvalidAddress("invalid name beside an e-mail address: expected one line")
    return Mailbox(parse_address(match["address"]), name)


def clean_name(text: str) -> str:
    """Return a name as it can stand in a header: one line, single blanks, at most 200 characters.

    Control characters, those that turn the direction of writing, and halves of characters are left
    out. A line break becomes a blank.
    """
    one_line = " ".join(text.split())
    kept = (each for each in one_line if each not in _TURNS and not _is_control(each))
    return " ".join("".join(kept)[:_LONGEST_NAME].split())


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"}


def _is_visible(text: str) -> bool:
    """Return whether no character is a blank, or a control or format character."""
    return not any(unicodedata.category(each)[0] in "CZ" for each in text)
