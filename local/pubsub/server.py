"""The gRPC server: both services of the API over one broker, on loopback."""

from concurrent import futures

import grpc

from local.errors import StartFailed
from local.pubsub.broker import Broker
from local.pubsub.publisher import PublisherService
from local.pubsub.rpc import NotEmulatedHandler
from local.pubsub.subscriber import SubscriberService

HOST = "127.0.0.1"

# Every pull that waits holds a thread; they are started only when needed.
_MAX_THREADS = 256
_OPTIONS = (
    # Without it two emulators on one port would share the calls between them.
    ("grpc.so_reuseport", 0),
    # Above Pub/Sub's 10 MB, so that a larger request is refused by the broker, in words.
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
)


def build_server(broker: Broker, port: int) -> tuple[grpc.Server, int]:
    """Make a server that is bound, but not started.

    Args:
        broker: what the calls act on.
        port: 0 takes a free one.

    Returns:
        The server and its port.

    Raises:
        StartFailed: if the port is taken.
    """
    executor = futures.ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="pubsub-emulator")
    services = (PublisherService(broker), SubscriberService(broker))
    server = grpc.server(
        executor,
        handlers=[
            *(grpc.method_handlers_generic_handler(s.name, s.handlers()) for s in services),
            NotEmulatedHandler(),
        ],
        options=_OPTIONS,
    )
    try:
        return server, server.add_insecure_port(f"{HOST}:{port}")
    except RuntimeError as error:
        raise StartFailed("Pub/Sub", f"port {port} is taken") from error
