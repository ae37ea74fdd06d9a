"""resume_incomplete_nudge: a resume of a project has been left incomplete for days."""

from typing import Annotated

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import LENIENT, Count
from pipeline.mail.event_words import EventWords, MailData, Word
from pipeline.mail.sentence import Sentence


class ResumeIncompleteNudgeData(MailData):
    """What is read of ``body_data``."""

    resume_type_label: Word = "Project"
    completion_percent: Annotated[Count | None, LENIENT] = None


class ResumeIncompleteNudgeWords(EventWords[ResumeIncompleteNudgeData]):
    """Which resume, and how much of it is done."""

    event_type = EventType("resume_incomplete_nudge")
    data = ResumeIncompleteNudgeData
    thing = "reminder"
    is_nudge = True
    subscription = "reminders of resumes that are not complete"

    def heading(self, data: ResumeIncompleteNudgeData) -> str:
        """Which of the two resumes."""
        return f"Complete your {data.resume_type_label} Resume"

    def sentence(self, data: ResumeIncompleteNudgeData) -> Sentence:
        """Without the figure, if there is none."""
        values = {
            "label": data.resume_type_label,
            "project": data.project_name or "your project",
        }
        if data.completion_percent is None:
            return Sentence(
                "Your {label} resume for {project} is incomplete. Finish it to generate your OM.",
                values,
            )
        values["percent"] = f"{data.completion_percent}%"
        return Sentence(
            "Your {label} resume for {project} is {percent} complete."
            " Finish it to generate your OM.",
            values,
        )

    def button(self, data: ResumeIncompleteNudgeData) -> str:
        """The link leads to the project."""
        return "Finish the resume"
