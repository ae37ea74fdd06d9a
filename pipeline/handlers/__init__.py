"""The table of contents: every event type that leads to something."""

from typing import Final

from pipeline.handlers.chat_message_sent import ChatMessageSentHandler
from pipeline.handlers.chat_thread_participant_added import ChatThreadParticipantAddedHandler
from pipeline.handlers.document_permission_changed import DocumentPermissionChangedHandler
from pipeline.handlers.document_permission_granted import DocumentPermissionGrantedHandler
from pipeline.handlers.document_uploaded import DocumentUploadedHandler
from pipeline.handlers.invite_accepted import InviteAcceptedHandler
from pipeline.handlers.meeting_invited import MeetingInvitedHandler
from pipeline.handlers.meeting_reminder import MeetingReminderHandler
from pipeline.handlers.meeting_updated import MeetingUpdatedHandler
from pipeline.handlers.project_access_changed import ProjectAccessChangedHandler
from pipeline.handlers.project_access_granted import ProjectAccessGrantedHandler
from pipeline.handlers.project_access_revoked import ProjectAccessRevokedHandler
from pipeline.handlers.registry import register
from pipeline.handlers.resume_incomplete_nudge import ResumeIncompleteNudgeHandler
from pipeline.handlers.thread_unread_stale import ThreadUnreadStaleHandler

HANDLERS: Final = register(
    (
        ChatMessageSentHandler(),
        ChatThreadParticipantAddedHandler(),
        DocumentPermissionChangedHandler(),
        DocumentPermissionGrantedHandler(),
        DocumentUploadedHandler(),
        InviteAcceptedHandler(),
        MeetingInvitedHandler(),
        MeetingReminderHandler(),
        MeetingUpdatedHandler(),
        ProjectAccessChangedHandler(),
        ProjectAccessGrantedHandler(),
        ProjectAccessRevokedHandler(),
        ResumeIncompleteNudgeHandler(),
        ThreadUnreadStaleHandler(),
    )
)
