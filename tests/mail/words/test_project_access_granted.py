from tests.mail.desk import SITE, W, digest, immediate, update
from tests.mail.page import read


def test_the_mail_says_which_access_and_links_to_the_project() -> None:
    mail = immediate(update("project_access_granted", {"new_permission": "edit", "link_url": W}))
    page = read(mail.html)
    assert page.lines[1:4] == [
        "Project Access Granted",
        "Hi Bob,",
        "You now have edit access to Tower.",
    ]
    assert page.links[0] == (f"{SITE}{W}", "Open the project")


def test_without_anything_known_the_mail_still_reads_well() -> None:
    row = update("project_access_granted", {}, project=None)
    assert "You now have view access to a project." in read(immediate(row).html).lines


def test_a_digest_counts_projects() -> None:
    row = update("project_access_granted", {})
    assert digest(row, row).preheader == "2 new projects"
