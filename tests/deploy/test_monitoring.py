"""Monitoring: Google's APIs accept its files, and the files read only existing metrics.

Offline: the messages of Google's clients refuse unknown fields, and the list of known metrics says
what can be read and how it may be aggregated. That a project accepts them is not shown here.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import promql_parser
import pytest
import yaml
from google.cloud.logging_v2.types import LogMetric
from google.cloud.monitoring_dashboard_v1 import Dashboard
from google.cloud.monitoring_v3 import AlertPolicy
from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]

from local.debezium.configuration import read as read_configuration
from pipeline.ops.mail.figures import MailFigures
from pipeline.ops.push.figures import CHANNELS, ChannelFigures
from pipeline.ops.reactions.figures import ReactionFigures
from pipeline.ops.status.figures import (
    DeadLetters,
    GraphSeen,
    LastHour,
    Latency,
    Pipeline,
    Queue,
    SlotFigures,
    StatusFigures,
)
from pipeline.sinks.metrics import COMMIT_TO_ROW, NAMES
from pipeline.sources.deduplicate import DUPLICATES

ROOT: Final = Path(__file__).parents[2]
MONITORING: Final = ROOT / "deploy" / "monitoring"
ALERTS: Final = sorted((MONITORING / "alerts").glob("*.json"))
LOG_METRICS: Final = sorted((MONITORING / "log-metrics").glob("*.json"))

# What the pipeline counts on Dataflow.
COUNTERS: Final = frozenset({*NAMES.values(), DUPLICATES})
DISTRIBUTIONS: Final = frozenset({COMMIT_TO_ROW})
# Dataflow exports a distribution as four values.
OWN_METRICS: Final = COUNTERS | {
    f"{name}_{part}" for name in DISTRIBUTIONS for part in ("COUNT", "MAX", "MEAN", "MIN")
}

# What each is valid for, as google.monitoring.v3 documents it beside Aggregation.
NUMERIC: Final = frozenset({"INT64", "DOUBLE"})
ANY: Final = NUMERIC | {"DISTRIBUTION"}
EVERY: Final = ANY | {"BOOL", "STRING"}
ALIGNERS: Final = {
    "ALIGN_DELTA": ({"CUMULATIVE", "DELTA"}, ANY),
    "ALIGN_MAX": ({"GAUGE", "DELTA"}, NUMERIC),
    "ALIGN_NEXT_OLDER": ({"GAUGE"}, EVERY),
    "ALIGN_PERCENTILE_99": ({"GAUGE", "DELTA"}, frozenset({"DISTRIBUTION"})),
    "ALIGN_SUM": ({"GAUGE", "DELTA"}, ANY),
}
REDUCERS: Final = {
    "REDUCE_COUNT_FALSE": frozenset({"BOOL"}),
    "REDUCE_MAX": NUMERIC,
    "REDUCE_MEAN": ANY,
    "REDUCE_SUM": ANY,
}
# What these make of any value.
MAKES: Final = {
    "ALIGN_PERCENTILE_99": "DOUBLE",
    "REDUCE_COUNT_FALSE": "INT64",
    "REDUCE_MEAN": "DOUBLE",
}

TERM: Final = re.compile(
    r"(?P<key>(?:resource|metric)\.(?:type|labels\.\w+))"
    r' = (?P<value>"[^"]+"|monitoring\.regex\.full_match\("[^"]+"\))'
)
LOG_TERM: Final = re.compile(
    r'(?P<negated>NOT )?(?P<field>[\w.]+)(?P<operator>=|>=|:)(?P<value>"[^"]+"|\d+|\*)'
)
SECTION: Final = re.compile(r"`docs/runbook\.md`, section \*([^*]+)\*")
SECONDS: Final = re.compile(r"(\d+)s")


@dataclass(frozen=True, slots=True)
class Metric:
    """The readable values of one metric, and its labels."""

    kind: str
    value: str
    resource: str
    labels: frozenset[str]


def load(path: Path) -> Any:  # noqa: ANN401 - JSON
    return json.loads(path.read_text())


def known() -> tuple[Mapping[str, Metric], Mapping[str, frozenset[str]]]:
    """Return the metrics of the list and of our log entries, and the labels of each resource."""
    listed = load(MONITORING / "known-metrics.json")
    metrics = {
        each["type"]: Metric(
            each["kind"], each["valueType"], each["resource"], frozenset(each["labels"])
        )
        for each in listed["metrics"]
    }
    for path in LOG_METRICS:
        document = load(path)
        descriptor = document["metricDescriptor"]
        metrics[f"logging.googleapis.com/user/{document['name']}"] = Metric(
            descriptor["metricKind"], descriptor["valueType"], "cloud_run_job", frozenset()
        )
    resources = {name: frozenset(each["labels"]) for name, each in listed["resources"].items()}
    return metrics, resources


METRICS, RESOURCES = known()
PROMQL_NAMES: Final = {
    re.sub(r"[^\w:]", "_", name.replace("/", ":", 1)): metric for name, metric in METRICS.items()
}


def everything() -> Iterator[Any]:
    """Yield the dashboard and all policies."""
    yield load(MONITORING / "dashboard.json")
    yield from map(load, ALERTS)


def members(document: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - JSON
    """Yield every object in a document, including the document."""
    if isinstance(document, dict):
        yield document
        for value in document.values():
            yield from members(value)
    elif isinstance(document, list):
        for value in document:
            yield from members(value)


def series(document: Any) -> Iterator[tuple[str, Sequence[dict[str, Any]]]]:  # noqa: ANN401 - JSON
    """Yield each filter for time series, with its aggregations."""
    for each in members(document):
        if "denominatorFilter" in each:
            yield each["denominatorFilter"], each["denominatorAggregations"]
        if "aggregations" in each:
            yield each["filter"], each["aggregations"]
        elif "aggregation" in each:
            yield each["filter"], [each["aggregation"]]


def queries(document: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield every PromQL expression."""
    for each in members(document):
        if "conditionPrometheusQueryLanguage" in each:
            yield each["conditionPrometheusQueryLanguage"]["query"]
        if "prometheusQuery" in each:
            yield each["prometheusQuery"]


