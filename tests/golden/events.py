"""One event of every golden case, and a few preferences, together in one world."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tests.golden.stage import Stage
from tests.golden.world import M1, O1, P1, R1, T1, T2, T3, U1, U2, U3, U4

_START: Final = "2026-03-02T20:00:00+00:00"
_A_DAY: Final = timedelta(hours=25)


def emit_golden_events(stage: Stage) -> None:
    """Set the preferences and insert the events; their ids count up from 1."""
    _prefer(stage)
    _talk(stage)
    _share_documents(stage)
    _meet(stage)
    _nudge(stage)
    _change_access(stage)
    _go_wrong(stage)


def _prefer(stage: Stage) -> None:
    stage.prefer(U1, "muted", name="resume_incomplete_nudge", channel="*")
    stage.prefer(U2, "digest", channel="email")
    stage.prefer(U3, "muted", name="chat_message", thread=T1)
    stage.prefer(U4, "muted", name="document_uploaded", channel="email", project=P1)


def _talk(stage: Stage) -> None:
    said: list[tuple[UUID, UUID | None, dict[str, Any]]] = [
        (U1, T1, {"full_content": "hi", "mentioned_user_ids": []}),
        (U1, T1, {"full_content": f"hi @[Bob](user:{U2})", "mentioned_user_ids": [str(U2)]}),
        (U3, T1, {"full_content": "x"}),
        (U1, T2, {}),
        (U1, T3, {}),
        (U2, T1, {"full_content": None, "mentioned_user_ids": None}),
        (U1, T1, {"full_content": "once more"}),
        (U1, None, {}),
    ]
    for actor, thread, payload in said:
        stage.emit("chat_message_sent", payload, actor_id=actor, project_id=P1, thread_id=thread)
    unread = {"user_id": str(U2), "thread_topic": "General", "unread_count": 3}
    stage.emit("thread_unread_stale", unread, project_id=P1, thread_id=T1)
    stage.emit("thread_unread_stale", {"user_id": str(U2)}, thread_id=T1)
    stage.emit("thread_unread_stale", {}, project_id=P1, thread_id=T1)
    added = {"added_user_id": str(U2), "thread_topic": "General"}
    stage.emit("chat_thread_participant_added", added, actor_id=U1, project_id=P1, thread_id=T1)
    stage.emit("chat_thread_participant_added", added, project_id=P1, thread_id=T3)


def _share_documents(stage: Stage) -> None:
    for payload in ({"fileName": "a.pdf"}, {"fileName": None}):
        stage.emit("document_uploaded", payload, actor_id=U1, project_id=P1, resource_id=R1)
    stage.emit("document_uploaded", {}, actor_id=U1, project_id=P1)
    stage.emit("document_uploaded", {}, project_id=P1, age=_A_DAY)
    access = {"affected_user_id": str(U4), "resource_name": "a.pdf", "new_permission": "edit"}
    changes: list[tuple[str, dict[str, Any]]] = [
        ("document_permission_granted", {}),
        ("document_permission_changed", {"old_permission": "view"}),
        ("document_permission_changed", {"old_permission": None}),
        ("document_permission_changed", {"old_permission": "edit", "new_permission": "view"}),
    ]
    for event_type, permissions in changes:
        payload = access | permissions
        stage.emit(event_type, payload, actor_id=U1, project_id=P1, resource_id=R1)
    stage.emit("document_permission_granted", access, project_id=P1)


def _meet(stage: Stage) -> None:
    meeting = {"meeting_title": "Kick", "start_time": _START}
    invited = {"invited_user_id": str(U2)}
    both = {"timeChanged": True, "participantsChanged": True}
    for event_type, payload, actor, project in (
        ("meeting_invited", meeting | invited, U1, P1),
        ("meeting_invited", invited, U1, None),
        ("meeting_updated", meeting | {"changes": both}, U1, P1),
        ("meeting_updated", meeting | {"changes": {"participantsChanged": True}}, U1, P1),
        ("meeting_updated", meeting, None, P1),
        ("meeting_reminder", meeting | {"user_id": str(U2), "meeting_link": "http://m"}, U2, P1),
        ("meeting_reminder", {"user_id": str(U2), "start_time": "nope"}, U2, None),
    ):
        stage.emit(event_type, payload, actor_id=actor, project_id=project, meeting_id=M1)


def _nudge(stage: Stage) -> None:
    nudge = {"user_id": str(U2), "resume_type": "project", "completion_percent": 0}
    for changed in (
        {"nudge_tier": 1},
        {"nudge_tier": 1},
        {"nudge_tier": 2},
        {"nudge_tier": 1, "resume_type": "borrower"},
        {"nudge_tier": 1, "resume_type": "borrower", "completion_percent": 45.0},
        {"nudge_tier": 1, "resume_type": "borrower", "completion_percent": 45.0},
        {"nudge_tier": 0},
        {"nudge_tier": 1, "completion_percent": None},
        {"nudge_tier": 1, "user_id": str(U4)},
        {"nudge_tier": 1, "user_id": str(U1)},
    ):
        stage.emit("resume_incomplete_nudge", nudge | changed, project_id=P1)


def _change_access(stage: Stage) -> None:
    invitation = {"org_id": str(O1), "new_member_id": str(U3)}
    for names in ({"org_name": "Acme", "new_member_name": "Cy"}, {"org_name": None}):
        stage.emit("invite_accepted", invitation | names, actor_id=U3)
    access = {"affected_user_id": str(U4), "project_name": "Tower", "new_permission": "edit"}
    for event_type, payload in (
        ("project_access_granted", access),
        ("project_access_changed", access | {"old_permission": "view"}),
        ("project_access_changed", access | {"old_permission": "none"}),
        ("project_access_revoked", access),
    ):
        stage.emit(event_type, payload, actor_id=U1, project_id=P1)


def _go_wrong(stage: Stage) -> None:
    stage.emit("report_ready", {"report": "sensitivity"}, actor_id=U1, project_id=P1)
    stage.emit("document_uploaded", {"fileName": ["a.pdf"]}, actor_id=U1, project_id=P1)
    stage.emit("resume_incomplete_nudge", {"completion_percent": "half"}, project_id=P1)
