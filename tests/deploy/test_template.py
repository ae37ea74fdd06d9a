"""The flex template: the parameters that Dataflow's console asks for, and their checks."""

import json
from pathlib import Path
from typing import Any, Final

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from google.cloud.dataflow_v1beta3 import ContainerSpec, SDKInfo
from google.protobuf.json_format import ParseError  # type: ignore[import-untyped]
from pyarrow import compute

from pipeline.options.parameter import Parameter, Taker
from pipeline.options.table import PARAMETERS
from pipeline.runtime.template import PLACEHOLDER, container_spec, main

FILE: Final = Path(__file__).parents[2] / "flex_template.json"
IMAGE: Final = "europe-west1-docker.pkg.dev/acme-prod/fanout/fanout:1"
USER: Final = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"
SECRET: Final = "projects/acme-prod/secrets/password"  # noqa: S105 - a name

# Values that a person may type and that the template must refuse.
RIGHT: Final = {
    "subscription": ["projects/example.com:acme/subscriptions/fanout-pipeline"],
    "dead_letter_topic": ["projects/acme-prod/topics/dead.letters~1"],
    "timestamp_attribute": ["created_at", "publish_time"],
    "database_url": [
        "postgres://fanout@db.internal/app",
        "postgresql://fanout@10.20.0.3:5432,10.20.0.4:5432/app?target_session_attrs=read-write",
        "postgresql://fanout@10.20.0.3/app?sslmode=verify-ca&channel_binding=require",
    ],
    "database_password_secret": [SECRET, f"{SECRET}/versions/latest", f"{SECRET}/versions/12"],
    "database_ca_secret": [SECRET],
    "database_connections": ["1", "99999"],
    "pool_size": ["1", "99"],
    "graph": ["fanout", "jobs", "mail", "reactions", "all"],
    "max_event_age_hours": ["0.5", "720"],
    "unrouted": ["park", "close"],
    "system_users": ["", f"{USER},{USER}"],
    "batch_size": ["1", "9999"],
    "dedup_minutes": ["0", "1440"],
    "otlp_endpoint": ["", "http://10.20.0.9:4318", "https://collector.internal/otlp/"],
    "calendar_client": ["", "123-abc.apps.googleusercontent.com"],
    "calendar_client_secret": ["", SECRET, f"{SECRET}/versions/latest"],
    "calendar_webhook": ["", "https://app.example.com/calendar?from=google"],
    "email_from": ["", "Acme <notifications@acme.example>"],
    "email_providers": ["", "smtp", "resend,smtp"],
    "email_reply_to": ["", "help@acme.example"],
    "resend_api_key_secret": ["", SECRET],
    "smtp_url_secret": ["", SECRET],
    "public_url": ["", "https://notify.acme.example/mail"],
    "unsubscribe_secret": ["", SECRET],
    "brand_name": ["", "Harrow & Pine"],
    "brand_url": ["", "https://app.acme.example/dashboard"],
    "brand_colour": ["", "#1f4fd8"],
    "brand_logo_url": ["", "https://app.acme.example/logo.png"],
    "brand_address": ["", "Acme, 1 Mill Street, Springfield"],
    "brand_preferences": ["", "/settings/notifications"],
    "brand_link_hosts": ["", "auth.acme.example,help.acme.example"],
    "websocket_bus_url": ["", "https://bus.acme.example"],
    "websocket_bus_kind": ["", "centrifugo"],
    "websocket_bus_namespace": ["", "personal"],
    "service_token_secret": ["", SECRET],
    "fcm_project_id": ["", "acme-app"],
    "webhook_key": ["", SECRET],
    "webhook_allowed_networks": ["", "10.1.0.0/16", "10.1.0.0/16,fd12::/16"],
    "sdk_container_image": [IMAGE, f"{IMAGE}@sha256:{'0' * 64}"],
}
WRONG: Final = {
    "subscription": [
        "",
        "fanout-pipeline",
        "projects/acme-prod/topics/domain-events",
        "projects/acme-prod/subscriptions/",
        "projects/acme-prod/subscriptions/two words",
        "//pubsub.googleapis.com/projects/acme-prod/subscriptions/fanout-pipeline",
    ],
    "dead_letter_topic": ["", "domain-events", "projects/acme-prod/subscriptions/fanout-pipeline"],
    "timestamp_attribute": ["", "created at", "a" * 257],
    "database_url": [
        "",
        "10.20.0.3",
        "mysql://fanout@10.20.0.3/app",
        "postgresql://10.20.0.3/app",
        "postgresql://fanout@10.20.0.3",
        "postgresql://fanout:hunter2@10.20.0.3/app",
        "postgresql://fanout@10.20.0.3/app?password=hunter2",
        "postgresql://fanout@10.20.0.3/app?sslmode=verify-full&password=hunter2",
        "postgresql://fanout@10.20.0.3/app?pass%77ord=hunter2",
        "postgresql://fanout@10.20.0.3/app?sslmode=verify-full&sslpassword=hunter2",
    ],
    "database_password_secret": ["", "hunter2", f"{SECRET}/versions/newest", f"{SECRET}/"],
    "database_ca_secret": ["", "-----BEGIN CERTIFICATE-----"],
    "database_connections": ["", "0", "-1", "many", "100000"],
    "pool_size": ["", "0", "100", "4.5"],
    "graph": ["", "fan", "fanouts", "FANOUT", "fanout,all"],
    "unrouted": ["", "drop", "parked", "PARK"],
    "max_event_age_hours": ["", "-1", "1e3", "a day", "24h", ".5"],
    "system_users": ["someone", ",", f"{USER},"],
    "batch_size": ["", "0", "10000"],
    "dedup_minutes": ["", "-1", "60m", "0.5"],
    "otlp_endpoint": ["10.20.0.9:4318", "grpc://h:4317", "https://", "https://user:hunter2@h"],
    "calendar_client": ["two words", "a:b"],
    "calendar_client_secret": ["hunter2", f"{SECRET}/versions/newest"],
    "calendar_webhook": ["http://app.example.com/calendar", "https://", "two words"],
    "email_from": ["two\nlines"],
    "email_providers": ["pigeon", "smtp,", "smtp smtp"],
    "email_reply_to": ["two\nlines"],
    "resend_api_key_secret": ["hunter2", f"{SECRET}/versions/newest"],
    "smtp_url_secret": ["smtp://hunter2@h", f"{SECRET}/versions/newest"],
    "public_url": ["http://notify.acme.example", "https://"],
    "unsubscribe_secret": ["hunter2", f"{SECRET}/versions/newest"],
    "brand_name": ["two\nlines"],
    "brand_url": ["http://app.example.com", "https://", "two words"],
    "brand_colour": ["blue", "#12"],
    "brand_logo_url": ["http://app.example.com/logo.png"],
    "brand_address": ["two\nlines"],
    "brand_preferences": ["two\nlines"],
    "brand_link_hosts": ["two words", "https://a.example"],
    "websocket_bus_url": ["http://bus.acme.example", "https://"],
    "websocket_bus_kind": ["two\nlines"],
    "websocket_bus_namespace": ["two\nlines"],
    "service_token_secret": ["hunter2", f"{SECRET}/versions/newest"],
    "fcm_project_id": ["two\nlines"],
    "webhook_key": ["hunter2", f"{SECRET}/versions/newest"],
    "webhook_allowed_networks": ["everything", "10.1.0.0/16 10.2.0.0/16"],
    "sdk_container_image": ["", "two words"],
}


