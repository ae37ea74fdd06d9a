from tests.mail.desk import SITE, W, immediate, update
from tests.mail.page import read


def test_the_mail_says_from_what_to_what() -> None:
    data = {"old_permission": "view", "new_permission": "edit", "link_url": W}
    page = read(immediate(update("project_access_changed", data)).html)
    assert page.lines[1:4] == [
        "Project Access Updated",
        "Hi Bob,",
        "Your access to Tower was upgraded from view to edit.",
    ]
    assert page.links[0] == (f"{SITE}{W}", "Open the project")
