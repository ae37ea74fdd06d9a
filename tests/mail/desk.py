"""The brand, the people and the rows of the tests of mails, as in the golden cases."""

from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import EventType, ProjectId
from pipeline.mail.brand import Brand
from pipeline.mail.compose import compose
from pipeline.mail.material import Composed, Digest, Immediate, Recipient, Transactional, Update

SITE: Final = "https://capmatch.com"
BRAND: Final = Brand(
    name="CapMatch",
    base_url=f"{SITE}/dashboard",
    postal_address="1 Main Street, Springfield",
    link_hosts=frozenset({"auth.capmatch.com"}),
)
LEAVE: Final = "https://notify.capmatch.com/unsubscribe/t0ken"
BOB: Final = Recipient("u2@x.test", "Bob Owner")
P1: Final = ProjectId(UUID("b0000000-0000-4000-8000-000000000001"))
W: Final = f"/project/workspace/{P1}"


def update(
    event_type: str, data: dict[str, Any], *, subject: str = "A subject", project: str | None = "P1"
) -> Update:
    """A row; of the project Tower unless ``project`` is None."""
    return Update(
        event_type=EventType(event_type),
        subject=subject,
        data=data,
        project_id=P1 if project else None,
        project_name="Tower" if project else None,
    )


def uploaded(name: str, *, project: str | None = "P1", **data: Any) -> Update:  # noqa: ANN401
    return update(
        "document_uploaded",
        {"file_name": name, "uploader_name": "Ann Actor", "link_url": f"{W}?resourceId=R", **data},
        subject="New document uploaded to Tower",
        project=project,
    )


def unread(thread: str, count: int, **data: Any) -> Update:  # noqa: ANN401
    return update(
        "thread_unread_stale",
        {"thread_id": thread, "thread_topic": f"Topic {thread}", "unread_count": count, **data},
        subject=f"{count} unread messages in #Topic {thread}",
    )


def immediate(row: Update, recipient: Recipient = BOB, *, leave: str | None = LEAVE) -> Composed:
    return compose(Immediate(row), recipient, BRAND, unsubscribe_url=leave)


def digest(*rows: Update, recipient: Recipient = BOB, leave: str | None = LEAVE) -> Composed:
    return compose(Digest(rows), recipient, BRAND, unsubscribe_url=leave)


def transactional(kind: str, payload: dict[str, Any], recipient: Recipient = BOB) -> Composed:
    return compose(Transactional(kind, payload), recipient, BRAND, unsubscribe_url=LEAVE)
