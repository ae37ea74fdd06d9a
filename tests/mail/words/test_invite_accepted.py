from tests.mail.desk import SITE, immediate, update
from tests.mail.page import read


def test_the_mail_says_who_joined_what_and_links_to_the_team() -> None:
    data = {"new_member_name": "Eve", "org_name": "Acme", "link_url": "/team"}
    page = read(immediate(update("invite_accepted", data, project=None)).html)
    assert page.lines[1:4] == [
        "New Team Member",
        "Hi Bob,",
        "Eve accepted the invite and joined Acme.",
    ]
    assert page.links[0] == (f"{SITE}/team", "View your team")


def test_a_member_without_a_name_is_told_by_address() -> None:
    row = update("invite_accepted", {"new_member_name": "", "new_member_email": "eve@x.test"})
    assert (
        immediate(row).preheader == "eve@x.test accepted the invite and joined your organization."
    )


def test_a_member_without_anything_is_a_new_member() -> None:
    said = immediate(update("invite_accepted", {})).preheader
    assert said == "A new member accepted the invite and joined your organization."