def terms(filter_: str) -> dict[str, str]:
    """Parse a filter; raise ValueError if it is not ``key = value AND key = value``."""
    found: dict[str, str] = {}
    for term in filter_.split(" AND "):
        match = TERM.fullmatch(term)
        if match is None or match["key"] in found:
            raise ValueError(f"not a term, or there twice: {term}")
        found[match["key"]] = match["value"].strip('"')
    return found


def faults_of_filter(filter_: str) -> Iterator[str]:
    found = terms(filter_)
    name, resource = found.pop("metric.type", ""), found.pop("resource.type", "")
    metric = METRICS.get(name)
    if metric is None:
        yield f"unknown metric {name}"
        return
    if metric.resource != resource:
        yield f"{name} belongs to {metric.resource}, not to {resource}"
        return
    for key in found:
        yield from faults_of_label(key, metric)
    if found.get("metric.labels.metric_name", "dead") not in OWN_METRICS:
        yield f"not counted by the pipeline: {found['metric.labels.metric_name']}"


def faults_of_label(key: str, metric: Metric) -> Iterator[str]:
    side, _, label = key.partition(".labels.")
    if label not in (metric.labels if side == "metric" else RESOURCES[metric.resource]):
        yield f"no such label: {key}"


def faults_of_aggregations(
    filter_: str, aggregations: Sequence[dict[str, Any]], *, number: bool
) -> Iterator[str]:
    """Yield the faults in the steps from a metric to a number (for absence: to points)."""
    metric = METRICS[terms(filter_)["metric.type"]]
    value = metric.value
    for step in aggregations:
        kinds, values = ALIGNERS[step["perSeriesAligner"]]
        if metric.kind not in kinds or value not in values:
            yield f"{step['perSeriesAligner']} is not valid for {metric.kind} {value}"
        value = MAKES.get(step["perSeriesAligner"], value)
        reducer = step.get("crossSeriesReducer")
        if reducer is not None and value not in REDUCERS[reducer]:
            yield f"{reducer} is not valid for {value}"
        value = MAKES.get(reducer or "", value)
        if not 60 <= seconds(step["alignmentPeriod"]) <= 90_000:
            yield "an alignment period is between 60 s and 25 h"
        for key in step.get("groupByFields", []):
            yield from faults_of_label(key, metric)
    if number and value not in NUMERIC:
        yield f"a {value} is not a number"


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    """Return every selection of series; raise ValueError if the query is not PromQL."""
    found = []

    def note(expression: promql_parser.Expr) -> None:
        if isinstance(expression, promql_parser.MatrixSelector):
            found.append(expression.vector_selector)
        elif isinstance(expression, promql_parser.VectorSelector):
            found.append(expression)

    promql_parser.walk(promql_parser.parse(query), note)
    return found


