"""The description of the API: complete, true, and the same for every reader."""

import json
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

import jsonschema_rs
import pytest

from pipeline.__main__ import main
from tests.service.api import NOWHERE, Api, application

METHODS: Final = frozenset({"get", "put", "post", "delete"})
DESCRIPTION: Final = application(None).openapi()


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation, with its method and path."""
    for path, methods in DESCRIPTION["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield f"{method.upper()} {path}", operation


CLOSED: Final = [
    pytest.param(each, id=name)
    for name, each in operations()
    if "/v1/" in name or "reactions" in each["tags"]
]
# Of routes that are older than our form of an error. Their callers know these.
PLAIN: Final = {"POST /process-event": {"400", "404"}}


def valid(example: object, schema: dict[str, Any]) -> bool:
    whole = {**schema, "components": DESCRIPTION["components"]}
    return bool(jsonschema_rs.validator_for(whole, validate_formats=True).is_valid(example))


def test_it_is_openapi_3_1_and_names_every_operation_once() -> None:
    assert DESCRIPTION["openapi"].startswith("3.1")
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names)) > 15
    assert all(operation["summary"] and operation["tags"] for _, operation in operations())


def test_every_operation_but_the_open_ones_needs_a_token() -> None:
    [scheme] = DESCRIPTION["components"]["securitySchemes"]
    assert DESCRIPTION["security"] == [{scheme: []}]
    opened = {name for name, operation in operations() if operation.get("security") == []}
    assert opened == {name for name, operation in operations() if operation["tags"] == ["open"]}
    assert "GET /health" in opened
    assert not any("/v1/" in name for name in opened)


@pytest.mark.parametrize("operation", CLOSED)
def test_every_answer_has_an_example_that_is_one(
    operation: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    plain = PLAIN.get(request.node.callspec.id, set())
    for status, response in operation["responses"].items():
        content = response["content"]["application/json"]
        assert valid(content["example"], content["schema"]), (status, content)
        if status.startswith("2"):
            continue
        body = "PlainErrorBody" if status in plain else "ErrorBody"
        assert content["schema"] == {"$ref": f"#/components/schemas/{body}"}
        assert not valid({"detail": "as FastAPI says it"}, content["schema"])
    assert {"401", "403", "422", "429", "503"} <= set(operation["responses"])


@pytest.mark.parametrize(
    "operation",
    [pytest.param(each, id=name) for name, each in operations() if "requestBody" in each],
)
def test_every_body_has_an_example_that_is_one(operation: dict[str, Any]) -> None:
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    name = schema["$ref"].rpartition("/")[2]
    examples = DESCRIPTION["components"]["schemas"][name]["examples"]
    assert examples
    assert all(valid(each, schema) for each in examples)
    assert not valid({"amsel": 1}, schema)
    assert "413" in operation["responses"]


def test_every_post_may_name_a_key() -> None:
    for name, operation in operations():
        named = [each["name"] for each in operation.get("parameters", [])]
        assert ("Idempotency-Key" in named) == name.startswith("POST"), name


def test_what_docstrings_say_of_attributes_is_at_the_attributes() -> None:
    whole = json.dumps(DESCRIPTION)
    assert "Attributes:" not in whole
    assert "``" not in whole
    listed = DESCRIPTION["components"]["schemas"]["ReplayListed"]["properties"]
    assert listed["planned"]["description"] == (
        "how many events it has; `published` of them are published."
    )


def test_who_may_read_gets_it_and_the_command_prints_it(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api.client.get("/openapi.json", headers=api.reader).json() == DESCRIPTION
    monkeypatch.setenv("DATABASE_URL", NOWHERE)
    assert main(["serve", "--openapi"]) == 0
    assert json.loads(capsys.readouterr().out) == DESCRIPTION


def test_errors_of_the_router_are_in_our_form(api: Api) -> None:
    missing = api.client.get("/v1/nothing")
    assert api.refusal(missing, 404) == "Route GET /v1/nothing not found"
    wrong = api.client.post("/v1/switches/document_uploaded", json={})
    assert api.refusal(wrong, 405) == "invalid method: expected DELETE, PUT"
    assert wrong.headers["Allow"] == "DELETE, PUT"


INVALID: Final = {
    "limit=kanarienvogel": "invalid limit: expected a whole number",
    "limit=201": "invalid limit: expected at most 200",
    "project=kanarienvogel": "invalid project: expected a UUID such as ",
    "since=2026-13-01T00:00:00Z": "invalid since: expected a time such as ",
    "state=kanarienvogel": "invalid state: expected 'completed', 'expired', ",
    "cursor=%20kanarienvogel": "invalid cursor: expected a text of the form ",
    "kanarienvogel=1": "invalid query: expected no field of another name",
    "type=": "invalid type: expected at least 1 characters",
    "type=a%00": "invalid type: expected a text without NUL",
}


def test_an_invalid_value_is_named_and_never_quoted(api: Api) -> None:
    for query, message in INVALID.items():
        answer = api.client.get(f"/v1/events?{query}")
        assert api.refusal(answer, 422).startswith(message), query
        assert "kanarienvogel" not in answer.text


def test_a_parameter_of_a_path_that_takes_none_is_refused(api: Api) -> None:
    for path in ("status", "me", f"reactions/{UUID(int=1)}/why"):
        answer = api.client.get(f"/v1/{path}?usr=kanarienvogel")
        assert api.refusal(answer, 422) == "invalid query: this path takes no parameters"
        assert "kanarienvogel" not in answer.text


def test_a_body_without_its_content_type_is_answered_with_the_header(api: Api) -> None:
    for headers in ({}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = api.client.post("/v1/replays", content=b'{"unrouted": true}', headers=headers)
        expected = "invalid body: expected JSON, with the header Content-Type: application/json"
        assert api.refusal(answer, 422) == expected


def test_a_body_that_is_no_object_is_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b"{kanarienvogel", b"\xff\xfe", b"", b"[1]", b'"kanarienvogel"'):
        answer = api.client.post("/v1/replays", content=body, headers=headers)
        assert api.refusal(answer, 422).startswith("invalid body: "), body
        assert "kanarienvogel" not in answer.text
