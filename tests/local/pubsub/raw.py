"""The API's methods on a bare gRPC channel: the official clients hide or limit some uses."""

import grpc
from google.pubsub_v1 import types


def create_topic(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[types.Topic, types.Topic]":
    return channel.unary_unary(
        "/google.pubsub.v1.Publisher/CreateTopic",
        request_serializer=types.Topic.serialize,
        response_deserializer=types.Topic.deserialize,
    )


def publish(
    channel: grpc.Channel,
) -> "grpc.UnaryUnaryMultiCallable[types.PublishRequest, types.PublishResponse]":
    return channel.unary_unary(
        "/google.pubsub.v1.Publisher/Publish",
        request_serializer=types.PublishRequest.serialize,
        response_deserializer=types.PublishResponse.deserialize,
    )


def pull(
    channel: grpc.Channel,
) -> "grpc.UnaryUnaryMultiCallable[types.PullRequest, types.PullResponse]":
    return channel.unary_unary(
        "/google.pubsub.v1.Subscriber/Pull",
        request_serializer=types.PullRequest.serialize,
        response_deserializer=types.PullResponse.deserialize,
    )


def streaming_pull(
    channel: grpc.Channel,
) -> "grpc.StreamStreamMultiCallable[types.StreamingPullRequest, types.StreamingPullResponse]":
    return channel.stream_stream(
        "/google.pubsub.v1.Subscriber/StreamingPull",
        request_serializer=types.StreamingPullRequest.serialize,
        response_deserializer=types.StreamingPullResponse.deserialize,
    )
