"""The sample events, with the payloads that the application's producers write."""

from datetime import datetime

from pipeline.ops.sample import ids
from pipeline.ops.sample.chat import added, left_unread, said
from pipeline.ops.sample.documents import opened, upgraded, uploaded
from pipeline.ops.sample.event import SampleEvent
from pipeline.ops.sample.meetings import invited, moved, reminded
from pipeline.ops.sample.projects import changed, granted, joined, left_incomplete, revoked


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
    """Return the events in their order. ``now`` is the base of the times in their payloads."""
    return [
        joined("leo", invited_by="maya"),
        granted("maya", "priya", "harbor", "view"),
        granted("tomas", "amara", "mill", "view"),
        changed("maya", "priya", "harbor", "view", "edit"),
        uploaded("maya", "harbor-phase-one", size=4_812_330),
        said("maya", "harbor-general", "The Phase I report is in the Environmental folder."),
        said("jonas", "harbor-general", "No findings on page 12, which is what they look for."),
        opened("maya", "analyst", "harbor-rent-roll", "view"),
        upgraded("tomas", "analyst", "harbor-phase-one"),
        said(
            "jonas",
            "harbor-general",
            "{maya} could you check units 14 to 18 in the rent roll?",
            mentions=("maya",),
        ),
        added("maya", "ruth", "harbor-lender"),
        said("ruth", "harbor-lender", "Which of the permits are still open?"),
        invited("jonas", "site-visit"),
        moved("maya", "site-visit"),
        of_a_type_unknown_to_us(),
        uploaded("jonas", "mill-appraisal", size=2_310_557),
        malformed(),
        said("elias", "cedar-untitled", "Is the site visit still on for Tuesday?"),
        reminded("jonas", "site-visit"),
        left_unread("tomas", "harbor-general", "maya", count=3, now=now),
        left_unread("elias", "cedar-untitled", "grace", count=1, now=now),
        # Two runs of the job overlapped: the owner is told once.
        left_incomplete("tomas", "harbor"),
        left_incomplete("tomas", "harbor"),
        revoked("grace", "priya", "cedar"),
    ]
