"""invite_accepted: someone has joined an organisation."""

from pipeline.domain.identifiers import EventType
from pipeline.mail.event_words import EventWords, MailData, OptionalWord, Word
from pipeline.mail.sentence import Sentence


class InviteAcceptedData(MailData):
    """What is read of ``body_data``."""

    new_member_name: OptionalWord = None
    new_member_email: OptionalWord = None
    org_name: Word = "your organization"


class InviteAcceptedWords(EventWords[InviteAcceptedData]):
    """Who has joined which organisation."""

    event_type = EventType("invite_accepted")
    data = InviteAcceptedData
    thing = "team member"
    place = "Your organization"

    def heading(self, data: InviteAcceptedData) -> str:
        """The same for everyone."""
        return "New Team Member"

    def sentence(self, data: InviteAcceptedData) -> Sentence:
        """The member by name, or else by address."""
        member = data.new_member_name or data.new_member_email or "A new member"
        return Sentence(
            "{member} accepted the invite and joined {organisation}.",
            {"member": member, "organisation": data.org_name},
        )

    def button(self, data: InviteAcceptedData) -> str:
        """The link leads to the team."""
        return "View your team"
