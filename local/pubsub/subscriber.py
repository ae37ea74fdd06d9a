"""The service ``google.pubsub.v1.Subscriber`` over a broker."""

from collections.abc import Iterator

import grpc
from google.pubsub_v1 import types

from local.pubsub import wire
from local.pubsub.broker import Broker
from local.pubsub.pages import page
from local.pubsub.rpc import Handler, empty, stream, unary
from local.pubsub.streaming_pull import StreamingPull
from local.pubsub.subscription import Subscription

_LONGEST_WAIT_SECONDS = 60.0
_LONGEST_MARGIN_SECONDS = 1.0


class SubscriberService:
    """The methods for subscriptions, pulls and acknowledgements."""

    name = "google.pubsub.v1.Subscriber"

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each method, by its name in the API."""
        return {
            "CreateSubscription": unary(
                self.create_subscription,
                types.Subscription.deserialize,
                types.Subscription.serialize,
            ),
            "GetSubscription": unary(
                self.get_subscription,
                types.GetSubscriptionRequest.deserialize,
                types.Subscription.serialize,
            ),
            "ListSubscriptions": unary(
                self.list_subscriptions,
                types.ListSubscriptionsRequest.deserialize,
                types.ListSubscriptionsResponse.serialize,
            ),
            "DeleteSubscription": unary(
                self.delete_subscription, types.DeleteSubscriptionRequest.deserialize, empty
            ),
            "Pull": unary(self.pull, types.PullRequest.deserialize, types.PullResponse.serialize),
            "StreamingPull": stream(
                self.streaming_pull,
                types.StreamingPullRequest.deserialize,
                types.StreamingPullResponse.serialize,
            ),
            "Acknowledge": unary(self.acknowledge, types.AcknowledgeRequest.deserialize, empty),
            "ModifyAckDeadline": unary(
                self.modify_ack_deadline, types.ModifyAckDeadlineRequest.deserialize, empty
            ),
        }

    def create_subscription(
        self, request: types.Subscription, _context: grpc.ServicerContext
    ) -> types.Subscription:
        """Attach a subscription to a topic."""
        return self._resource(self._broker.create_subscription(wire.subscription_settings(request)))

    def get_subscription(
        self, request: types.GetSubscriptionRequest, _context: grpc.ServicerContext
    ) -> types.Subscription:
        """Show a subscription."""
        return self._resource(self._broker.subscription(request.subscription))

    def list_subscriptions(
        self, request: types.ListSubscriptionsRequest, _context: grpc.ServicerContext
    ) -> types.ListSubscriptionsResponse:
        """List the subscriptions of a project, by name."""
        subscriptions, next_token = page(
            self._broker.subscriptions(request.project),
            lambda subscription: subscription.settings.name,
            size=request.page_size,
            token=request.page_token,
        )
        return types.ListSubscriptionsResponse(
            subscriptions=[self._resource(subscription) for subscription in subscriptions],
            next_page_token=next_token,
        )

    def delete_subscription(
        self, request: types.DeleteSubscriptionRequest, _context: grpc.ServicerContext
    ) -> None:
        """Delete a subscription and its messages."""
        self._broker.delete_subscription(request.subscription)

    def pull(self, request: types.PullRequest, context: grpc.ServicerContext) -> types.PullResponse:
        """Lease the waiting messages; if there are none, wait almost until the call's deadline."""
        subscription = self._broker.subscription(request.subscription)
        context.add_callback(subscription.wake)
        deliveries = subscription.pull(
            request.max_messages,
            wait_seconds=0.0 if request.return_immediately else _wait_seconds(context),
            abandoned=lambda: not context.is_active(),
        )
        response = types.PullResponse()
        wire.add_deliveries(response, deliveries)
        return response

    def streaming_pull(
        self, requests: Iterator[types.StreamingPullRequest], context: grpc.ServicerContext
    ) -> Iterator[types.StreamingPullResponse]:
        """Deliver until the client disconnects."""
        opening = next(requests, None)
        if opening is not None:
            subscription = self._broker.subscription(opening.subscription)
            yield from StreamingPull(subscription, opening, requests, context).responses()

    def acknowledge(
        self, request: types.AcknowledgeRequest, _context: grpc.ServicerContext
    ) -> None:
        """Forget messages."""
        self._broker.subscription(request.subscription).acknowledge(list(request.ack_ids))

    def modify_ack_deadline(
        self, request: types.ModifyAckDeadlineRequest, _context: grpc.ServicerContext
    ) -> None:
        """Extend leases, or end them."""
        self._broker.subscription(request.subscription).modify_ack_deadline(
            list(request.ack_ids), request.ack_deadline_seconds
        )

    def _resource(self, subscription: Subscription) -> types.Subscription:
        return wire.subscription_resource(
            subscription.settings, self._broker.topic_of(subscription)
        )


def _wait_seconds(context: grpc.ServicerContext) -> float:
    # The margin lets an answer reach a busy client in time: an empty answer is then not an error,
    # and a call that has just timed out leases no messages.
    remaining = context.time_remaining()
    margin = min(remaining / 4, _LONGEST_MARGIN_SECONDS)
    return min(remaining - margin, _LONGEST_WAIT_SECONDS)