PARAMETER: Final = {
    each["name"]: each for each in container_spec(PLACEHOLDER)["metadata"]["parameters"]
}


def accepted(regex: str, value: str) -> bool:
    """Return whether RE2 finds the pattern in the value. All engines accept RE2's patterns."""
    [found] = compute.match_substring_regex(pa.array([value]), regex)
    return bool(found.as_py())


def lets_through(name: str, value: str) -> bool:
    """Return whether the template accepts the value for this parameter."""
    regexes = PARAMETER[name]["regexes"]
    assert regexes
    return all(accepted(regex, value) for regex in regexes)


def test_the_file_is_what_the_options_make_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert FILE.read_text() == capsys.readouterr().out, (
        f"make {FILE.name} again: python -m pipeline.runtime.template > {FILE.name}"
    )


def test_the_image_is_all_that_a_deployment_changes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--image", IMAGE]) == 0
    written = capsys.readouterr().out
    assert json.loads(written.replace(IMAGE, PLACEHOLDER)) == container_spec(PLACEHOLDER)
    spec = ContainerSpec.from_json(written, ignore_unknown_fields=False)
    assert spec.image == spec.default_environment.sdk_container_image == IMAGE


def test_dataflow_knows_every_field_of_it() -> None:
    document = json.dumps(container_spec(IMAGE))
    spec = ContainerSpec.from_json(document, ignore_unknown_fields=False)
    assert spec.sdk_info.language is SDKInfo.Language.PYTHON
    assert len(spec.metadata.parameters) == len(PARAMETERS) + 1
    # Fields that gcloud's own command for building a template leaves out.
    assert spec.metadata.streaming
    assert spec.metadata.supports_exactly_once
    assert spec.metadata.supports_at_least_once
    assert spec.metadata.default_streaming_mode == "EXACTLY_ONCE"
    assert spec.default_environment.enable_streaming_engine


def test_control_a_field_that_dataflow_does_not_know_is_noticed() -> None:
    spec = container_spec(IMAGE)
    spec["metadata"]["parameters"][0]["colour"] = "green"
    with pytest.raises(ParseError, match="colour"):
        ContainerSpec.from_json(json.dumps(spec), ignore_unknown_fields=False)


def test_its_parameters_are_the_options_and_the_image() -> None:
    assert list(PARAMETER) == [*(each.name for each in PARAMETERS), "sdk_container_image"]
    for each in PARAMETERS:
        asked = PARAMETER[each.name]
        assert asked["isOptional"] is (Taker.LAUNCH not in each.needed_by)
        assert asked.get("defaultValue") == (each.default_text or None)
        assert each.help in asked["helpText"]


def test_every_parameter_is_tried_below() -> None:
    assert RIGHT.keys() == WRONG.keys() == PARAMETER.keys()


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_gets_through(name: str) -> None:
    assert [value for value in RIGHT[name] if not lets_through(name, value)] == []


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_does_not(name: str) -> None:
    right = RIGHT[name][-1]
    wrong = [*WRONG[name], f"{right}\n", f" {right}", f"x\n{right}\nx"]
    assert [value for value in wrong if lets_through(name, value)] == []


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda parameter: parameter.name)
def test_the_console_and_the_command_line_agree(parameter: Parameter[Any]) -> None:
    own = [parameter.shown, *([] if parameter.default is None else [parameter.default_text or ""])]
    for value in [*own, *RIGHT[parameter.name], *WRONG[parameter.name]]:
        assert parameter.kind.accepts(value) is lets_through(parameter.name, value), value


@pytest.mark.parametrize("regex", ["^(?!.*password).*$", r"^(a)\1$", "^a{1,1001}$"])
def test_control_what_only_other_engines_understand_is_no_pattern(regex: str) -> None:
    with pytest.raises(pa.ArrowInvalid, match="Invalid regular expression"):
        accepted(regex, "value")
