"""The ports of a stack: the same folder always uses the same ports, if they are free."""

import socket
import zlib
from pathlib import Path
from typing import Final

import psutil

_HOST: Final = "127.0.0.1"
# Below the kernel's range for outgoing connections. Few services use these ports.
_FIRST: Final = 20_000
_NUMBER: Final = 10_000


def usual_port(folder: Path, part: str) -> int:
    """Return the port of one part of this folder's stack; 0 if another program uses it."""
    port = _FIRST + zlib.crc32(f"{folder.resolve()}/{part}".encode()) % _NUMBER
    with socket.socket() as probe:
        # A server that ended a moment ago does not block the next one.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return 0
    return port


def is_listening(address: str) -> bool:
    """Return whether a process accepts connections there; False for an invalid address."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def owner_of(address: str) -> str:
    """Name the process that listens there, as far as this user may see it."""
    port = int(address.rpartition(":")[2])
    for connection in psutil.net_connections("tcp"):
        if connection.status != psutil.CONN_LISTEN or tuple(connection.laddr)[1:] != (port,):
            continue
        try:
            process = psutil.Process(connection.pid)
            return (
                f"process {process.pid} ({process.name()}) of {process.username()},"
                f" in {process.cwd()}"
            )
        except (psutil.Error, TypeError, ValueError):
            return "a process of another user"
    return "a process on another machine, or in a container"
