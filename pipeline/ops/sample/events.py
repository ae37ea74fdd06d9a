"""What happens in the sample: events with the payloads that the application's producers write."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pipeline.ops.sample import ids
from pipeline.ops.sample.people import DOCUMENTS, ORGANISATIONS, PEOPLE, PROJECTS, THREADS

CHAT_MESSAGE_SENT: Final = "chat_message_sent"

# The age at which the application calls a thread stale, and a little more.
_STALE_AFTER: Final = timedelta(minutes=190)
_MIME_TYPES: Final = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEvent:
    """A row of ``domain_events`` to be: its keys, and what its producer puts into the payload."""

    event_type: str
    project_id: UUID
    payload: dict[str, Any] = field(default_factory=dict)
    actor_id: UUID | None = None
    resource_id: UUID | None = None
    thread_id: UUID | None = None


def uploaded(actor: str, document: str, *, size: int) -> SampleEvent:
    """Someone added a document."""
    item = DOCUMENTS[document]
    return SampleEvent(
        event_type="document_uploaded",
        actor_id=ids.person(actor),
        project_id=ids.project(item.project),
        resource_id=ids.resource(document),
        payload={
            "fileName": item.name,
            "size": size,
            "mimeType": _MIME_TYPES[item.name.rpartition(".")[2]],
            "rootResourceType": "PROJECT_DOCS_ROOT",
            "source": "web",
        },
    )


def said(actor: str, thread: str, text: str, *, mentions: tuple[str, ...] = ()) -> SampleEvent:
    """Someone wrote in a thread; ``{name}`` in the text becomes the mark of a mention.

    The message's own id is missing from the payload: only the insert of the message gives it.
    """
    marks = {
        who: f"@[{PEOPLE[who].full_name or 'teammate'}](user:{ids.person(who)})" for who in mentions
    }
    return SampleEvent(
        event_type=CHAT_MESSAGE_SENT,
        actor_id=ids.person(actor),
        project_id=ids.project(THREADS[thread].project),
        thread_id=ids.thread(thread),
        payload={
            "full_content": text.format_map(marks),
            "mentioned_user_ids": [str(ids.person(who)) for who in mentions],
        },
    )


def left_unread(reader: str, thread: str, sender: str, *, count: int, now: datetime) -> SampleEvent:
    """The application noticed that someone has not read a thread for hours."""
    item = THREADS[thread]
    return SampleEvent(
        event_type="thread_unread_stale",
        project_id=ids.project(item.project),
        thread_id=ids.thread(thread),
        payload={
            "user_id": str(ids.person(reader)),
            "thread_topic": item.topic,
            "latest_message_at": (now - _STALE_AFTER).isoformat(),
            "latest_sender_id": str(ids.person(sender)),
            "anchor_last_read_at": "1970-01-01T00:00:00+00:00",
            "unread_count": count,
        },
    )


def granted(actor: str, person: str, project: str, permission: str) -> SampleEvent:
    """Someone was given access to a project."""
    item = PROJECTS[project]
    return SampleEvent(
        event_type="project_access_granted",
        actor_id=ids.person(actor),
        project_id=ids.project(project),
        payload={
            "affected_user_id": str(ids.person(person)),
            "project_id": str(ids.project(project)),
            "project_name": item.name,
            "new_permission": permission,
            "changed_by_id": str(ids.person(actor)),
            "org_id": str(ids.organisation(item.organisation)),
            "org_name": ORGANISATIONS[item.organisation].name,
        },
    )


def of_a_type_unknown_to_us() -> SampleEvent:
    """A producer was deployed before its handler."""
    return SampleEvent(
        event_type="underwriting_report_ready",
        actor_id=ids.person("jonas"),
        project_id=ids.project("harbor"),
        payload={"report_name": "Sensitivity analysis", "requested_by": str(ids.person("maya"))},
    )


def malformed() -> SampleEvent:
    """A producer sent an object where the file's name belongs."""
    event = uploaded("grace", "cedar-site-plan", size=734_003)
    event.payload["fileName"] = {"base": "Site plan", "extension": "pdf"}
    return event


def sample_events(now: datetime) -> list[SampleEvent]:
    """The events in the order in which they happen; ``now`` dates what payloads look back on."""
    return [
        granted("maya", "priya", "harbor", "view"),
        granted("maya", "jonas", "harbor", "edit"),
        granted("tomas", "amara", "mill", "view"),
        granted("grace", "priya", "cedar", "view"),
        uploaded("maya", "harbor-phase-one", size=4_812_330),
        said("maya", "harbor-general", "The Phase I report is in the Environmental folder."),
        said("tomas", "harbor-general", "Thank you, reading it tonight."),
        said("jonas", "harbor-general", "No findings on page 12, which is what they look for."),
        uploaded("jonas", "harbor-rent-roll", size=88_412),
        said(
            "jonas",
            "harbor-general",
            "{maya} could you check units 14 to 18 in the rent roll?",
            mentions=("maya",),
        ),
        uploaded("tomas", "harbor-budget", size=152_090),
        said("ruth", "harbor-lender", "Which of the permits are still open?"),
        said(
            "maya",
            "harbor-lender",
            "Only the one for the curb cut. {jonas}, {ruth}: expected on Friday.",
            mentions=("jonas", "ruth"),
        ),
        of_a_type_unknown_to_us(),
        uploaded("jonas", "mill-appraisal", size=2_310_557),
        said("jonas", "mill-closing", "The appraisal came in above the estimate."),
        said("tomas", "mill-closing", "Then the title work is the last open item."),
        uploaded("elias", "cedar-site-plan", size=734_003),
        malformed(),
        said("elias", "cedar-untitled", "Is the site visit still on for Tuesday?"),
        said("grace", "cedar-untitled", "Yes, nine o'clock at the north gate."),
        left_unread("tomas", "harbor-general", "maya", count=3, now=now),
        left_unread("amara", "harbor-general", "maya", count=7, now=now),
        left_unread("elias", "cedar-untitled", "grace", count=1, now=now),
    ]
