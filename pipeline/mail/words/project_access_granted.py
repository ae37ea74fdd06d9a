"""project_access_granted: someone was given access to a project."""

from pipeline.domain.identifiers import EventType
from pipeline.mail.event_words import EventWords, MailData, Word
from pipeline.mail.sentence import Sentence


class ProjectAccessGrantedData(MailData):
    """What is read of ``body_data``."""

    new_permission: Word = "view"


class ProjectAccessGrantedWords(EventWords[ProjectAccessGrantedData]):
    """Which access, and where."""

    event_type = EventType("project_access_granted")
    data = ProjectAccessGrantedData
    thing = "project"

    def heading(self, data: ProjectAccessGrantedData) -> str:
        """The same for every project."""
        return "Project Access Granted"

    def sentence(self, data: ProjectAccessGrantedData) -> Sentence:
        """The access and the project."""
        return Sentence(
            "You now have {permission} access to {project}.",
            {"permission": data.new_permission, "project": data.project_name or "a project"},
        )

    def button(self, data: ProjectAccessGrantedData) -> str:
        """The link leads to the project."""
        return "Open the project"
