"""community.no_experts_found: a community request has nobody who may know."""

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType
from pipeline.domain.payload import Line, OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import RequestId
from pipeline.reactions.outcome import Done, done


class NoExpertsFound(CamelPayload):
    """Payload of ``community.no_experts_found``. No key is needed: nothing here reads them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requestId": "f0000000-0000-4000-8000-000000000001",
                    "category": "lending",
                    "expertiseNeeded": ["hotels"],
                }
            ]
        }
    )

    request_id: RequestId | None = None
    category: OptionalLine = None
    expertise_needed: tuple[Line, ...] = ()


class NoExpertsFoundHandler(ReactionHandler[NoExpertsFound]):
    """Nothing follows here. It is for programs that read the events; a route can send it on."""

    event_type = EventType("community.no_experts_found")
    payload = NoExpertsFound

    def react(self, event: ReactionEvent[NoExpertsFound], answers: Answers) -> Done:
        """No effect."""
        return done()
