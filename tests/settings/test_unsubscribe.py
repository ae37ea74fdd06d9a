"""The settings of the link to unsubscribe and of webhooks: several secrets, none ever quoted."""

from typing import Final

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.settings.mail import read_mail_settings
from pipeline.settings.unsubscribe import UnsubscribeSettings, read_unsubscribe_settings
from pipeline.settings.webhooks import read_webhook_settings

SECRET: Final = "kanarienvogel" * 3
NAME: Final = "projects/acme-prod/secrets/unsubscribe"
MAIL: Final = {"EMAIL_FROM": "a@acme.example", "RESEND_API_KEY": "re_canary"}
SIGNING: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_the_first_secret_is_used_and_the_others_still_hold() -> None:
    given = {"UNSUBSCRIBE_SECRET": f"{NAME}, {SECRET} ,", "PUBLIC_URL": "https://n.acme.example/"}
    found = read_unsubscribe_settings(given)
    assert found.secrets == (NAME, SECRET)
    assert found.public_url == "https://n.acme.example"
    assert found.makes_links
    assert SECRET not in repr(found)


def test_without_an_address_mails_have_no_link() -> None:
    assert not read_unsubscribe_settings({"UNSUBSCRIBE_SECRET": SECRET}).makes_links
    assert not read_mail_settings(MAIL).unsubscribe.makes_links
    assert read_mail_settings(MAIL).unsubscribe == UnsubscribeSettings()


def test_an_address_without_a_secret_is_refused_where_mails_are_sent() -> None:
    with pytest.raises(ConfigurationError, match="UNSUBSCRIBE_SECRET is not set"):
        read_mail_settings({**MAIL, "PUBLIC_URL": "https://n.acme.example"})


@pytest.mark.parametrize(
    "secret",
    ["kanarienvogel", "kanarienvogel " * 3, f"{SECRET},kanarienvogel", ",".join([SECRET] * 9)],
)
def test_a_secret_that_could_be_guessed_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid UNSUBSCRIBE_SECRET: expected") as raised:
        read_unsubscribe_settings({"UNSUBSCRIBE_SECRET": secret})
    assert "kanarienvogel" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://n.acme.example",
        "ftp://n.acme.example",
        "https://user@n.acme.example",
        "https://n.acme.example?a=b",
        "https://n.acme.example/#a",
        "https://n.acme.example/ü",
        "https://n.acme.example\r\nBcc: a",
        f"https://n.acme.example/{'a' * 300}",
        "n.acme.example",
    ],
)
def test_an_address_that_cannot_stand_in_a_header_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="invalid PUBLIC_URL"):
        read_unsubscribe_settings({"PUBLIC_URL": url})
    # Control.
    assert read_unsubscribe_settings({"PUBLIC_URL": "http://127.0.0.1:8080"}).public_url


def test_secrets_of_webhooks_are_read_and_an_invalid_one_is_not_quoted() -> None:
    assert read_webhook_settings({}).resend == ()
    found = read_webhook_settings({"RESEND_WEBHOOK_SECRET": f"{SIGNING},{NAME}"})
    assert found.resend == (SIGNING, NAME)
    assert SIGNING not in repr(found)
    with pytest.raises(ConfigurationError, match="invalid RESEND_WEBHOOK_SECRET") as raised:
        read_webhook_settings({"RESEND_WEBHOOK_SECRET": "whsec_kanarienvogel"})
    assert "kanarienvogel" not in str(raised.value)
