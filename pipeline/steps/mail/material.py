"""What mails are made of: claimed deliveries in, the rows behind them out, or why not.

A table that mails come from joins by one entry in ``READERS``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, ProjectId
from pipeline.domain.lease import Lease
from pipeline.mail.material import Immediate, Material, Transactional, Update

_EVENT_MAILS: Final = load(__package__, "check_event_mails")
_TRANSACTIONAL: Final = load(__package__, "transactional_mails")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailMaterial:
    """What a mail is made of.

    Attributes:
        material: the rows behind it.
        address: of the recipient, as the application has it.
        name: of the recipient; empty if it is not known.
    """

    material: Material
    address: str = field(repr=False)
    name: str = field(default="", repr=False)


# For each delivery, by the id of its source: the material, or a word that says why it is not sent.
Found = Mapping[str, "MailMaterial | str"]
Reader = Callable[[Connection[Any], Sequence[Lease]], Found]


def read_event_mails(connection: Connection[Any], leases: Sequence[Lease]) -> Found:
    """Read the mails of events: rows of ``pending_emails``."""
    ids = {int(each.values["source_id"]): each for each in leases}
    critical = [id_ for id_, lease in ids.items() if lease.values["priority"] == Priority.CRITICAL]
    rows = connection.execute(_EVENT_MAILS, {"ids": list(ids), "critical": critical})
    found: dict[str, MailMaterial | str] = {}
    for id_, address, name, event_type, subject, data, project_id, project_name, reason in rows:
        update = Update(
            event_type=EventType(event_type),
            subject=subject,
            data=data if isinstance(data, dict) else {},
            project_id=None if project_id is None else ProjectId(project_id),
            project_name=project_name,
        )
        found[str(id_)] = reason or MailMaterial(
            material=Immediate(update), address=address, name=name or ""
        )
    return found


def read_transactional_mails(connection: Connection[Any], leases: Sequence[Lease]) -> Found:
    """Read the mails that applications queued: their addresses and payloads."""
    ids = [each.values["id"] for each in leases]
    rows = connection.execute(_TRANSACTIONAL, {"ids": ids})
    return {
        str(id_): reason
        or MailMaterial(material=Transactional(type=kind, payload=payload), address=address)
        for id_, kind, address, payload, reason in rows
    }


READERS: Final[Mapping[str, Reader]] = {
    "pending_emails": read_event_mails,
    "transactional_mails": read_transactional_mails,
}
