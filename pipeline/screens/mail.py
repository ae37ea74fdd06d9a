"""Shows the previews of mails: in a terminal, and on a page for the web browser."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from markupsafe import Markup
from rich.text import Text

from pipeline.ops.mail.write import WrittenMail
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console

_PAGE: Final = Markup("""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>Mails</title>
<style>
body {{ font-family: sans-serif; margin: 24px; }}
iframe {{ border: 1px solid #888; border-radius: 6px; height: 640px; margin-right: 16px; }}
</style>
{}
</html>
""")
_MAIL: Final = Markup("""\
<h2>{type}</h2>
<p>{subject}<br>{preheader}</p>
<iframe src="{file}" width="680" title="{type} on a desktop"></iframe>
<iframe src="{file}" width="360" title="{type} on a phone"></iframe>
""")


def show_previews(written: Iterable[WrittenMail]) -> None:
    """Print each mail with its subject and the paths of its files."""
    console = open_console()
    for each in written:
        console.print(Text(each.type, "cyan"))
        console.print(Text(f"  {printable(each.subject)}, to {each.person}"))
        # A path that is broken at the end of a line cannot be copied.
        for path in (each.html, each.text):
            console.print(Text(f"  {path}", "dim"), soft_wrap=True)


def page_of_previews(written: Iterable[WrittenMail]) -> str:
    """Return a page that shows each mail at two widths. It belongs into the folder of the files."""
    mails = (
        _MAIL.format(
            type=each.type,
            subject=each.subject,
            preheader=each.preheader,
            file=Path(each.html).name,
        )
        for each in written
    )
    return _PAGE.format(Markup().join(mails))
