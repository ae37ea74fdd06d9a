"""What waits behind a switch, told by the name of the switch."""

from typing import Final

from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.jobs.table import JOBS

EVENT: Final = "event"


def waiting_thing(name: str) -> str:
    """Return ``mail``, ``run`` (of a job) or ``EVENT``. Any other name is one of an event type."""
    if name.startswith(MAIL_SWITCH):
        return "mail"
    return "run" if name in JOBS else EVENT
