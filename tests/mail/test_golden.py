"""The golden cases of what mails say."""

import pytest

from pipeline.domain.errors import InvalidMail
from tests.mail.desk import SITE, W, digest, immediate, transactional, unread, update, uploaded
from tests.mail.page import read


def bullets(text: str) -> list[str]:
    """The lines of the lists in a plain text, without their links."""
    return [line for line in text.splitlines() if line.startswith(("- ", "  • ", "  ... "))]


def test_g85_the_subject_is_that_of_the_row_and_the_tag_its_event_type() -> None:
    row = update("project_access_granted", {"link_url": W}, subject="You've been added to Tower")
    mail = immediate(row)
    assert (mail.subject, mail.kind) == ("You've been added to Tower", "project_access_granted")


def test_g86_a_digest_of_seventeen_rows() -> None:
    rows = [
        *(uploaded(f"file {number}.pdf") for number in range(1, 13)),
        *(unread(f"T{count}", count) for count in (1, 2, 3, 4)),
        uploaded("loose.pdf", project=None),
    ]
    mail = digest(*rows)
    assert mail.subject == "Your CapMatch Updates (17 new updates)"
    assert mail.kind == "digest_aggregated"

    lines = read(mail.html).lines
    start = lines.index("Tower")
    assert lines[start:-3] == [
        "Tower",
        "New Documents",
        *(f"file {number}.pdf uploaded by Ann Actor" for number in range(1, 11)),
        "... and 2 more",
        "Unread Messages (10 total)",
        *(f"Topic T{count} ({count} unread)" for count in (1, 2, 3, 4)),
        "Unknown Project",
        "New Documents",
        "loose.pdf uploaded by Ann Actor",
    ]
    assert bullets(mail.text) == [
        "- 12 new documents",
        *(f"  • file {number}.pdf" for number in range(1, 6)),
        "  ... and 7 more",
        "- 10 unread messages",
        *(f"  • Topic T{count} ({count})" for count in (1, 2, 3)),
        "  ... and 1 more",
        "- 1 new document",
        "  • loose.pdf",
    ]
    assert "\nTower\n-----\n" in mail.text
    assert "\nUnknown Project\n---------------\n" in mail.text


def test_g87_a_digest_of_one_row_has_its_subject_and_the_layout_of_a_digest() -> None:
    mail = digest(uploaded("a.pdf"))
    assert mail.subject == "New document uploaded to Tower"
    assert mail.kind == "digest_aggregated"
    assert "Your CapMatch Updates" in read(mail.html).lines


def test_g91_a_name_is_escaped_in_html_and_verbatim_in_the_text() -> None:
    row = update("invite_accepted", {"new_member_name": "<b>Eve</b>", "org_name": "Acme"})
    mail = immediate(row)
    assert "&lt;b&gt;Eve&lt;/b&gt;" in mail.html
    assert "b" not in read(mail.html).tags
    assert "\n<b>Eve</b> accepted the invite and joined Acme.\n" in mail.text


def test_g92_a_link_is_joined_to_the_root_of_the_site() -> None:
    mail = immediate(update("project_access_granted", {"link_url": W}))
    assert (f"{SITE}{W}", "Open the project") in read(mail.html).links
    assert f"\nOpen CapMatch: {SITE}{W}\n" in mail.text


@pytest.mark.parametrize(
    ("kind", "payload", "said"),
    [
        ("magic_link", {}, "payload invalid: magic_link: it is missing"),
        ("magic_link", {"magic_link": ""}, "payload invalid: magic_link: it is missing"),
        ("magic_link", {"magic_link": None}, "payload invalid: magic_link: it is missing"),
        ("magic_link", {"magic_link": 7}, "payload invalid: magic_link: a string is needed"),
        ("booking_confirmation", {}, "payload invalid: external_booking_id: it is missing"),
        ("welcome", {}, "unknown type: expected booking_confirmation or magic_link"),
    ],
)
def test_f56_a_payload_without_what_is_needed_is_a_permanent_error(
    kind: str, payload: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidMail) as raised:
        transactional(kind, payload)
    assert str(raised.value) == said


def test_f58_markup_in_a_payload_is_escaped() -> None:
    mail = transactional(
        "booking_confirmation", {"external_booking_id": "<script>alert(1)</script>"}
    )
    assert "script" not in read(mail.html).tags
    assert "<script>alert(1)</script>" in read(mail.html).lines


def test_f58_a_quotation_mark_in_a_link_cannot_end_the_attribute() -> None:
    link = 'https://auth.capmatch.com/verify?token=a"onclick="alert(1)'
    page = read(transactional("magic_link", {"magic_link": link}).html)
    safe = "https://auth.capmatch.com/verify?token=a%22onclick=%22alert(1)"
    assert page.links[0] == (safe, "Sign in")
    assert "onclick" not in dict(page.attributes)


@pytest.mark.parametrize(
    "link",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "ftp://capmatch.com/file",
        "https://elsewhere.example/verify",
        "https://capmatch.com@elsewhere.example/",
    ],
)
def test_f58_a_link_to_elsewhere_is_refused_without_being_quoted(link: str) -> None:
    with pytest.raises(InvalidMail) as raised:
        transactional("magic_link", {"magic_link": link})
    assert str(raised.value) == (
        "payload invalid: magic_link: an http or https link to the site of BRAND_URL,"
        " or to a host of BRAND_LINK_HOSTS, is needed"
    )
