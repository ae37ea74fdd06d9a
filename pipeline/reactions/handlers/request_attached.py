"""community.request_attached: a similar community request is open already."""

from uuid import UUID

from pydantic import ConfigDict

from pipeline.domain.identifiers import EventType, UserId
from pipeline.domain.payload import OptionalLine
from pipeline.reactions.camel import CamelPayload
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.identifiers import RequestId
from pipeline.reactions.outcome import Done, done


class RequestAttached(CamelPayload):
    """Payload of ``community.request_attached``. No key is needed: nothing here reads them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "requestId": "f0000000-0000-4000-8000-000000000001",
                    "requestingUserId": "a0000000-0000-4000-8000-000000000001",
                    "contextId": "c0000000-0000-4000-8000-000000000001",
                    "contextType": "conversation",
                }
            ]
        }
    )

    request_id: RequestId | None = None
    requesting_user_id: UserId | None = None
    context_id: UUID | None = None
    context_type: OptionalLine = None


class RequestAttachedHandler(ReactionHandler[RequestAttached]):
    """Nothing follows here. It is for programs that read the events; a route can send it on."""

    event_type = EventType("community.request_attached")
    payload = RequestAttached

    def react(self, event: ReactionEvent[RequestAttached], answers: Answers) -> Done:
        """No effect."""
        return done()
