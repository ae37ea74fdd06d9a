"""The list of all words: every event type of which mails say something of its own."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.domain.register import register
from pipeline.mail.event_words import AnyWords
from pipeline.mail.words.chat_thread_participant_added import ChatThreadParticipantAddedWords
from pipeline.mail.words.document_uploaded import DocumentUploadedWords
from pipeline.mail.words.invite_accepted import InviteAcceptedWords
from pipeline.mail.words.project_access_changed import ProjectAccessChangedWords
from pipeline.mail.words.project_access_granted import ProjectAccessGrantedWords
from pipeline.mail.words.resume_incomplete_nudge import ResumeIncompleteNudgeWords
from pipeline.mail.words.thread_unread_stale import ThreadUnreadStaleWords

WORDS: Final[Mapping[EventType, AnyWords]] = register(
    (
        ChatThreadParticipantAddedWords(),
        DocumentUploadedWords(),
        InviteAcceptedWords(),
        ProjectAccessChangedWords(),
        ProjectAccessGrantedWords(),
        ResumeIncompleteNudgeWords(),
        ThreadUnreadStaleWords(),
    ),
    attrgetter("event_type"),
)
