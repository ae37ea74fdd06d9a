"""Settings of the senders of mail: texts in, checked settings or an error out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from pipeline.domain.address import (
    EmailAddress,
    InvalidAddress,
    Mailbox,
    parse_address,
    parse_mailbox,
)
from pipeline.domain.errors import ConfigurationError
from pipeline.settings.smtp import parse_smtp_url
from pipeline.settings.unsubscribe import (
    UNSUBSCRIBE_VARIABLES,
    UnsubscribeSettings,
    read_unsubscribe_settings,
)
from pipeline.settings.urls import is_url
from pipeline.values import SECRET, InvalidValue

RESEND_URL: Final = "https://api.resend.com"
# The variables that ``read_mail_settings`` knows, and no other.
MAIL_VARIABLES: Final = (
    "EMAIL_FROM",
    "EMAIL_PROVIDERS",
    "EMAIL_FORCE_TO",
    "EMAIL_TEST_MODE",
    "EMAIL_TEST_RECIPIENT",
    "EMAIL_REPLY_TO",
    "RESEND_API_KEY",
    "RESEND_API_KEY_SECRET",
    "RESEND_BASE_URL",
    "SMTP_URL",
    "SMTP_URL_SECRET",
    *UNSUBSCRIBE_VARIABLES,
)
_FROM_EXPECTED: Final = "expected an address such as 'Acme <notifications@acme.example>'"
# What can stand in a header.
_KEY: Final = re.compile(r"[\x21-\x7e]{1,512}")


class ProviderName(StrEnum):
    """The providers that mail can be sent through."""

    RESEND = "resend"
    SMTP = "smtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRule:
    """Who gets the mail in place of its recipient. By default nobody does.

    Attributes:
        force_to: gets all mail, whatever else is set.
        test_mode: only the test recipient gets mail, or nobody if there is none.
        test_recipient: who gets it in test mode.
    """

    force_to: EmailAddress | None = None
    test_mode: bool = False
    test_recipient: EmailAddress | None = None

    @property
    def is_for_people(self) -> bool:
        """Whether mail goes to those to whom it is written."""
        return self.force_to is None and not self.test_mode


@dataclass(frozen=True, slots=True, kw_only=True)
class ResendSettings:
    """How to reach Resend.

    Attributes:
        api_key: kept out of ``repr``.
        api_key_secret: the name of the key in Secret Manager, if it is not given.
        base_url: of the API.
        timeout: how long one request may take.
    """

    api_key: str = field(default="", repr=False)
    api_key_secret: str = ""
    base_url: str = RESEND_URL
    timeout: timedelta = timedelta(seconds=15)

    def __post_init__(self) -> None:
        _check_one("RESEND_API_KEY", self.api_key, self.api_key_secret)
        if self.api_key and not is_api_key(self.api_key):
            raise ConfigurationError(
                "invalid RESEND_API_KEY: expected the key as Resend shows it, such as re_..."
            )
        url = urlsplit(self.base_url) if is_url(self.base_url, or_local=True) else None
        if url is None or url.query or url.fragment or "@" in url.netloc:
            raise ConfigurationError(
                "invalid RESEND_BASE_URL: expected https://host/path, or http:// on this machine"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """How to reach a mail server.

    Attributes:
        url: ``smtp://`` or ``smtps://``; kept out of ``repr``, because it holds a password.
        url_secret: the name of that URL in Secret Manager, if it is not given.
        timeout: how long the server may take for each of its answers.
    """

    url: str = field(default="", repr=False)
    url_secret: str = ""
    timeout: timedelta = timedelta(seconds=15)

    def __post_init__(self) -> None:
        _check_one("SMTP_URL", self.url, self.url_secret)
        if self.url:
            parse_smtp_url(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """Who sends, through whom, and to whom on purpose.

    Attributes:
        sender: the From of every mail.
        providers: in the order in which they are used; the next one takes over.
        resend: None unless it is one of the providers.
        smtp: None unless it is one of the providers.
        recipients: who gets mail in place of its recipient.
        reply_to: who gets the answers; None: the sender.
        unsubscribe: how the link to unsubscribe is made.
    """

    sender: Mailbox
    providers: tuple[ProviderName, ...]
    resend: ResendSettings | None
    smtp: SmtpSettings | None
    recipients: RecipientRule = RecipientRule()
    reply_to: Mailbox | None = None
    unsubscribe: UnsubscribeSettings = field(default_factory=UnsubscribeSettings)


def read_mail_settings(environment: Mapping[str, str]) -> MailSettings:
    """Read the settings from ``MAIL_VARIABLES``. An empty value counts as not set.

    Raises:
        ConfigurationError: one is missing or invalid. Addresses and secrets are not quoted.
    """
    given = {name: value for name in MAIL_VARIABLES if (value := environment.get(name, "").strip())}
    providers = _providers(given.get("EMAIL_PROVIDERS", ProviderName.RESEND))
    if "EMAIL_FROM" not in given:
        raise ConfigurationError(f"EMAIL_FROM is not set: {_FROM_EXPECTED}")
    unsubscribe = read_unsubscribe_settings(given)
    if unsubscribe.public_url and not unsubscribe.secrets:
        raise ConfigurationError(
            "UNSUBSCRIBE_SECRET is not set: with PUBLIC_URL, digests and nudges have a link to"
            " unsubscribe; use the same secret as the service"
        )
    return MailSettings(
        sender=_mailbox(given, "EMAIL_FROM"),
        providers=providers,
        resend=_resend(given) if ProviderName.RESEND in providers else None,
        smtp=_smtp(given) if ProviderName.SMTP in providers else None,
        recipients=RecipientRule(
            force_to=_address(given, "EMAIL_FORCE_TO"),
            test_mode=_switch(given, "EMAIL_TEST_MODE"),
            test_recipient=_address(given, "EMAIL_TEST_RECIPIENT"),
        ),
        reply_to=_mailbox(given, "EMAIL_REPLY_TO") if "EMAIL_REPLY_TO" in given else None,
        unsubscribe=unsubscribe,
    )


def is_api_key(text: str) -> bool:
    """Return whether a text can be sent as a key."""
    return _KEY.fullmatch(text) is not None


def _providers(text: str) -> tuple[ProviderName, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not set(names) <= set(ProviderName) or len(set(names)) < len(names):
        raise ConfigurationError(
            f"invalid EMAIL_PROVIDERS {text[:80]!r}: expected {' or '.join(ProviderName)},"
            " or both in their order: resend,smtp"
        )
    return tuple(ProviderName(name) for name in names)


def _resend(given: Mapping[str, str]) -> ResendSettings:
    return ResendSettings(
        api_key=given.get("RESEND_API_KEY", ""),
        api_key_secret=given.get("RESEND_API_KEY_SECRET", ""),
        base_url=given.get("RESEND_BASE_URL", RESEND_URL),
    )


def _smtp(given: Mapping[str, str]) -> SmtpSettings:
    return SmtpSettings(url=given.get("SMTP_URL", ""), url_secret=given.get("SMTP_URL_SECRET", ""))


def _check_one(name: str, value: str, secret: str) -> None:
    if bool(value) == bool(secret):
        problem = "both set" if value else "not set"
        raise ConfigurationError(
            f"{problem}: {name} and {name}_SECRET; expected one of them, the value itself"
            " or its name in Secret Manager"
        )
    if secret:
        try:
            SECRET.parse(secret)
        except InvalidValue as error:
            raise ConfigurationError(f"{name}_SECRET: {error}") from None


def _mailbox(given: Mapping[str, str], name: str) -> Mailbox:
    try:
        return parse_mailbox(given[name])
    except InvalidAddress:
        raise ConfigurationError(f"invalid {name}: {_FROM_EXPECTED}") from None


def _address(given: Mapping[str, str], name: str) -> EmailAddress | None:
    if name not in given:
        return None
    try:
        return parse_address(given[name])
    except InvalidAddress:
        raise ConfigurationError(
            f"invalid {name}: expected an address such as name@host.example"
        ) from None


def _switch(given: Mapping[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text.lower() not in {"true", "false"}:
        raise ConfigurationError(f"invalid {name} {text[:80]!r}: expected true or false")
    return text.lower() == "true"
