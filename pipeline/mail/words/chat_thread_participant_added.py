"""chat_thread_participant_added: someone was added to a chat thread."""

from pipeline.domain.identifiers import EventType
from pipeline.mail.event_words import EventWords, MailData, Word
from pipeline.mail.sentence import Sentence


class ChatThreadParticipantAddedData(MailData):
    """What is read of ``body_data``."""

    actor_name: Word = "Someone"
    thread_label: Word = "a thread"


class ChatThreadParticipantAddedWords(EventWords[ChatThreadParticipantAddedData]):
    """Who added them, to which thread, in which project."""

    event_type = EventType("chat_thread_participant_added")
    data = ChatThreadParticipantAddedData
    thing = "thread"

    def heading(self, data: ChatThreadParticipantAddedData) -> str:
        """The same for every thread."""
        return "Added to Chat Thread"

    def sentence(self, data: ChatThreadParticipantAddedData) -> Sentence:
        """With the project, if there is one."""
        values = {"actor": data.actor_name, "thread": data.thread_label}
        if data.project_name is None:
            return Sentence("{actor} added you to {thread}.", values)
        values["project"] = data.project_name
        return Sentence("{actor} added you to {thread} in {project}.", values)
