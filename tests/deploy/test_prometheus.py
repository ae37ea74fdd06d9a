"""Prometheus' rules and Grafana's dashboard parse, and read only what ``/metrics`` exports."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import combinations
from typing import Any, Final

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from pipeline.ops.ready.look import Readiness
from service.observe.memory import memory_limit
from service.observe.observer import MemoryLimit, Readings
from service.observe.requests import RequestMetrics
from tests.deploy.test_monitoring import MONITORING, ROOT, headings, members
from tests.service.whole import WHOLE

RULES: Final = yaml.safe_load((MONITORING / "prometheus/rules.yaml").read_text("utf-8"))
SCRAPE: Final = yaml.safe_load((MONITORING / "prometheus/scrape.yaml").read_text("utf-8"))
DASHBOARD: Final = json.loads((MONITORING / "grafana/dashboard.json").read_text("utf-8"))
ALERTS: Final = [rule for group in RULES["groups"] for rule in group["rules"]]

# What Prometheus adds to each series.
TARGET: Final = frozenset({"instance", "job"})
DURATION: Final = re.compile(r"\d+(ms|s|m|h|d)")
SEVERITIES: Final = {"critical", "error", "warning"}
COLUMNS: Final = 24
# Of Grafana's own units and panels, those that are used here.
UNITS: Final = {"bool_yes_no", "bytes", "reqps", "s", "short"}
KINDS: Final = {"row", "stat", "timeseries"}
ROW: Final = re.compile(r"^\| (`fanout_[^|]+) \|([^|]*)\| [^|]+ \|$", re.MULTILINE)
SECTION: Final = re.compile(r"docs/runbook\.md, section \*([^*]+)\*")


def exported() -> Mapping[str, frozenset[str]]:
    """Every series that ``/metrics`` can export, with its labels."""
    registry = CollectorRegistry()
    requests = RequestMetrics(registry)
    requests.note("GET /health", "200", 0.1)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    collectors = (registry, Readings(Readiness(parts={}), WHOLE), MemoryLimit(lambda: 1))
    return {
        sample.name: frozenset(sample.labels)
        for collector in collectors
        for family in collector.collect()
        for sample in family.samples
    }


EXPORTED: Final = exported()


def faults_of_query(query: str) -> Iterator[str]:
    """Yield what is wrong with a query; raise ValueError if it is not PromQL."""
    found: list[Any] = []

    def note(expression: promql_parser.Expr) -> None:
        found.append(expression)

    promql_parser.walk(promql_parser.parse(query), note)
    for each in found:
        if isinstance(each, promql_parser.MatrixSelector):
            each = each.vector_selector  # noqa: PLW2901
        if isinstance(each, promql_parser.VectorSelector):
            yield from faults_of_selector(each)


def faults_of_selector(selector: promql_parser.VectorSelector) -> Iterator[str]:
    labels = EXPORTED.get(selector.name or "")
    if labels is None:
        yield f"not exported: {selector.name}"
        return
    for matcher in selector.matchers.matchers:
        if matcher.name not in labels | TARGET:
            yield f"{selector.name} has no label {matcher.name}"


def grouped_by(query: str) -> set[str]:
    """The labels by which a query groups, and those that its words name."""
    lists = re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query)
    return {label.strip() for each in lists for label in each.split(",")}


def faults_of_labels(query: str, words: str) -> Iterator[str]:
    """Yield labels that no series of the query has, and labels in its words that it drops."""
    names = set(re.findall(r"\b(?:fanout|process)_\w+", query))
    known = TARGET.union(*(EXPORTED.get(name, frozenset()) for name in names))
    for label in sorted(grouped_by(query) - known):
        yield f"grouped by {label}, which no series has"
    for label in re.findall(r"{{\s*(?:\$labels\.)?(\w+)\s*}}", words):
        if label not in known or (grouped_by(query) and label not in grouped_by(query)):
            yield f"the words name {label}, which the query does not keep"


def faults_of_rule(rule: Mapping[str, Any]) -> Iterator[str]:
    yield from faults_of_query(rule["expr"])
    yield from faults_of_labels(rule["expr"], " ".join(rule["annotations"].values()))
    if set(rule) != {"alert", "expr", "for", "labels", "annotations"}:
        yield "another set of fields"
    if not DURATION.fullmatch(rule.get("for", "")):
        yield "invalid duration"
    if rule["labels"].get("severity") not in SEVERITIES:
        yield "no severity"
    if not set(SECTION.findall(rule["annotations"]["description"])) <= headings():
        yield "a section that the runbook lacks"
    if "section" not in rule["annotations"]["description"]:
        yield "does not say what to do"


def targets(dashboard: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each query of a dashboard, with the words of its legend."""
    for each in members(dashboard):
        if "expr" in each:
            yield each["expr"], each["legendFormat"]


