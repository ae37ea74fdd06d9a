"""What mail costs and how it meets an outage: ``make bench-mail`` writes docs/mail-performance.md.

From the commit of an event to its mail at the loopback provider; the CPU of the graph beside a bare
loop that posts the same bodies; a digest of 500 rows; an hour without the provider while
``--mails`` wait. Exit status 1 if a budget is not met.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import httpx2
import psutil

from bench import machine
from bench.digest import BUDGET_ROWS, milliseconds, rows_of, write_digest
from bench.installation import ROOT
from bench.mail_report import Cpu, MailFigures, write_mail_report
from bench.mails import MailBench, mail_bench
from bench.measure import Latency
from bench.outage import measure_outage
from bench.steady import write_events
from local.demo.worker import Worker
from pipeline.domain.graph import Graph

REPORT: Final = ROOT / "docs" / "mail-performance.md"
MAILS: Final = 5_000
EVENTS: Final = 400
RATE: Final = 20
WARM: Final = 40
POSTED: Final = 2_000
_WAIT_SECONDS: Final = 300.0
_NO_LIMIT: Final = 100_000.0


def main() -> int:
    """Measure, write the report; 1 if a budget is not met."""
    parser = argparse.ArgumentParser(prog="python -m bench.mail", description=__doc__)
    parser.add_argument("--mails", type=int, default=MAILS, help="how many wait in the outage")
    mails = parser.parse_args().mails
    noise = machine.spread()
    with (
        tempfile.TemporaryDirectory(prefix="fanout-bench-") as folder,
        mail_bench(Path(folder)) as bench,
    ):
        _say("commit to accepted, all parts ...")
        latency = measure_latency(bench)
        _say("CPU of a mail ...")
        cpu = measure_cpu(bench)
        digest = milliseconds(partial(write_digest, rows_of(BUDGET_ROWS)))
        if bench.stack.debezium is not None:
            bench.stack.debezium.stop()
        _say(f"an hour without the provider, {mails:,} mails ...")
        outage = measure_outage(bench, mails)
    figures = MailFigures(
        rate=RATE,
        latency=latency,
        cpu=cpu,
        digest_rows=BUDGET_ROWS,
        digest=digest,
        outage=outage,
        noise=machine.Noise(noise, machine.spread()),
    )
    met = write_mail_report(REPORT, figures)
    _say(REPORT.read_text())
    return 0 if met else 1


def measure_latency(bench: MailBench) -> Latency:
    """Measure single events at ``RATE``, from their commit to their mail at the provider."""
    bench.allow(_NO_LIMIT)
    environment = bench.stack.environment()
    with ExitStack() as running:
        for graph in (Graph.FANOUT, Graph.MAIL):
            log = bench.folder / f"{graph}.log"
            running.enter_context(Worker(log, environment, graph=graph))
        write_events(bench.connection, WARM, rate=RATE)
        _wait_for_accepted(bench, WARM)
        first = write_events(bench.connection, EVENTS, rate=RATE)
        _wait_for_accepted(bench, WARM + EVENTS)
    committed = dict(
        bench.rows(
            "SELECT delivery.provider_id, event.created_at FROM fanout.deliveries AS delivery"
            " JOIN domain_events AS event ON delivery.cause = 'domain_events:' || event.id"
            " WHERE event.id >= %s",
            first,
        )
    )
    took = [
        (mail.at - committed[mail.id]).total_seconds() * 1000
        for mail in bench.resend.accepted
        if mail.id in committed
    ]
    return Latency(took)


def _wait_for_accepted(bench: MailBench, count: int) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while len(bench.resend.server.accepted) < count:
        if time.monotonic() > deadline:
            sys.exit(f"only {len(bench.resend.server.accepted)} of {count} mails were accepted")
        time.sleep(0.02)


def measure_cpu(bench: MailBench) -> Cpu:
    """Let the graph send mails that wait, one request each; then post the same bodies alone."""
    bench.forget()
    bench.allow(_NO_LIMIT)
    with Worker(bench.folder / "cpu.log", bench.stack.environment(), graph=Graph.MAIL) as worker:
        bench.wait(WARM)
        _wait_for_accepted(bench, WARM)
        before = _cpu_of(worker)
        bench.wait(POSTED)
        _wait_for_accepted(bench, WARM + POSTED)
        while bench.rows("SELECT count(*) FROM fanout.deliveries WHERE state <> 'done'") != [(0,)]:
            time.sleep(0.02)
        graph = (_cpu_of(worker) - before) / POSTED
    requests = [
        (str(key), bytes(body))
        for key, body in bench.rows("SELECT gen_random_uuid(), body FROM fanout.delivery_bodies")
    ]
    variables = bench.resend.variables()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        bare = pool.submit(post_all, variables, requests[:POSTED]).result() / POSTED
    return Cpu(graph=graph * 1e3, bare=bare * 1e3)


def _cpu_of(worker: Worker) -> float:
    times = psutil.Process(worker.pid).cpu_times()
    return float(times.user + times.system)


def post_all(variables: Mapping[str, str], requests: Sequence[tuple[str, bytes]]) -> float:
    """Post bodies one after another; return the seconds of CPU that it took."""
    headers = {
        "Authorization": f"Bearer {variables['RESEND_API_KEY']}",
        "Content-Type": "application/json",
    }
    with httpx2.Client(base_url=variables["RESEND_BASE_URL"], headers=headers) as client:
        client.get("/copies")
        started = time.process_time()
        for key, body in requests:
            answer = client.post("/emails", content=body, headers={"Idempotency-Key": key})
            answer.raise_for_status()
            answer.json()
        return time.process_time() - started


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - progress and the result


if __name__ == "__main__":
    sys.exit(main())
