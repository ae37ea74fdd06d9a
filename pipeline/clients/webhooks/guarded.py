"""Connections that lead nowhere but to checked addresses, and end with the time of their request.

A name is looked up once for a connection. Every address that it has must be allowed, and the
connection is made to one of these addresses, not to the name again: DNS that answers differently a
moment later changes nothing.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import httpcore2

from pipeline.clients.webhooks.public import is_allowed, is_metadata_name, is_public
from pipeline.domain.errors import PermanentError
from pipeline.settings.outgoing_webhooks import PUBLIC_PORTS, IpNetwork

# Looks a name up: host and port in, addresses out. Raises OSError.
Resolver = Callable[[str, int], Sequence[str]]

# A connection is tried to so many of the addresses of a name.
_MOST_ADDRESSES: Final = 4
# What is written at a time: between two parts, the time is checked.
_PART_BYTES: Final = 16_384


class AddressRefused(PermanentError):
    """No webhook may be sent there. The error is a word, and quotes no address."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, as the operating system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(each[4][0]) for each in found))


class Deadline(threading.local):
    """Until when the request of this thread may take, in monotonic seconds."""

    at: float = 0.0

    def left(self, timeout: float | None = None, *, connected: bool = True) -> float:
        """Return the seconds that are left, at most ``timeout``.

        Args:
            timeout: of the next step.
            connected: whether something may have been sent already.

        Raises:
            httpcore2.ReadTimeout: none are.
            httpcore2.ConnectTimeout: likewise, before anything was sent.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            over = httpcore2.ReadTimeout if connected else httpcore2.ConnectTimeout
            raise over("the time of the request is over")
        return left if timeout is None else min(left, timeout)


class GuardedBackend(httpcore2.NetworkBackend):
    """Makes connections to checked addresses only."""

    def __init__(
        self,
        allowed: Sequence[IpNetwork],
        deadline: Deadline,
        *,
        encrypted: bool,
        resolver: Resolver = resolve,
    ) -> None:
        """Make no connection yet.

        Args:
            allowed: networks that are allowed beside the public ones.
            deadline: of the request of each thread.
            encrypted: whether the connections are for TLS. Others lead to allowed networks only.
            resolver: looks names up.
        """
        self._allowed = tuple(allowed)
        self._deadline = deadline
        self._encrypted = encrypted
        self._resolver = resolver
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to one of the addresses of a host.

        Raises:
            AddressRefused: one of its addresses, or its port, is not allowed.
            httpcore2.ConnectError: it has no address, or cannot be reached.
        """
        failed: Exception = httpcore2.ConnectError("the name has no address")
        for address in self._checked(host, port)[:_MOST_ADDRESSES]:
            try:
                left = self._deadline.left(timeout, connected=False)
                stream = self._plain.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
            else:
                return _GuardedStream(stream, self._deadline)
        raise failed

    def _checked(self, host: str, port: int) -> Sequence[str]:
        if is_metadata_name(host):
            raise AddressRefused("address_refused")
        try:
            addresses = self._resolver(host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError("the name has no address") from None
        private = [each for each in addresses if not is_public(each)]
        if not all(is_allowed(each, self._allowed) for each in private):
            raise AddressRefused("address_refused")
        ours = all(is_allowed(each, self._allowed) for each in addresses)
        if not ours and not self._encrypted:
            raise AddressRefused("not_https")
        if not ours and port not in PUBLIC_PORTS:
            raise AddressRefused("port_refused")
        return addresses


class _GuardedStream(httpcore2.NetworkStream):
    """A connection of which no step takes longer than its request has time."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _PART_BYTES):
            part = buffer[start : start + _PART_BYTES]
            self._stream.write(part, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.left(timeout, connected=False)
        return _GuardedStream(
            self._stream.start_tls(ssl_context, server_hostname, left), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - as the library declares it
        return self._stream.get_extra_info(info)
