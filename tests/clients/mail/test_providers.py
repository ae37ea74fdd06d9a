"""What every provider promises: one suite for all of them, against real servers on this machine."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from pipeline.clients.mail.provider import FrozenRequest
from pipeline.clients.mail.providers import open_providers
from pipeline.domain.provider_answer import (
    Accepted,
    AuthFailed,
    Blame,
    Refused,
    Result,
    Unavailable,
)
from pipeline.settings.mail import (
    MailSettings,
    ProviderName,
    ResendSettings,
    SmtpSettings,
    read_mail_settings,
)
from tests.clients.mail.conftest import Given
from tests.clients.mail.mails import NOW, SENDER, addressed, has_marker, mail


def frozen(given: Given, *numbers: int, key: str = "key-1") -> FrozenRequest:
    mails = [mail(number) for number in numbers or (1,)]
    return given.provider.freeze(addressed(*mails), key=key, at=NOW)


def only(results: tuple[Result, ...]) -> Result:
    [result] = set(results)
    return result


def test_a_mail_is_accepted_once_and_named(given: Given) -> None:
    reply = given.provider.send(frozen(given))
    [result] = reply.results
    assert isinstance(result, Accepted)
    assert result.provider_id
    assert given.copies() == {"<canary-1@acme.test>": 1}


def test_of_a_batch_only_the_bad_mail_is_refused(given: Given) -> None:
    mails = addressed(mail(1), mail(2, to=given.refused), mail(3))
    reply = given.provider.send(given.provider.freeze(mails, key="key", at=NOW))
    first, second, third = reply.results
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert (second.blame, second.of_request) == (Blame.ADDRESS, False)
    assert isinstance(third, Accepted)
    assert first.provider_id != third.provider_id
    assert given.copies() == {"<canary-1@acme.test>": 1, "<canary-3@acme.test>": 1}


def test_a_hundred_mails_are_one_request(given: Given) -> None:
    reply = given.provider.send(frozen(given, *range(100)))
    assert len(reply.results) == 100
    assert all(isinstance(result, Accepted) for result in reply.results)
    assert set(given.copies().values()) == {1}
    assert len(given.copies()) == 100
    with pytest.raises(ValueError, match="expected 1 to 100 mails"):
        frozen(given, *range(101))


def test_the_same_mails_are_always_the_same_bytes(given: Given) -> None:
    request = frozen(given, 1, 2, 3)
    assert frozen(given, 1, 2, 3) == request
    assert frozen(given, 2, 1, 3).body != request.body


def test_a_connection_that_is_cut_before_the_mail_arrives_sends_nothing(given: Given) -> None:
    given.drop_before()
    result = only(given.provider.send(frozen(given)).results)
    assert isinstance(result, Unavailable)
    assert given.copies() == {}
    # Control: without the fault the same request is accepted.
    assert isinstance(only(given.provider.send(frozen(given)).results), Accepted)
    assert given.copies() == {"<canary-1@acme.test>": 1}


def test_a_lost_answer_leaves_the_mail_in_doubt(given: Given) -> None:
    request = frozen(given)
    given.drop_after()
    result = only(given.provider.send(request).results)
    assert isinstance(result, Unavailable)
    assert result.may_be_accepted
    assert given.copies() == {"<canary-1@acme.test>": 1}
    assert isinstance(only(given.provider.send(request).results), Accepted)
    # SMTP has no key: one more copy with the same Message-ID.
    assert given.copies() == {"<canary-1@acme.test>": 1 if given.deduplicates else 2}


def test_where_nobody_listens_surely_nothing_was_sent(given: Given) -> None:
    with given.nowhere() as provider:
        reply = provider.send(frozen(given, 1, 2))
    result = only(reply.results)
    assert isinstance(result, Unavailable)
    assert not result.may_be_accepted
    assert result.of_request
    assert len(reply.results) == 2


def test_who_is_silent_is_given_up(given: Given) -> None:
    with given.impatient() as provider:
        result = only(provider.send(frozen(given)).results)
    assert isinstance(result, Unavailable)


def test_a_wrong_password_or_key_is_a_matter_for_a_person(given: Given) -> None:
    with given.fail_login() as provider:
        assert isinstance(only(provider.send(frozen(given, 1, 2)).results), AuthFailed)
    assert given.copies() == {}
    assert isinstance(only(given.provider.send(frozen(given)).results), Accepted)


def test_a_connection_is_used_again(given: Given) -> None:
    for number in range(5):
        reply = given.provider.send(frozen(given, number, key=f"key-{number}"))
        assert isinstance(only(reply.results), Accepted)
    assert given.connections() == 1


def test_threads_share_a_provider(given: Given) -> None:
    def send(number: int) -> Result:
        return only(given.provider.send(frozen(given, number, key=f"key-{number}")).results)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(send, range(40)))
    assert all(isinstance(result, Accepted) for result in results)
    assert len(given.copies()) == 40
    assert set(given.copies().values()) == {1}
    assert given.connections() <= 8


def test_a_domain_in_another_script_is_sent_as_the_dns_has_it(given: Given) -> None:
    mails = addressed(mail(1, to="jorg@Bücher.de"), mail(2, to="kim@例え.jp"))
    reply = given.provider.send(given.provider.freeze(mails, key="key", at=NOW))
    assert all(isinstance(result, Accepted) for result in reply.results)


def test_a_request_for_another_provider_is_not_sent(given: Given) -> None:
    [other] = set(ProviderName) - {given.provider.name}
    with pytest.raises(ValueError, match="this request is for"):
        given.provider.send(replace(frozen(given), provider=other))
    assert given.copies() == {}


@pytest.mark.parametrize("key", ["", "a" * 257, "a b", "a\r\nX: y", "é"])
def test_a_key_that_cannot_stand_in_a_header_is_refused(given: Given, key: str) -> None:
    with pytest.raises(ValueError, match="invalid key"):
        frozen(given, key=key)


def test_nothing_personal_is_in_a_log_an_error_or_a_repr(
    given: Given, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[object] = []
    with ExitStack() as stack:
        for provider in (given.provider, given.fail_login(), given.nowhere()):
            stack.enter_context(provider)
            mails = addressed(mail(1), mail(2, to=given.refused))
            request = provider.freeze(mails, key="key", at=NOW)
            seen += [mails, request, provider, provider.send(request)]
        given.drop_after()
        seen.append(given.provider.send(frozen(given, 3, key="other")))
    # The server logs what it gets, as servers do: that is the control.
    ours = [each for each in caplog.records if not each.name.startswith("mail.log")]
    assert not has_marker("\n".join(each.getMessage() for each in ours))
    assert not has_marker(repr(seen))
    assert has_marker(repr(given.copies()))


def test_the_providers_of_the_settings_come_in_their_order() -> None:
    given = {
        "EMAIL_FROM": str(SENDER),
        "RESEND_API_KEY": "re_1",
        "SMTP_URL": "smtp://localhost",
    }
    for order in ("smtp,resend", "resend,smtp", "smtp", "resend"):
        settings = read_mail_settings({**given, "EMAIL_PROVIDERS": order})
        with open_providers(settings) as providers:
            assert [each.name for each in providers] == order.split(",")


def test_secrets_are_in_no_repr_of_the_settings() -> None:
    settings = MailSettings(
        sender=SENDER,
        providers=(ProviderName.RESEND, ProviderName.SMTP),
        resend=ResendSettings(api_key="re_canary"),
        smtp=SmtpSettings(url="smtp://canary:canary@host"),
    )
    assert not has_marker(repr(settings))