def faults_of_query(query: str) -> Iterator[str]:
    for selector in selectors(query):
        metric = PROMQL_NAMES.get(selector.name or "")
        if metric is None:
            yield f"unknown metric {selector.name}"
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in metric.labels | RESOURCES[metric.resource]:
                yield f"no such label: {matcher.name}"
            if matcher.name == "metric_name":
                for name in set(matcher.value.split("|")) - OWN_METRICS:
                    yield f"not counted by the pipeline: {name}"


def faults_of_reading(document: Any) -> list[str]:  # noqa: ANN401 - JSON
    """List the faults in a dashboard's or a policy's reading of metrics."""
    faults = [fault for query in queries(document) for fault in faults_of_query(query)]
    absences = {
        each["conditionAbsent"]["filter"] for each in members(document) if "conditionAbsent" in each
    }
    for filter_, aggregations in series(document):
        wrong = list(faults_of_filter(filter_))
        faults += wrong or faults_of_aggregations(
            filter_, aggregations, number=filter_ not in absences
        )
    return faults


def seconds(duration: str) -> int:
    match = SECONDS.fullmatch(duration)
    assert match is not None, duration
    return int(match[1])


def faults_of_policy(policy: dict[str, Any]) -> Iterator[str]:
    """Yield the faults that the API would refuse although every field is known."""
    conditions = policy["conditions"]
    if not 1 <= len(conditions) <= 6:
        yield "a policy has one to six conditions"
    if len({each["displayName"] for each in conditions}) < len(conditions):
        yield "two conditions have the same name"
    if policy["severity"] not in {"CRITICAL", "ERROR", "WARNING"}:
        yield "no severity"
    if not 1_800 <= seconds(policy["alertStrategy"]["autoClose"]) <= 7 * 86_400:
        yield "closes too early or too late"
    if len(policy["documentation"]["content"]) > 8_192:
        yield "the documentation is too long"
    for condition in conditions:
        yield from faults_of_condition(condition)
    if any("conditionPrometheusQueryLanguage" in each for each in conditions[1:]):
        yield "a query is the only condition"
    if policy["combiner"] == "AND_WITH_MATCHING_RESOURCE":
        yield from faults_of_matching(conditions)


def faults_of_condition(condition: dict[str, Any]) -> Iterator[str]:
    match condition:
        case {"conditionThreshold": threshold}:
            yield from faults_of_threshold(threshold)
        case {"conditionAbsent": {"duration": duration}}:
            if seconds(duration) < 120 or seconds(duration) % 60:
                yield "an absence lasts at least 120 s, in minutes"
        case {"conditionPrometheusQueryLanguage": {"evaluationInterval": interval}}:
            if seconds(interval) % 30:
                yield "a query's interval is a multiple of 30 s"
        case _:
            yield f"unknown kind of condition: {condition['displayName']}"


def faults_of_threshold(threshold: dict[str, Any]) -> Iterator[str]:
    duration = seconds(threshold["duration"])
    if duration % 60:
        yield "a duration is in minutes"
    if threshold["comparison"] not in {"COMPARISON_GT", "COMPARISON_LT"}:
        yield "only greater and less are supported"
    if "evaluationMissingData" in threshold and duration < 60:
        yield "missing data can be judged only over at least 60 s"


