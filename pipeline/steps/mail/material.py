"""What mails are made of: claimed deliveries in, the rows behind them out, or why not.

A table that mails come from joins by one entry in ``READERS``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import Priority
from pipeline.domain.identifiers import EventType, ProjectId
from pipeline.domain.lease import Lease
from pipeline.mail.material import Digest, Immediate, Material, Transactional, Update
from pipeline.steps.mail.digest_pushes import read_digest_pushes, read_recipients
from pipeline.steps.mail.digests import SOURCE as DIGESTS
from pipeline.steps.mail.digests import (
    DigestEntry,
    leave_out,
    pauses,
    read_digest_rows,
    what_is_told,
)

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


@dataclass(frozen=True, slots=True)
class Later:
    """A mail may not go now: it is given back, and costs no attempt."""

    pause: timedelta


# For each delivery, by the id of its source: the material, when it may go, or a word that says why
# it is not sent.
Found = Mapping[str, "MailMaterial | Later | str"]
Reader = Callable[[Connection[Any], Sequence[Lease]], Found]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Email:
    """A row of ``pending_emails``: to whom it goes, and why it is not sent any more."""

    update: Update
    address: str = field(repr=False)
    name: str = field(repr=False)
    reason: str | None


def read_event_mails(connection: Connection[Any], leases: Sequence[Lease]) -> Found:
    """Read the mails of events: rows of ``pending_emails``."""
    ids = {int(each.values["source_id"]): each for each in leases}
    critical = [id_ for id_, lease in ids.items() if lease.values["priority"] == Priority.CRITICAL]
    return {
        str(id_): email.reason
        or MailMaterial(material=Immediate(email.update), address=email.address, name=email.name)
        for id_, email in _check_emails(connection, list(ids), critical).items()
    }


def read_digest_mails(connection: Connection[Any], leases: Sequence[Lease]) -> Found:
    """Read the mails that tell all that waited for a person: e-mails, and pushes after them."""
    by_id = {each.values["id"]: each for each in leases}
    later = pauses(connection, {each.values["user_id"] for each in leases})
    open_now = [id_ for id_, each in by_id.items() if each.values["user_id"] not in later]
    rows = read_digest_rows(connection, open_now)
    emails = _check_emails(
        connection, [row.id for each in rows.values() for row in each if isinstance(row.id, int)]
    )
    pushes = read_digest_pushes(connection, open_now)
    people = read_recipients(connection, {by_id[id_].values["user_id"] for id_ in {*rows, *pushes}})
    found: dict[str, MailMaterial | Later | str] = {
        each.values["source_id"]: Later(later[each.values["user_id"]])
        for each in leases
        if each.values["user_id"] in later
    }
    told = {}
    for id_ in open_now:
        # The application may have deleted some of them this very moment.
        entries = [
            *(
                DigestEntry(row=row, update=emails[row.id].update, reason=emails[row.id].reason)
                for row in rows.get(id_, ())
                if isinstance(row.id, int) and row.id in emails
            ),
            *pushes.get(id_, ()),
        ]
        source_id = by_id[id_].values["source_id"]
        person = people.get(by_id[id_].values["user_id"])
        if not entries:
            continue
        if person is None or person.reason is not None:
            found[source_id] = (person and person.reason) or "no_address"
            continue
        reasons = {each.row.id: each.reason for each in entries if each.reason}
        told[id_] = what_is_told([each.row for each in entries], reasons)
        updates = {each.row.id: each.update for each in entries}
        found[source_id] = (
            MailMaterial(
                material=Digest([updates[each] for each in told[id_].ids]),
                address=person.address,
                name=person.name,
            )
            if told[id_].ids
            else "nothing_left"
        )
    leave_out(connection, [by_id[id_] for id_ in told], told.values())
    return found


def read_transactional_mails(connection: Connection[Any], leases: Sequence[Lease]) -> Found:
    """Read the mails that applications queued: their addresses and payloads."""
    ids = [each.values["id"] for each in leases]
    rows = connection.execute(_TRANSACTIONAL, {"ids": ids})
    return {
        str(id_): MailMaterial(material=Transactional(type=kind, payload=payload), address=address)
        for id_, kind, address, payload in rows
    }


def _check_emails(
    connection: Connection[Any], ids: Sequence[int], critical: Sequence[int] = ()
) -> Mapping[int, _Email]:
    rows = connection.execute(_EVENT_MAILS, {"ids": ids, "critical": list(critical)})
    return {row[0]: _email(*row[1:]) for row in rows}


def _email(address: str | None, name: str | None, *said: Any) -> _Email:  # noqa: ANN401
    event_type, subject, data, project_id, project_name, reason = said
    update = Update(
        event_type=EventType(event_type),
        subject=subject,
        data=data if isinstance(data, dict) else {},
        project_id=None if project_id is None else ProjectId(project_id),
        project_name=project_name,
    )
    return _Email(update=update, address=address or "", name=name or "", reason=reason)


READERS: Final[Mapping[str, Reader]] = {
    "pending_emails": read_event_mails,
    "transactional_mails": read_transactional_mails,
    DIGESTS: read_digest_mails,
}
