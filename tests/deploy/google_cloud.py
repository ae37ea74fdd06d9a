"""Loopback stubs of the two Google APIs that a launch uses: Dataflow and Cloud Storage.

They answer as the services document it, with 403 to a caller who lacks the permission. They keep
the requests, and know nothing about Beam:
https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs
https://cloud.google.com/storage/docs/json_api/v1
"""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import google_crc32c

_JOBS: Final = re.compile(r"/v1b3/projects/([^/]+)/locations/([^/]+)/jobs")
_OBJECT: Final = re.compile(r"/storage/v1/b/([^/]+)/o/(.+)")
_BUCKET: Final = re.compile(r"/storage/v1/b/([^/]+)")
_MAY: Final = re.compile(r"/storage/v1/b/([^/]+)/iam/testPermissions")
POLL_SECONDS: Final = 0.05
_UPLOAD: Final = re.compile(r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o")


@dataclass(slots=True)
class GoogleCloud:
    """The requests, and the settings of the answers.

    Attributes:
        requests: methods and paths, in order.
        jobs: the created jobs, as requested.
        running: the jobs that run already, one on each page of the list.
        objects: the written objects, by ``bucket/name``.
        missing: the names of missing buckets.
        refusal: the status and the reason of the answer if jobs are refused.
        may: returns whether the caller has a permission on ``projects/P`` or ``buckets/B``.
        unexpected: requests that neither API knows.
    """

    port: int = 0
    requests: list[str] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    running: list[dict[str, Any]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    refusal: tuple[int, str] | None = None
    may: Callable[[str, str], bool] = lambda _permission, _resource: True
    unexpected: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The address of both APIs."""
        return f"http://localhost:{self.port}"


@contextmanager
def google_cloud() -> Iterator[GoogleCloud]:
    """Serve both APIs until the block ends."""
    server = _Server(GoogleCloud())
    thread = threading.Thread(target=server.serve_forever, args=[POLL_SECONDS], daemon=True)
    thread.start()
    try:
        yield server.cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, cloud: GoogleCloud) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cloud = cloud
        cloud.port = self.server_port


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _cloud(self) -> GoogleCloud:
        assert isinstance(self.server, _Server)
        return self.server.cloud

    def do_GET(self) -> None:
        path, query = self._asked()
        if match := _JOBS.fullmatch(path):
            if self._allowed("dataflow.jobs.list", f"projects/{match[1]}"):
                self._list_jobs(int(query.get("pageToken", ["0"])[0]))
        elif match := _MAY.fullmatch(path):
            asked = query["permissions"]
            held = [each for each in asked if self._cloud.may(each, f"buckets/{match[1]}")]
            kind = {"kind": "storage#testIamPermissionsResponse"}
            self._answer(kind | ({"permissions": held} if held else {}))
        elif match := _OBJECT.fullmatch(path):
            if not self._allowed("storage.objects.get", f"buckets/{match[1]}"):
                return
            known = f"{match[1]}/{unquote(match[2])}" in self._cloud.objects
            self._answer({"name": match[2]} if known else None)
        elif match := _BUCKET.fullmatch(path):
            if not self._allowed("storage.buckets.get", f"buckets/{match[1]}"):
                return
            bucket = {"kind": "storage#bucket", "id": match[1], "name": match[1]}
            self._answer(None if match[1] in self._cloud.missing else bucket)
        else:
            self._unexpected()

    def do_POST(self) -> None:
        path, query = self._asked()
        body = self._body()
        if match := _JOBS.fullmatch(path):
            if self._allowed("dataflow.jobs.create", f"projects/{match[1]}"):
                self._create_job(json.loads(body))
        elif match := _UPLOAD.fullmatch(path):
            name = query["name"][0] if "name" in query else json.loads(body)["name"]
            again = f"{match[1]}/{name}" in self._cloud.objects
            needed = ["storage.objects.create", *(["storage.objects.delete"] if again else [])]
            if all(self._allowed(each, f"buckets/{match[1]}") for each in needed):
                self._start_upload(match[1], name)
        else:
            self._unexpected()

    def do_PUT(self) -> None:
        _, query = self._asked()
        name, objects = query["upload_id"][0], self._cloud.objects
        objects[name] = objects.get(name, b"") + self._body()
        total = self.headers["Content-Range"].rpartition("/")[2]
        if total == "*":
            self._answer_without_body(308, "Range", f"bytes=0-{len(objects[name]) - 1}")
        else:
            checksum: int = google_crc32c.value(objects[name])
            crc32c = base64.b64encode(checksum.to_bytes(4, "big")).decode()
            self._answer({"kind": "storage#object", "name": name, "crc32c": crc32c})

    def _list_jobs(self, number: int) -> None:
        running = self._cloud.running
        following = {"nextPageToken": str(number + 1)} if number + 1 < len(running) else {}
        self._answer({"jobs": running[number : number + 1]} | following)

    def _create_job(self, job: dict[str, Any]) -> None:
        same = [each for each in self._cloud.running if each["name"] == job["name"]]
        if self._cloud.refusal is not None:
            status, message = self._cloud.refusal
            self._answer({"error": {"code": status, "message": message}}, status)
        elif same and "replaceJobId" not in job:
            # Only the request id shows that this is not the requested job.
            self._answer(same[0])
        else:
            self._cloud.jobs.append(job)
            created = {"id": f"job-{len(self._cloud.jobs)}", "currentState": "JOB_STATE_PENDING"}
            self._answer({name: job[name] for name in ("name", "clientRequestId")} | created)

    def _start_upload(self, bucket: str, name: str) -> None:
        session = f"{self._cloud.address}/resumable/upload/storage/v1/b/{bucket}/o"
        self._answer_without_body(200, "Location", f"{session}?upload_id={bucket}/{name}")

    def _allowed(self, permission: str, resource: str) -> bool:
        """Return whether the caller has the permission; if not, answer with 403."""
        allowed = self._cloud.may(permission, resource)
        if not allowed:
            message = f"Permission '{permission}' denied on resource '{resource}'"
            self._answer({"error": {"code": 403, "message": message}}, 403)
        return allowed

    def _asked(self) -> tuple[str, dict[str, list[str]]]:
        parts = urlsplit(self.path)
        self._cloud.requests.append(f"{self.command} {parts.path}")
        return parts.path, parse_qs(parts.query)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = b""
            while size := int(self.rfile.readline(), 16):
                chunks += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return chunks
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, answer: dict[str, Any] | None, status: int = 200) -> None:
        if answer is None:
            answer, status = {"error": {"code": 404, "message": "Not Found"}}, 404
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer_without_body(self, status: int, header: str, value: str) -> None:
        self.send_response(status)
        self.send_header(header, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _unexpected(self) -> None:
        self._cloud.unexpected.append(f"{self.command} {self.path}")
        self._answer(None)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
