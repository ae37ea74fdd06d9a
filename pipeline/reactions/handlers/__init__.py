"""The list of all handlers: every event type of this family that we process."""

from typing import Final

from pipeline.reactions.handlers.intent_classified import IntentClassifiedHandler
from pipeline.reactions.handlers.intro_completed import IntroCompletedHandler
from pipeline.reactions.handlers.intro_inquiry import IntroInquiryHandler
from pipeline.reactions.handlers.message_received import MessageReceivedHandler
from pipeline.reactions.handlers.processing_completed import ProcessingCompletedHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.handlers.request_needed import RequestNeededHandler
from pipeline.reactions.handlers.research_complete import ResearchCompleteHandler
from pipeline.reactions.handlers.response_received import ResponseReceivedHandler
from pipeline.reactions.handlers.response_recorded import ResponseRecordedHandler
from pipeline.reactions.handlers.solution_needed import SolutionNeededHandler
from pipeline.reactions.handlers.user_verified import UserVerifiedHandler

REACTION_HANDLERS: Final = reaction_handlers(
    (
        IntentClassifiedHandler(),
        IntroCompletedHandler(),
        IntroInquiryHandler(),
        MessageReceivedHandler(),
        ProcessingCompletedHandler(),
        RequestNeededHandler(),
        ResearchCompleteHandler(),
        ResponseReceivedHandler(),
        ResponseRecordedHandler(),
        SolutionNeededHandler(),
        UserVerifiedHandler(),
    )
)
