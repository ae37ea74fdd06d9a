"""Sends a broadcast: one delivery for each way out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import Connection
from psycopg.errors import InsufficientPrivilege, InvalidSchemaName, UndefinedFunction

from pipeline.clients.postgres.retry import with_connection
from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import Priority
from pipeline.domain.errors import ConfigurationError, UsageError
from pipeline.settings import DatabaseSettings

EVERYONE: Final = "everyone"
# What providers accept as the name of a topic.
_TOPIC: Final = re.compile(r"topic:[A-Za-z0-9_.~%-]{1,200}")
_LONGEST_TITLE: Final = 200
_LONGEST_TEXT: Final = 2_000

_SEND: Final = load(__package__, "send")


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """What is told to many at once.

    Attributes:
        audience: ``everyone``, or ``topic:`` and the name of a topic.
        title: one line.
        body: the text.
        link: where it leads; None: nowhere.
        priority: how urgent it is.

    Raises:
        UsageError: a part is missing, too long, or not what is expected.
    """

    audience: str
    title: str
    body: str
    link: str | None = None
    priority: Priority = Priority.NORMAL

    def __post_init__(self) -> None:
        if self.audience != EVERYONE and _TOPIC.fullmatch(self.audience) is None:
            raise UsageError(
                f"invalid audience {self.audience[:80]!r}: expected everyone, or topic: and a name"
                " of letters, digits, - _ . ~ and %"
            )
        if not self.title.strip() or len(self.title) > _LONGEST_TITLE:
            raise UsageError(f"invalid title: expected 1 to {_LONGEST_TITLE} characters")
        for name, text in (("body", self.body), ("link", self.link or "")):
            if len(text) > _LONGEST_TEXT:
                raise UsageError(f"invalid {name}: expected at most {_LONGEST_TEXT:,} characters")
        if "\0" in f"{self.title}{self.body}{self.link}":
            raise UsageError("invalid text: expected no NUL character")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBroadcast:
    """A broadcast, or what it would be.

    Attributes:
        id: of the broadcast; None in a dry run.
        audience: who is told.
        deliveries: each way out, as channel and recipient.
    """

    id: UUID | None
    audience: str
    deliveries: Sequence[tuple[str, str]]


def send_broadcast(
    settings: DatabaseSettings,
    broadcast: Broadcast,
    *,
    id_: UUID | None = None,
    dry_run: bool = False,
) -> SentBroadcast:
    """Write a broadcast, its deliveries and its audit row. ``run --graph push`` sends them.

    Args:
        settings: the database, with a login in ``fanout_broadcaster``.
        broadcast: what to tell, and to whom.
        id_: of the broadcast: the same one again sends nothing. None: a new one.
        dry_run: only say which deliveries there would be.

    Raises:
        ConfigurationError: the login may not tell everyone, or push is not there or switched off.
        TransientError: the database does not answer.
    """
    id_ = id_ or uuid4()
    parameters = {
        "id": id_,
        "audience": broadcast.audience,
        "title": broadcast.title,
        "body": broadcast.body,
        "link": broadcast.link,
        "priority": int(broadcast.priority),
        "dry_run": dry_run,
    }

    def work(connection: Connection[Any]) -> list[tuple[str, str, bool]]:
        # Without a way out nothing is written: a broadcast that waits for push would come late.
        with connection.transaction():
            try:
                rows = connection.execute(_SEND, parameters).fetchall()
            except (InvalidSchemaName, UndefinedFunction):
                raise ConfigurationError(
                    "the database lacks what broadcasts need: run python -m pipeline migrate"
                    " --family push"
                ) from None
            except InsufficientPrivilege:
                raise ConfigurationError(
                    "this user may not send a broadcast: connect as a member of fanout_broadcaster"
                ) from None
            if not rows:
                raise ConfigurationError(
                    "push is not switched on: start python -m pipeline run --graph push once"
                )
        return rows

    rows = with_connection(settings, work)
    return SentBroadcast(
        id=None if dry_run else id_,
        audience=broadcast.audience,
        deliveries=[(channel, recipient) for channel, recipient, _ in rows],
    )
