"""The pushes that digests tell: ids of digests in, what each push tells out, or why not."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from pipeline.clients.postgres.sql import load
from pipeline.domain.identifiers import ProjectId
from pipeline.fanout.effects import Channel
from pipeline.mail.clean import line
from pipeline.mail.general_words import MISSED_PUSH
from pipeline.mail.material import Update
from pipeline.steps.mail.digests import DigestEntry, DigestRow
from pipeline.steps.sending.unwanted import PushTold, read_unwanted

_ACTIVITY: Final = "activity.notifications"
_LONGEST_TITLE: Final = 180

_PUSHES: Final = load(__package__, "digest_pushes")
_TITLES: Final = load(__package__, "activity_titles")
_RECIPIENTS: Final = load(__package__, "recipients")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRecipient:
    """To whom a digest goes.

    Attributes:
        address: empty: the person has none.
        name: empty: it is not known.
        reason: why nothing is sent; None: it is.
    """

    address: str = field(repr=False)
    name: str = field(repr=False)
    reason: str | None


def read_digest_pushes(
    connection: Connection[Any], deliveries: Collection[UUID]
) -> Mapping[UUID, Sequence[DigestEntry]]:
    """Return the pushes of each digest, the oldest first. One without any has no entry.

    The number of statements does not depend on that of the digests.
    """
    rows = connection.execute(_PUSHES, {"ids": sorted(deliveries)}).fetchall()
    if not rows:
        return {}
    titles = _read_titles(connection, rows)
    unwanted = _read_unwanted(connection, rows)
    found: dict[UUID, list[DigestEntry]] = defaultdict(list)
    for number, row in enumerate(rows):
        delivery, push, left_out, is_frozen, _, _, _, source, source_id, *told = row
        title, link, project_id, project_name, reason = told
        if source == _ACTIVITY:
            title, link = titles.get(source_id, (None, None))
        if title is None:
            reason = reason or "gone"
        update = Update(
            event_type=MISSED_PUSH,
            subject=line(title or "", _LONGEST_TITLE),
            data={"link_url": link},
            project_id=None if project_id is None else ProjectId(project_id),
            project_name=project_name,
        )
        found[delivery].append(
            DigestEntry(
                row=DigestRow(id=push, left_out=left_out, is_frozen=is_frozen),
                update=update,
                reason=reason or unwanted.get(number),
            )
        )
    return found


def read_recipients(
    connection: Connection[Any], users: Collection[UUID]
) -> Mapping[UUID, DigestRecipient]:
    """Return to whom the digests of people go. Who has no profile has no entry."""
    rows = connection.execute(_RECIPIENTS, {"users": sorted(users)})
    return {
        user: DigestRecipient(
            address=address or "",
            name=name or "",
            reason=None if address and not is_suppressed else _why_not(address),
        )
        for user, address, name, is_suppressed in rows
    }


def _why_not(address: str | None) -> str:
    return "suppressed" if address else "no_address"


def _read_titles(
    connection: Connection[Any], rows: Sequence[Sequence[Any]]
) -> Mapping[str, tuple[str, str | None]]:
    ids = [UUID(row[8]) for row in rows if row[7] == _ACTIVITY]
    if not ids:
        return {}
    titles = connection.execute(_TITLES, {"ids": ids})
    return {str(id_): (title, link) for id_, title, link in titles}


def _read_unwanted(connection: Connection[Any], rows: Sequence[Sequence[Any]]) -> Mapping[int, str]:
    """Return why people do not get pushes by mail, by their places.

    Who mutes e-mails of a type, or digests by the link in one, is not mailed its pushes either.
    """
    told = [
        PushTold(
            number=2 * number + offset, user_id=user, cause=cause, kind=name, is_critical=False
        )
        for number, (_, _, _, _, user, cause, kind, *_) in enumerate(rows)
        for offset, name in enumerate((kind, MISSED_PUSH))
    ]
    unwanted = read_unwanted(connection, told, Channel.EMAIL)
    return {number // 2: reason for number, reason in unwanted.items()}
