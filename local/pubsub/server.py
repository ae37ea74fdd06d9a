"""The gRPC server: both services of the API on one broker, on loopback."""

from concurrent import futures

import grpc

from local.errors import StartFailed
from local.pubsub.broker import Broker
from local.pubsub.publisher import PublisherService
from local.pubsub.rpc import NotEmulatedHandler
from local.pubsub.subscriber import SubscriberService

HOST = "127.0.0.1"

# Every waiting pull holds a thread. Threads are started only when needed.
_MAX_THREADS = 256
_OPTIONS = (
    # Without this, two emulators on one port would share the calls.
    ("grpc.so_reuseport", 0),
    # Above Pub/Sub's 10 MB: the broker, not gRPC, then refuses a larger request and says why.
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
)


def build_server(broker: Broker, port: int) -> tuple[grpc.Server, int]:
    """Make a server that is bound but not started.

    Args:
        broker: handles the calls.
        port: 0 chooses a free one.

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
