"""What waits behind a switch, told by the name of the switch."""

from typing import Final

from pipeline.domain.delivery import MAIL_SWITCH
from pipeline.jobs.table import JOBS

EVENT: Final = "event"


def is_reaction(name: str) -> bool:
    """Return whether it is a type of the family reactions: these have dots, and no others have."""
    return "." in name and ":" not in name


def waiting_thing(name: str) -> str:
    """Return ``mail``, ``run`` (of a job) or ``EVENT``. Any other name is one of an event type."""
    if name.startswith(MAIL_SWITCH):
        return "mail"
    return "run" if name in JOBS else EVENT
