"""community.request_routed: a community request was brought to those who may know."""

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import Line, OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import RequestId
from pipeline.reactions.outcome import Done, done


class RequestRouted(CamelPayload):
    """Payload of ``community.request_routed``. No key is needed: nothing here reads them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requestId": "f0000000-0000-4000-8000-000000000001",
                    "category": "lending",
                    "expertiseNeeded": ["hotels"],
                    "expertUserIds": ["a0000000-0000-4000-8000-000000000002"],
                }
            ]
        }
    )

    request_id: RequestId | None = None
    category: OptionalLine = None
    expertise_needed: tuple[Line, ...] = ()
    expert_user_ids: tuple[UserId, ...] = ()


class RequestRoutedHandler(ReactionHandler[RequestRouted]):
    """Nothing follows here. It is for programs that read the events; a route can send it on."""

    event_type = EventType("community.request_routed")
    payload = RequestRouted

    def react(self, event: ReactionEvent[RequestRouted], answers: Answers) -> Done:
        """No effect."""
        return done()
