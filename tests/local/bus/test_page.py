"""The page of the bus in a browser: what arrives is there without a reload, and stays text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import httpx2
import pytest
from playwright.sync_api import Page, sync_playwright

from local.bus import BusServer, Shown, ShownPerson

CHROMIUM: Final = Path("/usr/bin/chromium")
GRACE: Final = UUID(int=1)

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium of Debian")


class Growing:
    """Two people, and notifications that come while somebody looks."""

    def __init__(self) -> None:
        self.found: list[Shown] = []

    def people(self) -> list[ShownPerson]:
        return [ShownPerson(id=GRACE, name="Grace"), ShownPerson(id=UUID(int=2), name="Omar")]

    def notifications(self, user_id: UUID) -> list[Shown]:
        return self.found if user_id == GRACE else []

    def add(self, title: str) -> None:
        one = Shown(id=str(uuid4()), title=title, body="body", at="2026-03-02T18:00:00+00:00")
        self.found = [one, *self.found]


@pytest.fixture
def shelf() -> Growing:
    return Growing()


@pytest.fixture
def bus(shelf: Growing) -> Iterator[BusServer]:
    with BusServer(shelf=shelf).serving() as bus:
        yield bus


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-sync"]
        )
        page = browser.new_page()
        page.set_default_timeout(20_000)
        yield page
        browser.close()


def test_a_notification_arrives_without_a_reload_and_is_shown_as_text(
    bus: BusServer, shelf: Growing, page: Page
) -> None:
    errors: list[str] = []
    page.on("console", lambda each: errors.append(each.text) if each.type == "error" else None)
    page.on("pageerror", lambda each: errors.append(str(each)))
    shelf.add("Before")
    page.goto(bus.page_url)
    page.wait_for_selector("#state.open")
    page.wait_for_selector("#notifications li")
    shelf.add("<b>Live</b>")
    signal = {"id": str(uuid4()), "user_id": str(GRACE), "signal": "sync_notify"}
    headers = {"Authorization": f"Bearer {bus.token}"}
    with httpx2.Client(trust_env=False) as http:
        answer = http.post(f"{bus.base_url}/signals", json=signal, headers=headers)
    # A browser answers the ping by itself.
    assert answer.json() == {"delivered": 1}
    page.wait_for_selector("#notifications li.new")
    titles = page.locator("#notifications strong").all_inner_texts()
    assert titles == ["<b>Live</b>", "Before"]
    assert page.locator("#signals li").count() == 1
    page.select_option("#person", label="Omar")
    page.wait_for_selector("#notifications li", state="detached")
    assert errors == []
