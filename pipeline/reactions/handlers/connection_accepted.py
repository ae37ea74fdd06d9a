"""connection.request_accepted: a person agreed to be introduced."""

from pipeline.domain.identifiers import EventType
from pipeline.reactions import connections
from pipeline.reactions.effects import ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class ConnectionAccepted(connections.ConnectionDecided):
    """Payload of ``connection.request_accepted``."""


class ConnectionAcceptedHandler(ReactionHandler[ConnectionAccepted]):
    """The person has acted: the request needs nothing more of them."""

    event_type = EventType("connection.request_accepted")
    payload = ConnectionAccepted
    in_order = True

    def react(self, event: ReactionEvent[ConnectionAccepted], answers: Answers) -> Done:
        """The item of the person is actioned."""
        return done(connections.item_ended(event.payload, ItemStatus.ACTIONED))
