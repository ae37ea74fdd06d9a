"""The loopback bus and FCM as parts of the stack."""

from contextlib import ExitStack
from pathlib import Path

from local.bus import BusServer
from local.errors import StartFailed
from local.fcm import FcmServer
from local.shelf import DatabaseShelf


class LocalPush:
    """A bus with a page and an FCM, on loopback and in this process: no phone rings.

    Args:
        folder: where each message to a phone gets a file, and the key of the service account.
        bus_port: of the bus; 0 takes a free one.
        page_port: of its page and its clients.
        fcm_port: of FCM.

    Attributes:
        bus: who is connected, and what it was told.
        fcm: what it has taken.
    """

    def __init__(
        self, folder: Path, *, bus_port: int = 0, page_port: int = 0, fcm_port: int = 0
    ) -> None:
        self._folder = folder
        self._ports = bus_port, page_port, fcm_port
        self._shelf = DatabaseShelf()
        self.bus = BusServer(shelf=self._shelf)
        self.fcm = FcmServer(folder=folder)
        self._serving = ExitStack()

    def start(self, dsn: str) -> None:
        """Return once both listen.

        Args:
            dsn: of the database whose notifications the page shows.

        Raises:
            StartFailed: a port is taken.
        """
        self._shelf.dsn = dsn
        bus_port, page_port, fcm_port = self._ports
        try:
            self._serving.enter_context(self.bus.serving(bus_port, page_port))
            self._serving.enter_context(self.fcm.serving(fcm_port))
        except OSError as error:
            raise StartFailed("Bus and FCM", str(error)) from error

    def stop(self) -> None:
        """Stop listening; harmless if it is not started."""
        self._serving.close()

    def variables(self) -> dict[str, str]:
        """Return the variables with which ``run --graph push`` uses both."""
        return {
            "WEBSOCKET_BUS_URL": self.bus.base_url,
            "SERVICE_TOKEN": self.bus.token,
            "BUS_PAGE": self.bus.page_url,
            "FCM_PROJECT_ID": self.fcm.project,
            "FCM_BASE_URL": self.fcm.base_url,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.fcm.write_key(self._folder)),
        }
