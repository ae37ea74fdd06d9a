"""Which ports a stack listens on: of one folder always the same ones, where these are free."""

import socket
import zlib
from pathlib import Path
from typing import Final

import psutil

_HOST: Final = "127.0.0.1"
# Below those that the kernel gives to connections, and where few services are at home.
_FIRST: Final = 20_000
_NUMBER: Final = 10_000


def usual_port(folder: Path, part: str) -> int:
    """The port of this part of the stack over this folder; 0 if another program has it."""
    port = _FIRST + zlib.crc32(f"{folder.resolve()}/{part}".encode()) % _NUMBER
    with socket.socket() as probe:
        # A server that ended a moment ago is no hindrance to the next.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return 0
    return port


def is_listening(address: str) -> bool:
    """Whether somebody accepts connections there; an address that is none has nobody."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def owner_of(address: str) -> str:
    """Who listens there, as far as this user may see it."""
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
