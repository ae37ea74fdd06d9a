"""The list of all handlers: every event type that we process."""

from typing import Final

from pipeline.fanout.handlers.chat_message_sent import ChatMessageSentHandler
from pipeline.fanout.handlers.chat_thread_participant_added import ChatThreadParticipantAddedHandler
from pipeline.fanout.handlers.document_permission_changed import DocumentPermissionChangedHandler
from pipeline.fanout.handlers.document_permission_granted import DocumentPermissionGrantedHandler
from pipeline.fanout.handlers.document_uploaded import DocumentUploadedHandler
from pipeline.fanout.handlers.invite_accepted import InviteAcceptedHandler
from pipeline.fanout.handlers.meeting_invited import MeetingInvitedHandler
from pipeline.fanout.handlers.meeting_reminder import MeetingReminderHandler
from pipeline.fanout.handlers.meeting_updated import MeetingUpdatedHandler
from pipeline.fanout.handlers.project_access_changed import ProjectAccessChangedHandler
from pipeline.fanout.handlers.project_access_granted import ProjectAccessGrantedHandler
from pipeline.fanout.handlers.project_access_revoked import ProjectAccessRevokedHandler
from pipeline.fanout.handlers.registry import register
from pipeline.fanout.handlers.resume_incomplete_nudge import ResumeIncompleteNudgeHandler
from pipeline.fanout.handlers.thread_unread_stale import ThreadUnreadStaleHandler

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
