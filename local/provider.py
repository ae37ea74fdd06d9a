"""The loopback Resend as a part of the stack: it takes mails, and keeps each as files."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from local.errors import StartFailed
from local.resend import KeptMail, ResendServer

_KEY: Final = "re_local"


class LocalResend:
    """A Resend on loopback, in this process, that sends nothing to anybody.

    Args:
        folder: where each mail gets a folder of its own.
        port: the port to listen on; 0 takes a free one.

    Attributes:
        server: what it was asked and has accepted, and what goes wrong.
    """

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        self._folder = folder
        self._port = port
        self.server = ResendServer(folder=folder)
        self.server.api_keys.add(_KEY)
        # The sample people have such addresses.
        self.server.reserved_is_refused = False
        self._serving = ExitStack()

    def start(self) -> None:
        """Return once it listens.

        Raises:
            StartFailed: the port is taken.
        """
        try:
            self._serving.enter_context(self.server.serving(self._port))
        except OSError as error:
            raise StartFailed("Resend", str(error)) from error

    def stop(self) -> None:
        """Stop listening; harmless if it is not started."""
        self._serving.close()

    def variables(self) -> dict[str, str]:
        """Return the variables with which ``run --graph mail`` sends through it."""
        return {
            "RESEND_BASE_URL": self.server.base_url,
            "RESEND_API_KEY": _KEY,
            "EMAIL_FROM": "Harborline <notifications@harborline.example>",
            "BRAND_NAME": "Harborline",
            "BRAND_URL": "https://app.harborline.example/dashboard",
        }

    @property
    def accepted(self) -> list[KeptMail]:
        """The mails that it has taken, in order."""
        return list(self.server.accepted)

    def page(self, mail: KeptMail) -> Path:
        """Return the file with the HTML of a mail."""
        return mail.folder_in(self._folder) / "mail.html"
