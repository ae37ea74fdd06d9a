"""The table of contents: every event type that leads to something."""

from typing import Final

from pipeline.handlers.chat_message_sent import ChatMessageSentHandler
from pipeline.handlers.document_uploaded import DocumentUploadedHandler
from pipeline.handlers.project_access_granted import ProjectAccessGrantedHandler
from pipeline.handlers.registry import register
from pipeline.handlers.thread_unread_stale import ThreadUnreadStaleHandler

HANDLERS: Final = register(
    (
        ChatMessageSentHandler(),
        DocumentUploadedHandler(),
        ProjectAccessGrantedHandler(),
        ThreadUnreadStaleHandler(),
    )
)
