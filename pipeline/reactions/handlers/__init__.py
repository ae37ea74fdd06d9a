"""The list of all handlers: every event type of this family that we process."""

from typing import Final

from pipeline.reactions.handlers.connection_accepted import ConnectionAcceptedHandler
from pipeline.reactions.handlers.connection_completed import ConnectionCompletedHandler
from pipeline.reactions.handlers.connection_created import ConnectionCreatedHandler
from pipeline.reactions.handlers.connection_declined import ConnectionDeclinedHandler
from pipeline.reactions.handlers.intent_classified import IntentClassifiedHandler
from pipeline.reactions.handlers.intro_completed import IntroCompletedHandler
from pipeline.reactions.handlers.intro_inquiry import IntroInquiryHandler
from pipeline.reactions.handlers.message_ready import MessageReadyHandler
from pipeline.reactions.handlers.message_received import MessageReceivedHandler
from pipeline.reactions.handlers.no_experts_found import NoExpertsFoundHandler
from pipeline.reactions.handlers.offer_accepted import OfferAcceptedHandler
from pipeline.reactions.handlers.offer_confirmed import OfferConfirmedHandler
from pipeline.reactions.handlers.offer_created import OfferCreatedHandler
from pipeline.reactions.handlers.offer_declined import OfferDeclinedHandler
from pipeline.reactions.handlers.offer_reminder import OfferReminderHandler
from pipeline.reactions.handlers.offer_time_over import OfferTimeOverHandler
from pipeline.reactions.handlers.opportunity_accepted import OpportunityAcceptedHandler
from pipeline.reactions.handlers.opportunity_cancelled import OpportunityCancelledHandler
from pipeline.reactions.handlers.opportunity_completed import OpportunityCompletedHandler
from pipeline.reactions.handlers.opportunity_created import OpportunityCreatedHandler
from pipeline.reactions.handlers.opportunity_declined import OpportunityDeclinedHandler
from pipeline.reactions.handlers.processing_completed import ProcessingCompletedHandler
from pipeline.reactions.handlers.registry import reaction_handlers
from pipeline.reactions.handlers.request_attached import RequestAttachedHandler
from pipeline.reactions.handlers.request_needed import RequestNeededHandler
from pipeline.reactions.handlers.request_routed import RequestRoutedHandler
from pipeline.reactions.handlers.research_complete import ResearchCompleteHandler
from pipeline.reactions.handlers.research_initiated import ResearchInitiatedHandler
from pipeline.reactions.handlers.response_received import ResponseReceivedHandler
from pipeline.reactions.handlers.response_recorded import ResponseRecordedHandler
from pipeline.reactions.handlers.send_requested import SendRequestedHandler
from pipeline.reactions.handlers.solution_needed import SolutionNeededHandler
from pipeline.reactions.handlers.solution_time_over import SolutionTimeOverHandler
from pipeline.reactions.handlers.task_ready import TaskReadyHandler
from pipeline.reactions.handlers.user_verified import UserVerifiedHandler

REACTION_HANDLERS: Final = reaction_handlers(
    (
        ConnectionAcceptedHandler(),
        ConnectionCompletedHandler(),
        ConnectionCreatedHandler(),
        ConnectionDeclinedHandler(),
        IntentClassifiedHandler(),
        IntroCompletedHandler(),
        IntroInquiryHandler(),
        MessageReadyHandler(),
        MessageReceivedHandler(),
        NoExpertsFoundHandler(),
        OfferAcceptedHandler(),
        OfferConfirmedHandler(),
        OfferCreatedHandler(),
        OfferDeclinedHandler(),
        OfferReminderHandler(),
        OfferTimeOverHandler(),
        OpportunityAcceptedHandler(),
        OpportunityCancelledHandler(),
        OpportunityCompletedHandler(),
        OpportunityCreatedHandler(),
        OpportunityDeclinedHandler(),
        ProcessingCompletedHandler(),
        RequestAttachedHandler(),
        RequestNeededHandler(),
        RequestRoutedHandler(),
        ResearchCompleteHandler(),
        ResearchInitiatedHandler(),
        ResponseReceivedHandler(),
        ResponseRecordedHandler(),
        SendRequestedHandler(),
        SolutionNeededHandler(),
        SolutionTimeOverHandler(),
        TaskReadyHandler(),
        UserVerifiedHandler(),
    )
)
