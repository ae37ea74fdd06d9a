"""Connects gRPC to plain methods: (de)serialises, and turns errors into status codes."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import grpc

from local.pubsub.errors import AlreadyExists, InvalidArgument, NotEmulated, NotFound, PubSubError

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")

# Quoted: only its type stubs make the class generic.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_STATUS: dict[type[PubSubError], grpc.StatusCode] = {
    NotFound: grpc.StatusCode.NOT_FOUND,
    AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    NotEmulated: grpc.StatusCode.UNIMPLEMENTED,
}


def empty(_response: None) -> bytes:
    """Serialise ``google.protobuf.Empty``."""
    return b""


def unary(
    method: Callable[[RequestT, grpc.ServicerContext], ResponseT],
    deserialize: Callable[[bytes], RequestT],
    serialize: Callable[[ResponseT], bytes],
) -> Handler:
    """Serve a method with one request and one response."""

    def call(request: RequestT, context: grpc.ServicerContext) -> ResponseT:
        try:
            return method(request, context)
        except PubSubError as error:
            context.abort(_STATUS[type(error)], str(error))
            raise

    return grpc.unary_unary_rpc_method_handler(
        call, request_deserializer=deserialize, response_serializer=serialize
    )


def stream(
    method: Callable[[Iterator[RequestT], grpc.ServicerContext], Iterator[ResponseT]],
    deserialize: Callable[[bytes], RequestT],
    serialize: Callable[[ResponseT], bytes],
) -> Handler:
    """Serve a method with a stream of requests and a stream of responses."""

    def call(requests: Iterator[RequestT], context: grpc.ServicerContext) -> Iterator[ResponseT]:
        try:
            yield from method(requests, context)
        except PubSubError as error:
            context.abort(_STATUS[type(error)], str(error))

    return grpc.stream_stream_rpc_method_handler(
        call, request_deserializer=deserialize, response_serializer=serialize
    )


class NotEmulatedHandler(grpc.GenericRpcHandler):
    """Answers every other method with UNIMPLEMENTED and a sentence that names it."""

    def service(self, call: grpc.HandlerCallDetails) -> Handler:
        """Make a handler for one call."""

        def refuse(_request: bytes, context: grpc.ServicerContext) -> None:
            context.abort(
                grpc.StatusCode.UNIMPLEMENTED, f"{call.method} is not part of this emulator"
            )

        return grpc.unary_unary_rpc_method_handler(refuse)
