"""Prints in a terminal what became of a mail that was sent as a test. No address is shown."""

from collections.abc import Iterator
from typing import Final

from pipeline.clients.mail.redirect import TEST_WITHOUT_RECIPIENT, Redirect
from pipeline.ops.mail.send_test import ProviderTry, SentTest
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console

_RECIPIENTS: Final = {
    Redirect.NONE: "the address of --to",
    Redirect.FORCED: "the address of EMAIL_FORCE_TO, not that of --to",
    Redirect.TEST: "the address of EMAIL_TEST_RECIPIENT, not that of --to: EMAIL_TEST_MODE is true",
}
_WITHHELD: Final = {
    TEST_WITHOUT_RECIPIENT.reason: "EMAIL_TEST_MODE is true, and EMAIL_TEST_RECIPIENT is not set"
}
_WORDS: Final = {
    "accepted": "accepted",
    "refused": "refused for good",
    "rate_limited": "too many requests: try again later",
    "busy": "busy with the same request: try again",
    "key_conflict": "refused: another request had the same key",
    "auth_failed": "does not let us send: check its key or login, and the domain of EMAIL_FROM",
    "quota_exceeded": "the quota of the account is used up",
    "unavailable": "gave no clear answer",
}


def show_sent_test(sent: SentTest) -> None:
    """Print who got it, and what each provider answered."""
    console = open_console()
    for line in _lines(sent):
        console.print(line, markup=False, highlight=False)


def _lines(sent: SentTest) -> Iterator[str]:
    yield f"{sent.type}: {printable(sent.subject)}"
    yield f"Message-ID: {sent.message_id}"
    if sent.withheld is not None:
        yield f"not sent: {_WITHHELD.get(sent.withheld, sent.withheld)}"
        return
    yield f"to: {_RECIPIENTS[sent.redirect]}"
    for each in sent.tries:
        yield f"{each.provider}: {_answer(each)}"


def _answer(each: ProviderTry) -> str:
    words = _WORDS.get(each.outcome, each.outcome)
    if each.provider_id is not None:
        return f"{words} as {printable(each.provider_id)}"
    return f"{words} ({printable(each.code or each.outcome)})"
