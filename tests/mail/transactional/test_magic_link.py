import pytest

from pipeline.mail.compose import content_of
from pipeline.mail.material import Transactional
from tests.mail.desk import BRAND, transactional
from tests.mail.page import read

LINK = "https://auth.capmatch.com/verify?token=T"


def test_the_mail_has_the_link_as_a_button_and_to_copy_and_says_how_long_it_works() -> None:
    mail = transactional("magic_link", {"magic_link": LINK})
    page = read(mail.html)
    assert (mail.subject, mail.kind) == ("Sign in to CapMatch", "magic_link")
    assert mail.preheader == "Your link to sign in works for 24 hours."
    assert page.links == [(LINK, "Sign in"), (LINK, LINK)]
    assert "Use this button to sign in. It works once, for 24 hours." in page.lines
    assert f"\n{LINK}\n" in mail.text


@pytest.mark.parametrize(
    ("hours", "said"),
    [(1, "1 hour"), (48, "48 hours"), (0, "24 hours"), ("x", "24 hours"), (None, "24 hours")],
)
def test_another_time_may_be_given(hours: object, said: str) -> None:
    mail = transactional("magic_link", {"magic_link": LINK, "valid_hours": hours})
    assert f"It works once, for {said}." in mail.text


def test_the_link_is_not_in_the_text_of_the_objects() -> None:
    payload = {"magic_link": LINK}
    assert "token" not in repr(Transactional("magic_link", payload))
    assert "token" not in repr(content_of(Transactional("magic_link", payload), BRAND))
    assert "token" not in repr(transactional("magic_link", payload))
