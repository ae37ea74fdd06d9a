"""The mails that the loopback Resend has accepted: in memory, and as a folder for each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

# By which the tests and the oracle know a mail again: every sender of ours sets it.
REFERENCE: Final = "X-Entity-Ref-ID"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMail:
    """A mail that was accepted.

    Attributes:
        id: that was given to it.
        key: the key of its request; None: it had none.
        place: in its request, from 0 on.
        at: when it was accepted.
        content: as it was sent.
    """

    id: str
    key: str | None
    place: int
    at: datetime
    content: Mapping[str, Any]

    @property
    def headers(self) -> Mapping[str, str]:
        """The further headers."""
        found: Mapping[str, str] = self.content.get("headers", {})
        return found

    @property
    def reference(self) -> str:
        """The sender's name for it; empty: it has none."""
        return self.headers.get(REFERENCE, "")

    @property
    def to(self) -> list[str]:
        """Its recipients, as they were written."""
        given = self.content["to"]
        return [given] if isinstance(given, str) else list(given)

    def folder_in(self, folder: Path) -> Path:
        """Return its own folder in the folder of all mails."""
        return folder / f"{self.at:%Y%m%dT%H%M%S}-{self.id}"

    def write(self, folder: Path) -> Path:
        """Write it into a folder of its own; return that one.

        ``mail.html`` opens in a browser, ``mail.txt`` is the text, ``headers.txt`` what a person
        sees above it, and ``mail.json`` all of it.
        """
        own = self.folder_in(folder)
        own.mkdir(parents=True)
        (own / "mail.html").write_text(self.content.get("html") or "", "utf-8")
        (own / "mail.txt").write_text(self.content.get("text") or "", "utf-8")
        lines = {
            "From": self.content["from"],
            "To": ", ".join(self.to),
            "Subject": self.content["subject"],
            **self.headers,
        }
        head = "".join(f"{name}: {value}\n" for name, value in lines.items())
        (own / "headers.txt").write_text(head, "utf-8")
        whole = json.dumps(self.content, ensure_ascii=False, indent=2)
        (own / "mail.json").write_text(f"{whole}\n", "utf-8")
        return own