def faults_of_dashboard(dashboard: Mapping[str, Any]) -> Iterator[str]:
    for query, legend in targets(dashboard):
        yield from faults_of_query(query)
        yield from faults_of_labels(query, legend)
    panels = dashboard["panels"]
    if Counter(panel["id"] for panel in panels).most_common(1)[0][1] > 1:
        yield "two panels have one id"
    variables = {each["name"] for each in dashboard["templating"]["list"]}
    for panel in panels:
        yield from faults_of_panel(panel, variables)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        if not beside and not above:
            yield f"overlap at {one['x']}, {one['y']}"


def faults_of_panel(panel: Mapping[str, Any], variables: set[str]) -> Iterator[str]:
    place = panel["gridPos"]
    if place["x"] < 0 or place["x"] + place["w"] > COLUMNS or place["w"] < 1 or place["h"] < 1:
        yield f"outside the grid: {panel['title']}"
    if panel["type"] not in KINDS:
        yield f"unknown kind of panel: {panel['type']}"
    if panel["type"] == "row":
        return
    if panel["fieldConfig"]["defaults"]["unit"] not in UNITS:
        yield f"unknown unit: {panel['fieldConfig']['defaults']['unit']}"
    references = [target["refId"] for target in panel["targets"]]
    if not references or len(set(references)) < len(references):
        yield f"no query, or two with one name: {panel['title']}"
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        if source["uid"].strip("${}") not in variables:
            yield f"an unknown source of data: {source['uid']}"
    if not panel.get("description"):
        yield f"no description: {panel['title']}"


def test_the_rules_read_what_is_exported_and_say_what_to_do() -> None:
    assert {rule["alert"]: list(faults_of_rule(rule)) for rule in ALERTS} == {
        rule["alert"]: [] for rule in ALERTS
    }
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)
    assert all(DURATION.fullmatch(group["interval"]) for group in RULES["groups"])


def test_the_dashboard_reads_what_is_exported_and_each_panel_has_its_place() -> None:
    assert list(faults_of_dashboard(DASHBOARD)) == []
    assert DASHBOARD["uid"] == "fanout"
    assert isinstance(DASHBOARD["schemaVersion"], int)


def test_every_series_of_ours_is_shown_or_watched() -> None:
    """Nothing is exported for nobody."""
    read = " ".join(
        [*(rule["expr"] for rule in ALERTS), *(query for query, _ in targets(DASHBOARD))]
    )
    unread = {name for name in EXPORTED if name.startswith("fanout_") and name not in read}
    # Parts of the histogram that is shown, and a figure for whoever asks when.
    assert unread == {
        "fanout_http_request_seconds_count",
        "fanout_http_request_seconds_sum",
        "fanout_replay_begun_seconds",
    }


def documented(text: str) -> dict[str, set[str]]:
    """The figures that a table lists, with their labels: one list for all of a row, or one each."""
    found: dict[str, set[str]] = {}
    for names, labels in ROW.findall(text):
        row = re.findall(r"`(fanout_\w+)`", names)
        lists = [set(re.findall(r"\w+", each)) for each in labels.split(";")]
        found |= dict(zip(row, lists * len(row), strict=False))
    return found


