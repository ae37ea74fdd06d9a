"""Many requests on one connection, sent without waiting for the answers.

So only the service's own time counts: a limit on requests a second is met on a slow machine, too.
"""

import re
import socket
from collections import Counter
from urllib.parse import urlsplit

from tests.service.serving import Served

SECONDS = 60


def connected(served: Served) -> socket.socket:
    url = urlsplit(str(served.client.base_url))
    assert url.hostname
    assert url.port
    return socket.create_connection((url.hostname, url.port), SECONDS)


def sent(served: Served, requests: bytes) -> tuple[Counter[int], bytes]:
    """Send requests, the last of which closes the connection; return statuses and answers."""
    with connected(served) as connection:
        connection.sendall(requests)
        answers = b"".join(iter(lambda: connection.recv(65_536), b""))
    return Counter(map(int, re.findall(rb"HTTP/1.1 (\d+)", answers))), answers


def assert_limited(served: Served, requests: str, status: int) -> None:
    """Check that some of these requests get a status, and the others have to wait."""
    statuses, answers = sent(served, requests.encode())
    assert statuses.keys() == {status, 429}
    waits = re.findall(rb"(?i)\r\nretry-after: (\d+)\r\n", answers)
    assert len(waits) == statuses[429]
    assert min(map(int, waits)) >= 1
