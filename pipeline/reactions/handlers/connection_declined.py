"""connection.request_declined: a person does not want to be introduced."""

from pipeline.domain.identifiers import EventType
from pipeline.reactions import connections
from pipeline.reactions.effects import ItemStatus
from pipeline.reactions.events import ReactionEvent
from pipeline.reactions.facts import Answers
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.outcome import Done, done


class ConnectionDeclined(connections.ConnectionDecided):
    """Payload of ``connection.request_declined``."""


class ConnectionDeclinedHandler(ReactionHandler[ConnectionDeclined]):
    """Take the request out of the inbox of the person."""

    event_type = EventType("connection.request_declined")
    payload = ConnectionDeclined
    in_order = True

    def react(self, event: ReactionEvent[ConnectionDeclined], answers: Answers) -> Done:
        """The item of the person is expired."""
        return done(connections.item_ended(event.payload, ItemStatus.EXPIRED))
