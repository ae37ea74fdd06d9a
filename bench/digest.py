"""What it costs to write a digest: ``python -m bench.digest``, some seconds; it needs no database.

Processor time of one process, so other processes change little of it. The baseline is what nobody
can do without: the same rows are read from JSON, and the finished mail is written as JSON, as the
request to a provider is. Exit status 1 if the budget is not met.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson

from bench.machine import describe, median
from pipeline.domain.identifiers import EventType, ProjectId
from pipeline.mail.brand import Brand
from pipeline.mail.compose import compose
from pipeline.mail.material import Composed, Digest, Recipient, Update

ROWS: Final = (1, 50, 500, 5_000)
PROJECTS: Final = 30
BUDGET_ROWS: Final = 500
BUDGET_MILLISECONDS: Final = 20.0
ROUNDS: Final = 15
BRAND: Final = Brand(name="Acme", base_url="https://app.acme.example/")
RECIPIENT: Final = Recipient("maya@acme.example", "Maya Brandt")


def rows_of(number: int) -> bytes:
    """Return so many rows of ``pending_emails`` as JSON: documents and threads of 30 projects."""
    return orjson.dumps([_row(each) for each in range(number)])


def _row(number: int) -> dict[str, Any]:
    project = str(UUID(int=number % PROJECTS))
    link = f"/project/workspace/{project}"
    is_document = number % 3 > 0
    document = {"file_name": f"Rent roll {number}.xlsx", "uploader_name": "Ann", "link_url": link}
    thread = {"thread_id": str(number), "thread_topic": "Closing", "unread_count": 3}
    return {
        "event_type": "document_uploaded" if is_document else "thread_unread_stale",
        "project_id": project,
        "project_name": "Mill Street",
        "subject": "New document uploaded to Mill Street",
        "data": document if is_document else {**thread, "link_url": link},
    }


def read(rows: bytes) -> Digest:
    """Return the material of a digest."""
    return Digest([_update(each) for each in orjson.loads(rows)])


def _update(row: dict[str, Any]) -> Update:
    return Update(
        event_type=EventType(row["event_type"]),
        subject=row["subject"],
        data=row["data"],
        project_id=ProjectId(UUID(row["project_id"])),
        project_name=row["project_name"],
    )


def written(mail: Composed) -> bytes:
    """Return a finished mail as the body of a request."""
    return orjson.dumps({"subject": mail.subject, "html": mail.html, "text": mail.text})


def write_digest(rows: bytes) -> Composed:
    """Read rows, and write their digest."""
    return compose(read(rows), RECIPIENT, BRAND)


def _baseline(rows: bytes, mail: Composed) -> tuple[object, bytes]:
    return orjson.loads(rows), written(mail)


def milliseconds(work: Callable[[], object]) -> float:
    """Return the processor time of a call, in the median of some."""
    found = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        found.append((time.process_time() - started) * 1_000)
    return median(found)


def main() -> int:
    """Measure, print a table, and return 1 if the budget is not met."""
    lines = [
        f"{describe()}; processor time of one process, the median of {ROUNDS}",
        "",
        "| rows | the digest | JSON in and out | bytes of the request |",
        "|---|---|---|---|",
    ]
    met = True
    for number in ROWS:
        rows = rows_of(number)
        finished = write_digest(rows)
        digest = milliseconds(partial(write_digest, rows))
        raw = milliseconds(partial(_baseline, rows, finished))
        size = len(written(finished))
        lines.append(f"| {number:,} | {digest:.1f} ms | {raw:.2f} ms | {size:,} |")
        met = met and (number != BUDGET_ROWS or digest <= BUDGET_MILLISECONDS)
    budget = "met" if met else "NOT met"
    lines += ["", f"Budget: {BUDGET_ROWS} rows in {BUDGET_MILLISECONDS:g} ms: {budget}"]
    print("\n".join(lines))  # noqa: T201 - the result
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
