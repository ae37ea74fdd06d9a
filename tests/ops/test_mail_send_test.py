"""``mail send-test``: the settings of real mail are obeyed, and what providers answered is told."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from local.loopback import DROPPED_AFTER
from local.resend import ResendServer
from local.resend.faults import fault
from pipeline.clients.mail.outgoing import link_seal
from pipeline.domain.errors import UsageError
from pipeline.mail.brand import Brand
from pipeline.ops.mail.send_test import SentTest, send_test
from pipeline.settings.mail import MailSettings, read_mail_settings
from tests.clients.mail.smtp_server import MailServer
from tests.programs import Program

TO: Final = "Canary Person <canary.person@kanarienvogel.de>"
BRAND: Final = Brand(name="Acme", base_url="https://acme.test")
KEY: Final = "re_canary_key"


@pytest.fixture
def resend() -> Iterator[ResendServer]:
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        yield server


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer().serving() as server:
        yield server


def variables(resend: ResendServer, **changed: str) -> dict[str, str]:
    return {
        "EMAIL_FROM": "Acme <notifications@acme.test>",
        "RESEND_API_KEY": KEY,
        "RESEND_BASE_URL": resend.base_url,
    } | changed


def settings(resend: ResendServer, **changed: str) -> MailSettings:
    return read_mail_settings(variables(resend, **changed))


def both(resend: ResendServer, mail_server: MailServer) -> MailSettings:
    smtp = f"smtp://127.0.0.1:{mail_server.port}"
    return settings(resend, EMAIL_PROVIDERS="resend,smtp", SMTP_URL=smtp)


def sent(settings: MailSettings, type_: str = "general") -> SentTest:
    return send_test(settings, BRAND, TO, type_)


def outcomes(found: SentTest) -> list[tuple[str, str]]:
    return [(each.provider, each.outcome) for each in found.tries]


def test_a_mail_goes_out_as_real_ones_do(resend: ResendServer) -> None:
    public = {"PUBLIC_URL": "https://notify.acme.test", "UNSUBSCRIBE_SECRET": "s" * 40}
    given = settings(resend, EMAIL_REPLY_TO="help@acme.test", **public)
    found = sent(given, "digest")
    [mail] = resend.accepted
    assert found.accepted
    assert found.tries[0].provider_id == mail.id
    assert mail.to == [TO]
    assert mail.content["reply_to"] == ["help@acme.test"]
    assert mail.reference == found.message_id
    assert mail.content["html"].count("Acme") > 1
    # Its link works, and unsubscribes nobody.
    (token,) = re.findall("unsubscribe/([^>]+)>", mail.headers["List-Unsubscribe"])
    assert link_seal(given.unsubscribe).read(token).user_id.int == 2**128 - 1


def test_the_next_provider_takes_over_if_the_first_surely_has_not_sent_it(
    resend: ResendServer, mail_server: MailServer
) -> None:
    resend.fail_next(fault(401, "invalid_api_key"))
    found = sent(both(resend, mail_server))
    assert outcomes(found) == [("resend", "auth_failed"), ("smtp", "accepted")]
    assert len(mail_server.accepted) == 1
    # Control: if the first may have sent it, or has refused it, nobody else is asked.
    resend.fail_next(DROPPED_AFTER, fault(422, "validation_error", "bad"))
    assert outcomes(sent(both(resend, mail_server))) == [("resend", "unavailable")]
    assert outcomes(sent(both(resend, mail_server))) == [("resend", "refused")]
    assert len(mail_server.accepted) == 1


def test_test_mode_and_a_forced_recipient_are_obeyed_and_said(resend: ResendServer) -> None:
    withheld = sent(settings(resend, EMAIL_TEST_MODE="true"))
    assert (withheld.withheld, withheld.accepted) == ("test_mode_without_recipient", False)
    assert resend.asked == []
    tester = settings(resend, EMAIL_TEST_MODE="true", EMAIL_TEST_RECIPIENT="tester@acme.dev")
    assert sent(tester).redirect == "test"
    assert sent(settings(resend, EMAIL_FORCE_TO="forced@acme.dev")).redirect == "forced"
    assert [mail.to for mail in resend.accepted] == [["tester@acme.dev"], ["forced@acme.dev"]]


def test_what_is_no_type_and_no_address_is_refused(resend: ResendServer) -> None:
    with pytest.raises(UsageError, match="invalid type 'welcome': expected chat_thread_"):
        sent(settings(resend), "welcome")
    with pytest.raises(UsageError, match="--to: invalid e-mail address") as raised:
        send_test(settings(resend), BRAND, "kanarienvogel", "general")
    assert "kanarienvogel" not in str(raised.value)


def test_the_command_says_who_gets_it_and_what_was_answered(resend: ResendServer) -> None:
    def command(*flags: str, **changed: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | variables(resend, **changed)
        arguments = ("pipeline", "mail", "send-test", "--to", TO, *flags)
        return Program(*arguments, environment=environment).completed(60)

    done = command(EMAIL_FORCE_TO="forced@acme.dev", LOG_LEVEL="DEBUG")
    assert done.returncode == 0, done.stderr
    assert "to: the address of EMAIL_FORCE_TO, not that of --to\n" in done.stdout
    assert f"resend: accepted as {resend.accepted[0].id}\n" in done.stdout
    failed = command("--json", RESEND_API_KEY="re_canary_wrong")
    assert failed.returncode == 1
    answer = json.loads(failed.stdout)
    assert [each["outcome"] for each in answer["tries"]] == ["auth_failed"]
    said = done.stdout + done.stderr + failed.stdout + failed.stderr
    assert not re.search("canary|kanarienvogel|forced@", said)
