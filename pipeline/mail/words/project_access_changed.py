"""project_access_changed: someone may now do more in a project."""

from pipeline.domain.identifiers import EventType
from pipeline.mail.event_words import EventWords, MailData, Word
from pipeline.mail.sentence import Sentence


class ProjectAccessChangedData(MailData):
    """What is read of ``body_data``."""

    old_permission: Word = "view"
    new_permission: Word = "edit"


class ProjectAccessChangedWords(EventWords[ProjectAccessChangedData]):
    """From what to what, and where."""

    event_type = EventType("project_access_changed")
    data = ProjectAccessChangedData
    thing = "access change"

    def heading(self, data: ProjectAccessChangedData) -> str:
        """The same for every project."""
        return "Project Access Updated"

    def sentence(self, data: ProjectAccessChangedData) -> Sentence:
        """Only upgrades are mailed."""
        return Sentence(
            "Your access to {project} was upgraded from {old} to {new}.",
            {
                "project": data.project_name or "a project",
                "old": data.old_permission,
                "new": data.new_permission,
            },
        )

    def button(self, data: ProjectAccessChangedData) -> str:
        """The link leads to the project."""
        return "Open the project"
