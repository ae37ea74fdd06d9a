"""One open StreamingPull: sends deliveries, receives acknowledgements and new deadlines."""

import threading
from collections.abc import Iterator

import grpc
from google.pubsub_v1 import types

from local.pubsub import wire
from local.pubsub.errors import InvalidArgument, PubSubError
from local.pubsub.subscription import Subscription, check_ack_deadline

_MAX_MESSAGES_PER_RESPONSE = 1_000
_WAIT_SECONDS = 60.0


class StreamingPull:
    """Sends deliveries while a second thread handles the client's requests on the same stream.

    Flow control (``max_outstanding_messages``) is left to the client, because the Google libraries
    do it anyway.

    Args:
        subscription: the source of the messages.
        opening: the first request; it sets the length of the leases.
        requests: the later requests.
        context: tells whether the client is still connected.

    Raises:
        InvalidArgument: if the opening request's deadline is out of range.
    """

    def __init__(
        self,
        subscription: Subscription,
        opening: types.StreamingPullRequest,
        requests: Iterator[types.StreamingPullRequest],
        context: grpc.ServicerContext,
    ) -> None:
        check_ack_deadline(opening.stream_ack_deadline_seconds)
        self._subscription = subscription
        self._ack_deadline_seconds = opening.stream_ack_deadline_seconds
        self._requests = requests
        self._context = context
        self._half_closed = False
        self._refusal: PubSubError | None = None

    def responses(self) -> Iterator[types.StreamingPullResponse]:
        """Yield deliveries until the client disconnects or closes its side.

        Raises:
            InvalidArgument: if a request is refused.
            NotFound: if the subscription is deleted in the meantime.
        """
        self._context.add_callback(self._subscription.wake)
        threading.Thread(target=self._take_requests, name="streaming-pull", daemon=True).start()
        while not self._is_over():
            deliveries = self._subscription.pull(
                _MAX_MESSAGES_PER_RESPONSE,
                wait_seconds=_WAIT_SECONDS,
                ack_deadline_seconds=self._ack_deadline_seconds,
                abandoned=self._is_over,
            )
            if deliveries:
                response = types.StreamingPullResponse()
                wire.add_deliveries(response, deliveries)
                yield response
        if self._refusal is not None:
            raise self._refusal

    def _is_over(self) -> bool:
        return self._half_closed or self._refusal is not None or not self._context.is_active()

    def _take_requests(self) -> None:
        try:
            for request in self._requests:
                self._apply(request)
        except PubSubError as refusal:
            self._refusal = refusal
        except grpc.RpcError:
            pass  # the client disconnected; the context reports that too
        finally:
            self._half_closed = True
            self._subscription.wake()

    def _apply(self, request: types.StreamingPullRequest) -> None:
        if request.stream_ack_deadline_seconds:
            check_ack_deadline(request.stream_ack_deadline_seconds)
            self._ack_deadline_seconds = request.stream_ack_deadline_seconds
        if request.ack_ids:
            self._subscription.acknowledge(list(request.ack_ids))
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise InvalidArgument("modify_deadline_ack_ids and _seconds differ in length")
        for ack_id, seconds in zip(
            request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True
        ):
            self._subscription.modify_ack_deadline([ack_id], seconds)
