"""Takes the pictures of docs/mail.md: every mail in both modes, on a desktop and on a phone.

``python -m tools.mail_pictures``. The mails are those of ``mail preview``, drawn by the machine's
own Chromium. A mail that is wider than its window is an error.
"""

import io
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from pipeline.domain.identifiers import EventType
from pipeline.mail.compose import compose
from pipeline.mail.material import Digest, Immediate, Recipient, Transactional, Update
from pipeline.ops.mail.preview import preview_mails
from pipeline.ops.sample.mails import SAMPLE_BRAND

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs/mail"
# The size of a picture in the repository.
MOST_BYTES: Final = 60_000
_ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_MISSING: Final = """\
Chromium is not installed. On Debian and Ubuntu:
  apt-get install -y --no-install-recommends chromium fonts-dejavu-core
"""
_GAP: Final = 12
_COLOURS: Final = (64, 48, 32, 24, 16)

Mode = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Screen:
    """A window: its width in CSS pixels, how large it is drawn, and how many stand side by side."""

    name: str
    width: int
    scale: float
    columns: int


SCREENS: Final = (Screen("desktop", 640, 0.6, 3), Screen("phone", 360, 0.7, 4))
MODES: Final[tuple[Mode, ...]] = ("light", "dark")
_GROUND: Final = {"light": "#d5d9df", "dark": "#000000"}


def main() -> int:
    """Write the pictures; return the exit status."""
    program = shutil.which("chromium")
    if program is None:
        sys.stderr.write(_MISSING)
        return 1
    mails = [each.mail.html for each in preview_mails(SAMPLE_BRAND)]
    longest = list(_longest())
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        for screen in SCREENS:
            for mode in MODES:
                drawn = list(_draw(browser, mails, screen, mode))
                # Drawn for their width only.
                list(_draw(browser, longest, screen, mode))
                path = FOLDER / f"{screen.name}-{mode}.png"
                path.write_bytes(_png(_sheet(drawn, screen.columns, _GROUND[mode])))
                sys.stderr.write(f"wrote {path.name}, {path.stat().st_size:,} bytes\n")
        browser.close()
    return 0


def _longest() -> Iterator[str]:
    """Mails with names and links that have no place to break."""
    name, link = "W" * 500, "/" + "w" * 1_500
    data = {"actor_name": name, "thread_label": name, "file_name": name, "link_url": link}
    for event_type in ("chat_thread_participant_added", "document_uploaded", "general"):
        update = Update(
            event_type=EventType(event_type), subject=name, data=data, project_name=name
        )
        for material in (Immediate(update), Digest([update])):
            yield compose(material, Recipient("w@x.example", name), SAMPLE_BRAND).html
    for kind, payload in (
        ("magic_link", {"magic_link": link}),
        ("booking_confirmation", {"external_booking_id": name}),
    ):
        mail = Transactional(kind, payload)
        yield compose(mail, Recipient("w@x.example", name), SAMPLE_BRAND).html


def _draw(
    browser: Browser, mails: Sequence[str], screen: Screen, mode: Mode
) -> Iterator[Image.Image]:
    context = browser.new_context(
        viewport={"width": screen.width, "height": 300},
        device_scale_factor=screen.scale,
        color_scheme=mode,
        offline=True,
    )
    page = context.new_page()
    for mail in mails:
        page.set_content(mail)
        needed = page.evaluate("document.documentElement.scrollWidth")
        if needed > screen.width:
            title = page.title()
            raise SystemExit(f"{title!r} needs {needed} pixels, but has {screen.width}")
        yield Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    context.close()


def _sheet(pictures: Sequence[Image.Image], columns: int, ground: str) -> Image.Image:
    """Put the pictures into columns, each where there is most room: the tallest first."""
    width = pictures[0].width
    heights = [_GAP] * columns
    places = []
    for picture in sorted(pictures, key=lambda each: -each.height):
        column = heights.index(min(heights))
        places.append((picture, (_GAP + column * (width + _GAP), heights[column])))
        heights[column] += picture.height + _GAP
    sheet = Image.new("RGB", (_GAP + columns * (width + _GAP), max(heights)), ground)
    for picture, place in places:
        sheet.paste(picture, place)
    return sheet


def _png(sheet: Image.Image) -> bytes:
    """Return the picture with as many colours as its size allows."""
    for colours in _COLOURS:
        data = io.BytesIO()
        sheet.quantize(colours, dither=Image.Dither.NONE).save(data, "PNG", optimize=True)
        if data.tell() <= MOST_BYTES:
            return data.getvalue()
    raise SystemExit(f"a picture has more than {MOST_BYTES:,} bytes in {colours} colours")


if __name__ == "__main__":
    sys.exit(main())
