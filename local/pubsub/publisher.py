"""The service ``google.pubsub.v1.Publisher`` over a broker."""

import grpc
from google.pubsub_v1 import types

from local.pubsub import wire
from local.pubsub.broker import Broker, Topic
from local.pubsub.pages import page
from local.pubsub.rpc import Handler, empty, unary


class PublisherService:
    """The methods for topics and for publishing."""

    name = "google.pubsub.v1.Publisher"

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each method, by its name in the API."""
        return {
            "CreateTopic": unary(self.create_topic, types.Topic.deserialize, types.Topic.serialize),
            "GetTopic": unary(
                self.get_topic, types.GetTopicRequest.deserialize, types.Topic.serialize
            ),
            "ListTopics": unary(
                self.list_topics,
                types.ListTopicsRequest.deserialize,
                types.ListTopicsResponse.serialize,
            ),
            "ListTopicSubscriptions": unary(
                self.list_topic_subscriptions,
                types.ListTopicSubscriptionsRequest.deserialize,
                types.ListTopicSubscriptionsResponse.serialize,
            ),
            "DeleteTopic": unary(self.delete_topic, types.DeleteTopicRequest.deserialize, empty),
            "Publish": unary(
                self.publish, types.PublishRequest.deserialize, types.PublishResponse.serialize
            ),
        }

    def create_topic(self, request: types.Topic, _context: grpc.ServicerContext) -> types.Topic:
        """Create a topic with its labels."""
        return _resource(self._broker.create_topic(request.name, wire.topic_labels(request)))

    def get_topic(
        self, request: types.GetTopicRequest, _context: grpc.ServicerContext
    ) -> types.Topic:
        """Show a topic."""
        return _resource(self._broker.topic(request.topic))

    def list_topics(
        self, request: types.ListTopicsRequest, _context: grpc.ServicerContext
    ) -> types.ListTopicsResponse:
        """List the topics of a project, by name."""
        topics, next_token = page(
            self._broker.topics(request.project),
            lambda topic: topic.name,
            size=request.page_size,
            token=request.page_token,
        )
        return types.ListTopicsResponse(
            topics=[_resource(topic) for topic in topics], next_page_token=next_token
        )

    def list_topic_subscriptions(
        self, request: types.ListTopicSubscriptionsRequest, _context: grpc.ServicerContext
    ) -> types.ListTopicSubscriptionsResponse:
        """List the names of a topic's subscriptions."""
        names, next_token = page(
            self._broker.topic_subscriptions(request.topic),
            str,
            size=request.page_size,
            token=request.page_token,
        )
        return types.ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=next_token)

    def delete_topic(
        self, request: types.DeleteTopicRequest, _context: grpc.ServicerContext
    ) -> None:
        """Delete a topic; its subscriptions stay."""
        self._broker.delete_topic(request.topic)

    def publish(
        self, request: types.PublishRequest, _context: grpc.ServicerContext
    ) -> types.PublishResponse:
        """Publish messages: all of them, or none."""
        return types.PublishResponse(
            message_ids=self._broker.publish(request.topic, wire.contents(request))
        )


def _resource(topic: Topic) -> types.Topic:
    return types.Topic(name=topic.name, labels=topic.labels)
