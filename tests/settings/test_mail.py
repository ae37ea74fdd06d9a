"""The settings of the senders of mail: what is accepted, and errors that quote no secret."""

from typing import Final

import pytest

from pipeline.domain.address import parse_address
from pipeline.domain.errors import ConfigurationError
from pipeline.settings.mail import (
    MAIL_VARIABLES,
    ProviderName,
    RecipientRule,
    read_mail_settings,
)
from pipeline.settings.smtp import SmtpServer, parse_smtp_url

GIVEN: Final = {"EMAIL_FROM": "Acme <notifications@acme.example>", "RESEND_API_KEY": "re_canary"}
SMTP: Final = {"EMAIL_PROVIDERS": "smtp", "SMTP_URL": "smtp://canary:canary@mail.example"}


def test_by_default_mail_goes_to_people_through_resend() -> None:
    settings = read_mail_settings(GIVEN)
    assert str(settings.sender) == "Acme <notifications@acme.example>"
    assert settings.providers == (ProviderName.RESEND,)
    assert settings.resend is not None
    assert settings.resend.base_url == "https://api.resend.com"
    assert settings.smtp is None
    assert settings.recipients == RecipientRule()
    assert not settings.recipients.test_mode


def test_an_empty_value_counts_as_not_set() -> None:
    empty = dict.fromkeys(MAIL_VARIABLES, " ")
    assert read_mail_settings({**empty, **GIVEN}) == read_mail_settings(GIVEN)


def test_both_providers_in_their_order() -> None:
    settings = read_mail_settings({**GIVEN, **SMTP, "EMAIL_PROVIDERS": "smtp, resend"})
    assert settings.providers == (ProviderName.SMTP, ProviderName.RESEND)
    assert settings.resend is not None
    assert settings.smtp is not None


def test_a_provider_that_is_not_used_needs_nothing() -> None:
    settings = read_mail_settings({"EMAIL_FROM": "a@acme.example", **SMTP, "RESEND_BASE_URL": "x"})
    assert settings.resend is None


def test_somebody_else_gets_mail_on_purpose_only() -> None:
    given = {
        **GIVEN,
        "EMAIL_FORCE_TO": "forced@acme.example",
        "EMAIL_TEST_MODE": "True",
        "EMAIL_TEST_RECIPIENT": "tester@acme.example",
    }
    assert read_mail_settings(given).recipients == RecipientRule(
        force_to=parse_address("forced@acme.example"),
        test_mode=True,
        test_recipient=parse_address("tester@acme.example"),
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"EMAIL_FROM": ""}, "EMAIL_FROM is not set: expected an address such as 'Acme <"),
        ({"EMAIL_FROM": "Canary <canary>"}, "invalid EMAIL_FROM: expected an address such as"),
        ({"EMAIL_FORCE_TO": "canary"}, "invalid EMAIL_FORCE_TO: expected an address such as"),
        ({"EMAIL_TEST_RECIPIENT": "canary@x"}, "invalid EMAIL_TEST_RECIPIENT: expected an"),
        ({"EMAIL_TEST_MODE": "yes"}, "invalid EMAIL_TEST_MODE 'yes': expected true or false"),
        ({"EMAIL_PROVIDERS": "sendgrid"}, "invalid EMAIL_PROVIDERS 'sendgrid': expected resend"),
        ({"EMAIL_PROVIDERS": "smtp,smtp"}, "invalid EMAIL_PROVIDERS 'smtp,smtp': expected"),
        ({"EMAIL_PROVIDERS": "resend,"}, "invalid EMAIL_PROVIDERS 'resend,': expected"),
        ({"RESEND_API_KEY": ""}, "not set: RESEND_API_KEY and RESEND_API_KEY_SECRET; expected"),
        ({"RESEND_API_KEY": "canary canary"}, "invalid RESEND_API_KEY: expected the key as"),
        ({"RESEND_API_KEY": "canary\x00"}, "invalid RESEND_API_KEY: expected the key as"),
        (
            {"RESEND_API_KEY_SECRET": "projects/acme/secrets/resend"},
            "both set: RESEND_API_KEY and RESEND_API_KEY_SECRET; expected one of them",
        ),
        (
            {"RESEND_API_KEY": "", "RESEND_API_KEY_SECRET": "re_canary"},
            "RESEND_API_KEY_SECRET: invalid name of a secret: expected projects/P/secrets/S",
        ),
        ({"RESEND_BASE_URL": "http://api.resend.com"}, "invalid RESEND_BASE_URL: expected https:"),
        ({"RESEND_BASE_URL": "https://canary@host"}, "invalid RESEND_BASE_URL: expected https:"),
        ({"RESEND_BASE_URL": "https://host?canary"}, "invalid RESEND_BASE_URL: expected https:"),
        ({"RESEND_BASE_URL": "https://[x"}, "invalid RESEND_BASE_URL: expected https:"),
        ({**SMTP, "SMTP_URL": ""}, "not set: SMTP_URL and SMTP_URL_SECRET; expected one of"),
        ({**SMTP, "SMTP_URL": "canary"}, "invalid SMTP_URL: expected smtp://user:password@host"),
    ],
)
def test_an_invalid_value_is_one_line_that_says_what_is_expected(
    changed: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_mail_settings({**GIVEN, **changed})
    assert str(raised.value).startswith(words)
    assert "canary" not in str(raised.value).lower()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("smtp://mail.example", SmtpServer(host="mail.example", port=587, tls=False)),
        ("smtp://mail.example:25/", SmtpServer(host="mail.example", port=25, tls=False)),
        ("smtps://mail.example", SmtpServer(host="mail.example", port=465, tls=True)),
        (
            "smtp://a%40b:p%3A%2F%25@mail.example:2525",
            SmtpServer(host="mail.example", port=2525, tls=False, user="a@b", password="p:/%"),  # noqa: S106
        ),
    ],
)
def test_the_url_of_a_mail_server_is_read(text: str, server: SmtpServer) -> None:
    assert parse_smtp_url(text) == server


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mail.example:587",
        "https://mail.example",
        "smtp://",
        "smtp://canary@mail.example",
        "smtp://:canary@mail.example",
        "smtp://mail.example:99999",
        "smtp://mail.example/canary",
        "smtp://mail.example?canary",
        "smtp://mail.example#canary",
        "smtp://[canary",
        "smtp://can ary",
        "smtp://a:canary%0d%0a@mail.example",
    ],
)
def test_another_url_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid SMTP_URL: expected smtp://") as raised:
        parse_smtp_url(text)
    assert "canary" not in str(raised.value)