def test_the_document_names_each_series_of_ours_with_its_labels() -> None:
    # A histogram is three series.
    ours = {
        re.sub(r"_(bucket|count|sum)$", "", name): labels - {"le"}
        for name, labels in EXPORTED.items()
        if name.startswith("fanout_")
    }
    assert documented((ROOT / "docs/service.md").read_text("utf-8")) == ours


@pytest.mark.parametrize(
    ("alert", "old", "new", "noticed"),
    [
        ("FanoutNotReady", "fanout_ready", "fanout_redy", "not exported: fanout_redy"),
        ("FanoutErrorRate", 'outcome="dead"', 'state="dead"', "has no label state"),
        ("FanoutGraphSilent", "by (graph)", "by (graf)", "grouped by graf"),
        ("FanoutJobOverdue", "by (job)", "by (type)", "grouped by type"),
        (
            "FanoutServiceErrors",
            "fanout_http_requests_total",
            "fanout_http_requests",
            "not exported",
        ),
    ],
)
def test_a_rule_that_reads_what_is_not_exported_is_caught(
    alert: str, old: str, new: str, noticed: str
) -> None:
    [rule] = [each for each in ALERTS if each["alert"] == alert]
    assert old in rule["expr"]
    wrong = {**rule, "expr": rule["expr"].replace(old, new)}
    assert any(noticed in fault for fault in faults_of_rule(wrong))


def test_a_query_that_is_not_promql_is_caught() -> None:
    with pytest.raises(ValueError, match="parenthesis"):
        list(faults_of_query("sum(fanout_up"))


@pytest.mark.parametrize(
    ("path", "planted", "noticed"),
    [
        (("panels", 1, "gridPos", "w"), 5, "overlap"),
        (("panels", 1, "gridPos", "x"), 22, "outside the grid"),
        (("panels", 1, "id"), 1, "one id"),
        (("panels", 1, "type"), "graf", "unknown kind"),
        (("panels", 1, "datasource", "uid"), "${other}", "unknown source"),
        (("panels", 1, "targets", 0, "expr"), "max(fanout_redy)", "not exported"),
        (("panels", 1, "fieldConfig", "defaults", "unit"), "sec", "unknown unit"),
    ],
)
def test_a_dashboard_that_would_not_show_is_caught(
    path: tuple[str | int, ...], planted: object, noticed: str
) -> None:
    wrong = deepcopy(DASHBOARD)
    inner = wrong
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = planted
    assert any(noticed in fault for fault in faults_of_dashboard(wrong))


def test_prometheus_is_told_to_keep_our_labels_and_reads_its_token_from_a_file() -> None:
    [scrape] = SCRAPE["scrape_configs"]
    # The label "job" of a scheduled job would become "exported_job", which no rule reads.
    assert scrape["honor_labels"] is True
    assert scrape["metrics_path"] == "/metrics"
    assert scrape["authorization"]["credentials_file"]
    assert "credentials" not in scrape["authorization"]
    assert SCRAPE["rule_files"] == ["rules.yaml"]


def test_the_limit_of_memory_is_that_of_the_narrowest_group(tmp_path: Any) -> None:  # noqa: ANN401
    own = tmp_path / "own"
    own.write_text("0::/system.slice/fanout-service.service\n")
    groups = tmp_path / "groups"
    unit = groups / "system.slice/fanout-service.service"
    unit.mkdir(parents=True)
    assert memory_limit(groups, own) is None
    (unit / "memory.max").write_text("max\n")
    assert memory_limit(groups, own) is None
    (groups / "system.slice/memory.max").write_text("2000\n")
    assert memory_limit(groups, own) == 2000
    (unit / "memory.max").write_text("1000\n")
    assert memory_limit(groups, own) == 1000
    assert memory_limit(groups, tmp_path / "nowhere") is None