def faults_of_matching(conditions: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield the faults of conditions that must hold for the same resource."""
    thresholds = [each["conditionThreshold"] for each in conditions]
    if len({terms(each["filter"])["resource.type"] for each in thresholds}) > 1:
        yield "resources of two types never match"
    if any("crossSeriesReducer" in step for each in thresholds for step in each["aggregations"]):
        yield "a reducer takes away the resource"


def faults_of_layout(layout: dict[str, Any]) -> Iterator[str]:
    """Yield the tiles that leave the grid or overlap."""
    if not 1 <= layout["columns"] <= 48:
        yield "a grid has 1 to 48 columns"
    for tile in layout["tiles"]:
        inside = tile["xPos"] >= 0 and tile["xPos"] + tile["width"] <= layout["columns"]
        if not inside or tile["yPos"] < 0 or tile["width"] < 1 or tile["height"] < 1:
            yield f"outside the grid: {tile['widget']['title']}"
    for one, other in combinations(layout["tiles"], 2):
        beside = (
            one["xPos"] + one["width"] <= other["xPos"]
            or other["xPos"] + other["width"] <= one["xPos"]
        )
        above = (
            one["yPos"] + one["height"] <= other["yPos"]
            or other["yPos"] + other["height"] <= one["yPos"]
        )
        if not beside and not above:
            yield f"overlap: {one['widget']['title']}, {other['widget']['title']}"


def sections_of(policy: dict[str, Any]) -> list[str]:
    return SECTION.findall(policy["documentation"]["content"])


def headings() -> set[str]:
    lines = (ROOT / "docs" / "runbook.md").read_text().splitlines()
    return {line.lstrip("# ") for line in lines if line.startswith("##")}


def find(document: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value at a dotted path; None if it does not exist."""
    for name in path.split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document


def lets_in(filter_: str, entry: dict[str, Any]) -> bool:
    """Return whether a log entry matches; a comparison with a missing field is false."""
    for term in filter_.split(" AND "):
        match = LOG_TERM.fullmatch(term)
        assert match is not None, term
        value, wanted = find(entry, match["field"]), match["value"].strip('"')
        match match["operator"]:
            case "=":
                holds = value == wanted
            case ">=":
                holds = value is not None and value >= float(wanted)
            # Of a list: one of its elements has the text.
            case _ if wanted != "*":
                holds = any(wanted in each for each in value or ())
            case _:
                holds = value is not None
        if holds == bool(match["negated"]):
            return False
    return True


def entry_of(status: StatusFigures) -> dict[str, Any]:
    """Return the log entry that Cloud Run makes from the line of ``status --json``."""
    return {
        "resource": {"type": "cloud_run_job", "labels": {"job_name": "fanout-status"}},
        "jsonPayload": json.loads(json.dumps(asdict(status))),
    }


SLOT: Final = SlotFigures(
    active=False,
    wal_status="reserved",
    lag_bytes=1,
    kept_bytes=1,
    left_bytes=1,
    inactive_seconds=1.0,
    invalidation_reason=None,
    synced=False,
)
PUSHES: Final = ChannelFigures(
    waiting=1,
    later=0,
    oldest_seconds=1.0,
    stuck=0,
    held_back=0,
    in_digest=0,
    sent_last_hour=1,
    failed_last_hour=0,
    expired_last_hour=0,
)
# A status with every figure.
STATUS: Final = StatusFigures(
    database="app",
    taken_at="2026-03-02T18:00:00+00:00",
    has_events=True,
    queues={"events": Queue(1, 1.0)},
    pipeline=Pipeline(
        waiting=1,
        oldest_seconds=1.0,
        passed_over=0,
        done_seconds=1.0,
        versions=["0.2.0"],
    ),
    graphs={
        graph: GraphSeen(
            last_seen_seconds=1.0, started_seconds=60.0, version="0.2.0", host="worker-1"
        )
        for graph in ("fanout", "reactions")
    },
    switches={},
    jobs={},
    overdue_jobs=0,
    mails=MailFigures(
        waiting=1,
        oldest_seconds=1.0,
        stuck=0,
        held=0,
        sent_last_hour=1,
        seconds_to_send=1.0,
        failed_last_hour=0,
        expired_last_hour=0,
    ),
    reactions=ReactionFigures(
        waiting=1,
        unseen=0,
        due=1,
        oldest_seconds=1.0,
        stuck=0,
        retried=0,
        paused=0,
        unrouted=0,
        dead=0,
        done_last_hour=1,
        dead_last_hour=0,
        p50_seconds=1.0,
        unrouted_types={},
        unrouted_kinds=0,
    ),
    pushes=dict.fromkeys(CHANNELS, PUSHES),
    other_program=None,
    last_hour=LastHour({"dead": 1}, [1]),
    latency=Latency(1.0, 1.0, 1.0),
    slot_name="fanout_events",
    slot=SLOT,
    idle_slot_seconds=None,
    heartbeat_seconds=1.0,
    log_bytes=1,
    dead_letters=DeadLetters(1, 1, []),
    retention=None,
    calendar_grants=None,
    not_installed=[],
    not_visible=[],
)


def recorded_by(status: StatusFigures) -> set[str]:
    """Return the log-based metrics that count such a line."""
    entry = entry_of(status)
    return {load(path)["name"] for path in LOG_METRICS if lets_in(load(path)["filter"], entry)}


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_a_policy_is_one_that_the_api_takes(path: Path) -> None:
    AlertPolicy.from_json(path.read_text(), ignore_unknown_fields=False)
    assert list(faults_of_policy(load(path))) == []


@pytest.mark.parametrize("path", LOG_METRICS, ids=lambda path: path.stem)
def test_a_log_based_metric_is_one_that_the_api_takes(path: Path) -> None:
    LogMetric.from_json(path.read_text(), ignore_unknown_fields=False)
    assert load(path)["name"] == path.stem


def test_the_dashboard_is_one_that_the_api_takes() -> None:
    path = MONITORING / "dashboard.json"
    Dashboard.from_json(path.read_text(), ignore_unknown_fields=False)
    assert list(faults_of_layout(load(path)["mosaicLayout"])) == []


@pytest.mark.parametrize("message", [AlertPolicy, LogMetric, Dashboard])
def test_an_unknown_field_is_refused(message: Any) -> None:  # noqa: ANN401 - protobuf
    with pytest.raises(ParseError, match="treshold"):
        message.from_json('{"treshold": 1}', ignore_unknown_fields=False)


def test_an_unknown_field_deep_in_a_policy_is_refused() -> None:
    policy = load(MONITORING / "alerts" / "system-lag.json")
    policy["conditions"][0]["conditionThreshold"]["treshold"] = 1
    with pytest.raises(ParseError, match="treshold"):
        AlertPolicy.from_json(json.dumps(policy), ignore_unknown_fields=False)


def test_everything_that_is_read_is_measured_and_aggregated_as_it_may_be() -> None:
    assert [fault for document in everything() for fault in faults_of_reading(document)] == []
    read = [terms(filter_)["metric.type"] for each in everything() for filter_, _ in series(each)]
    assert set(read) == set(METRICS)


@pytest.mark.parametrize(
    ("was", "planted", "fault"),
    [
        (
            "job/system_lag",
            "job/system_leg",
            "unknown metric dataflow.googleapis.com/job/system_leg",
        ),
        ('"dataflow_job"', '"pubsub_topic"', "belongs to dataflow_job, not to pubsub_topic"),
        ("resource.labels.job_name", "resource.labels.name", "no such label: resource.labels.name"),
        ("ALIGN_MAX", "ALIGN_DELTA", "ALIGN_DELTA is not valid for GAUGE INT64"),
        ('"60s"', '"30s"', "an alignment period is between 60 s and 25 h"),
    ],
)
def test_a_policy_that_reads_what_is_not_measured_is_caught(
    was: str, planted: str, fault: str
) -> None:
    text = (MONITORING / "alerts" / "system-lag.json").read_text()
    escaped_was, escaped = (each.replace('"', '\\"') for each in (was, planted))
    broken = (
        text.replace(escaped_was, escaped) if escaped_was in text else text.replace(was, planted)
    )
    assert broken != text
    assert any(fault in each for each in faults_of_reading(json.loads(broken)))


def test_a_threshold_for_something_that_is_not_a_number_is_caught() -> None:
    policy = load(MONITORING / "alerts" / "commit-to-row.json")
    step = policy["conditions"][0]["conditionThreshold"]["aggregations"][0]
    step["crossSeriesReducer"] = "REDUCE_SUM"
    assert faults_of_reading(policy) == ["a DISTRIBUTION is not a number"]


@pytest.mark.parametrize(
    ("was", "planted", "fault"),
    [
        ("job_user_counter", "job_counter", "unknown metric dataflow_googleapis_com:job_counter"),
        ('"dead"', '"dead|deceased"', "not counted by the pipeline: deceased"),
        ("job_name=~", "job=~", "no such label: job"),
    ],
)
def test_a_query_for_what_is_not_measured_is_caught(was: str, planted: str, fault: str) -> None:
    (query,) = queries(load(MONITORING / "alerts" / "permanent-failures.json"))
    assert set(faults_of_query(query)) == set()
    assert set(faults_of_query(query.replace(was, planted))) == {fault}


def test_a_query_that_is_not_promql_is_caught() -> None:
    (query,) = queries(load(MONITORING / "alerts" / "permanent-failures.json"))
    with pytest.raises(ValueError, match="parenthesis"):
        selectors(query.replace("sum((", "sum("))


@pytest.mark.parametrize(
    "filter_",
    [
        'metric.type = "a" OR metric.type = "b"',
        'metric.type = "a"  AND resource.type = "b"',
        'metric.type = "a" AND metric.type = "b"',
        "metric.type = a",
        'metric.type != "a"',
    ],
)
def test_a_filter_that_is_not_a_conjunction_of_equalities_is_caught(filter_: str) -> None:
    with pytest.raises(ValueError, match="not a term, or there twice"):
        terms(filter_)


def test_a_tile_upon_another_or_outside_the_grid_is_caught() -> None:
    layout = load(MONITORING / "dashboard.json")["mosaicLayout"]
    broken = deepcopy(layout)
    broken["tiles"][1]["width"] += 1
    (fault,) = faults_of_layout(broken)
    assert fault.startswith("overlap: ")
    broken = deepcopy(layout)
    broken["tiles"][0]["width"] += 1
    (fault,) = faults_of_layout(broken)
    assert fault.startswith("outside the grid: ")


@pytest.mark.parametrize(
    ("name", "path", "planted", "fault"),
    [
        ("system-lag", ("conditions", 0, "conditionThreshold", "duration"), "90s", "in minutes"),
        ("dead-letters", ("alertStrategy", "autoClose"), "60s", "closes too early"),
        ("job-failed", ("conditions", 1, "conditionAbsent", "duration"), "60s", "at least 120 s"),
        ("job-failed", ("severity",), "SEVERITY_UNSPECIFIED", "no severity"),
        ("job-failed", ("combiner",), "AND_WITH_MATCHING_RESOURCE", "takes away the resource"),
    ],
)
def test_a_policy_that_the_api_would_refuse_is_caught(
    name: str, path: Sequence[str | int], planted: str, fault: str
) -> None:
    policy = load(MONITORING / "alerts" / f"{name}.json")
    if planted == "AND_WITH_MATCHING_RESOURCE":
        del policy["conditions"][1]
    inner = policy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = planted
    (found,) = faults_of_policy(policy)
    assert fault in found


def test_no_two_policies_have_one_name_and_each_is_ours() -> None:
    policies = [load(path) for path in ALERTS]
    names = Counter(policy["displayName"] for policy in policies)
    assert names.most_common(1)[0][1] == 1
    assert all(name.startswith("fanout: ") for name in names)
    # apply.sh recognises a policy by these two.
    assert all(policy["userLabels"] == {"system": "fanout"} for policy in policies)


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_a_policy_says_what_it_means_and_names_a_section_of_the_runbook(path: Path) -> None:
    policy = load(path)
    content = policy["documentation"]["content"]
    assert content.startswith("**What it means.** ")
    assert "\n\n**What to do.** " in content
    assert content.count("docs/runbook.md") == len(sections_of(policy)) > 0
    assert set(sections_of(policy)) <= headings()


def test_a_section_that_the_runbook_lacks_is_caught() -> None:
    content = "Open `docs/runbook.md`, section *The moon was lost*."
    assert sections_of({"documentation": {"content": content}}) == ["The moon was lost"]
    assert "The moon was lost" not in headings()


@pytest.mark.parametrize("path", ALERTS, ids=lambda path: path.stem)
def test_the_readme_gives_a_reason_for_every_policy(path: Path) -> None:
    text = (MONITORING / "README.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \| .+ \| .{20,} \|$", text, re.MULTILINE)
    assert rows.count((path.stem, load(path)["severity"])) == 1


def test_every_figure_of_a_log_based_metric_is_one_that_status_prints() -> None:
    everywhere = recorded_by(STATUS)
    assert everywhere | {"fanout_slot_unusable"} == {path.stem for path in LOG_METRICS}
    for path in LOG_METRICS:
        metric = load(path)
        extracted = metric.get("valueExtractor")
        assert (extracted is not None) == (
            metric["metricDescriptor"]["valueType"] == "DISTRIBUTION"
        )
        if extracted is not None:
            field = extracted.removeprefix("EXTRACT(").removesuffix(")")
            assert isinstance(find(entry_of(STATUS), field), int | float)
            assert metric["filter"].endswith(f" AND {field}>=0")


def test_a_figure_that_status_does_not_print_is_caught() -> None:
    assert find(entry_of(STATUS), "jsonPayload.slot.lag_bytes") == 1
    assert find(entry_of(STATUS), "jsonPayload.slot.lag") is None
    assert "fanout_slot_lag_bytes" not in recorded_by(replace(STATUS, slot=None))
    assert "fanout_graph_silent_seconds" not in recorded_by(replace(STATUS, graphs={}))
    assert "fanout_oldest_event_seconds" not in recorded_by(
        replace(STATUS, queues={"events": Queue(0, None)})
    )


@pytest.mark.parametrize("wal_status", ["reserved", "extended"])
def test_a_slot_that_keeps_what_it_needs_is_usable(wal_status: str) -> None:
    assert "fanout_slot_unusable" not in recorded_by(
        replace(STATUS, slot=replace(SLOT, wal_status=wal_status))
    )


@pytest.mark.parametrize(
    "slot",
    [
        None,
        replace(SLOT, wal_status="lost", left_bytes=None),
        replace(SLOT, wal_status="unreserved"),
        replace(SLOT, wal_status=None),
    ],
    ids=lambda slot: slot and str(slot.wal_status),
)
def test_a_slot_that_is_missing_or_lost_or_about_to_be_is_not(slot: SlotFigures | None) -> None:
    assert "fanout_slot_unusable" in recorded_by(replace(STATUS, slot=slot))


def test_a_slot_that_no_family_needs_is_not_missed() -> None:
    without = replace(STATUS, slot=None, not_installed=["queues", "slot"])
    assert "fanout_slot_unusable" not in recorded_by(without)
    # Control: a slot that is there, and lost, is one that somebody made.
    lost = replace(STATUS, slot=replace(SLOT, wal_status="lost"), not_installed=["queues"])
    assert "fanout_slot_unusable" in recorded_by(lost)


def test_another_job_is_not_taken_for_ours() -> None:
    entry = entry_of(STATUS)
    entry["resource"]["labels"]["job_name"] = "another"
    assert not any(lets_in(load(path)["filter"], entry) for path in LOG_METRICS)


@pytest.mark.parametrize(("added", "status"), [([], 1), (["--jsonn"], 2)])
def test_the_job_runs_a_command_that_exists(added: list[str], status: int) -> None:
    flags = yaml.safe_load((MONITORING / "status-job.yaml").read_text())
    assert flags["--command"] == ["python"]
    done = subprocess.run(
        [sys.executable, *flags["--args"], *added],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == status
    assert ("DATABASE_URL is not set" in done.stderr) == (status == 1)


def test_the_jobs_password_is_in_a_secret_and_nowhere_else() -> None:
    text = (MONITORING / "status-job.yaml").read_text()
    assert yaml.safe_load(text)["--set-secrets"]["PGPASSWORD"]
    assert "://" not in text


def test_the_topics_are_those_that_debezium_publishes_to() -> None:
    environment = {
        "DATABASE_HOST": "h",
        "DATABASE_NAME": "d",
        "DATABASE_PASSWORD": "p",
        "PUBSUB_PROJECT_ID": "p",
    }
    settings = read_configuration(ROOT / "debezium" / "application.properties", environment)
    read = {
        topic
        for document in everything()
        for filter_, _ in series(document)
        if (topic := terms(filter_).get("resource.labels.topic_id"))
    }
    assert read == {
        settings["debezium.transforms.outbox.route.topic.replacement"],
        settings["debezium.transforms.heartbeats.replacement"],
        "domain-events-dead",
    }


def test_apply_asks_for_a_project() -> None:
    done = subprocess.run(
        [MONITORING / "apply.sh"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    assert "apply.sh PROJECT [CHANNEL ...]" in done.stderr
