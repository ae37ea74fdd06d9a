from typing import Final

import pytest

from pipeline.domain.errors import InvalidEvent
from pipeline.fanout.effects import Channel, Delivery
from pipeline.fanout.handlers.document_uploaded import DocumentUploadedHandler
from pipeline.fanout.reasons import Reason
from pipeline.testing import given, prefers
from tests.fanout.handlers.people import ANN, BOB, CY, PLAN, TOWER, WORKSPACE

UPLOADED: Final = DocumentUploadedHandler()


def test_whoever_can_view_the_document_is_told_in_the_app_and_with_the_digest() -> None:
    told = given(BOB, project=TOWER, resource_id=PLAN).when(UPLOADED, {"fileName": "a.pdf"})
    note, email = told.notification(BOB), told.email(BOB)
    assert note.title == "Document uploaded - Tower"
    assert note.body == 'New file **"a.pdf"** was uploaded to **Tower**.'
    assert note.link == f"{WORKSPACE}?resourceId={PLAN}"
    assert (email.delivery, email.subject) == (
        Delivery.AGGREGATED,
        "New document uploaded to Tower",
    )


def test_the_uploader_is_named_and_not_told() -> None:
    told = given(ANN, BOB, project=TOWER).when(UPLOADED, actor=ANN)
    assert told.skip_reason(ANN) is Reason.ACTOR
    assert told.email(BOB).data["uploader_name"] == "Ann"


def test_whoever_may_not_view_the_document_is_not_told() -> None:
    told = given(BOB, CY, project=TOWER, excluded={CY: Reason.NO_ACCESS}).when(UPLOADED)
    assert told.reached == {BOB.id}
    assert told.skip_reason(CY) is Reason.NO_ACCESS


@pytest.mark.parametrize("sent", [{}, {"fileName": None}, {"fileName": ""}], ids=str)
def test_a_file_without_a_name_is_a_new_file(sent: dict[str, None]) -> None:
    told = given(BOB, project=TOWER).when(UPLOADED, sent)
    assert told.notification(BOB).body.startswith('New file **"A new file"**')


def test_a_muted_project_silences_both_channels() -> None:
    muted = prefers(BOB, "muted", channel="in_app", within=TOWER)
    told = given(BOB, project=TOWER, preferences=[muted]).when(UPLOADED)
    assert told.skip_reason(BOB) is Reason.MUTED_PROJECT


def test_muted_emails_leave_the_notification() -> None:
    muted = prefers(BOB, "muted", event_type="document_uploaded", channel="email")
    told = given(BOB, project=TOWER, preferences=[muted]).when(UPLOADED)
    assert told.effects(BOB) == [told.notification(BOB)]
    assert told.skips(BOB) == {Channel.EMAIL: Reason.MUTED_GLOBALLY}


def test_without_a_project_nobody_is_told() -> None:
    told = given(BOB).when(UPLOADED)
    assert (told.reached, told.outcome.reason) == (set(), "the event names no project")


def test_a_name_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="fileName"):
        given(BOB, project=TOWER).when(UPLOADED, {"fileName": {"base": "a"}})
