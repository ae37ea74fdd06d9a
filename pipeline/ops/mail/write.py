"""Writes previews into a folder: the HTML and the text of each mail as files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.errors import UsageError
from pipeline.ops.mail.preview import MailPreview


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenMail:
    """One preview, with the paths of its files."""

    type: str
    person: str
    subject: str
    preheader: str
    html: str
    text: str


def write_previews(previews: Iterable[MailPreview], folder: Path) -> list[WrittenMail]:
    """Write two files for each preview, and replace those of an earlier run.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write(each, folder) for each in previews]
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror}") from None


def _write(preview: MailPreview, folder: Path) -> WrittenMail:
    mail = preview.mail
    html, text = (folder / f"{preview.type}.{end}" for end in ("html", "txt"))
    html.write_text(mail.html, "utf-8")
    text.write_text(mail.text, "utf-8")
    return WrittenMail(
        type=preview.type,
        person=preview.person,
        subject=mail.subject,
        preheader=mail.preheader,
        html=str(html),
        text=str(text),
    )
