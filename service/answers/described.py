"""How the description says what a route answers: an example, and the errors it may give."""

import json
import re
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Any, Final

from service.errors import TOO_LARGE, ErrorBody, PlainErrorBody, name_of

_ALWAYS: Final = (401, 403, 422, 429, 503)
_WITH_BODY: Final = (413,)
# An example of each, and what a caller does about it.
_MESSAGES: Final = {
    401: "invalid token: unknown, expired or revoked",
    403: "this needs the scope operate: ask with another token or login",
    404: "domain_events has no event 42: it was deleted, or never written",
    409: "meeting-reminders is paused: resume it first",
    413: TOO_LARGE,
    422: "invalid limit: expected at most 200",
    429: "too many requests; try again in 1 s",
    503: "a lock was not free in time: table domain_events (SQLSTATE 55P03)",
}
_JSON: Final = "application/json"
_SCHEME: Final = "token"
_RETRIED: Final = (429, 503)
_ATTRIBUTE: Final = re.compile(r"\n {4}(\w+): ((?:.|\n {8})+)")

Responses = dict[int | str, dict[str, Any]]


def answers(
    example: Any,  # noqa: ANN401 - JSON
    *more: int,
    status: int = 200,
    body: bool = False,
) -> Responses:
    """Return the responses of a route.

    Args:
        example: of the answer.
        more: the statuses of errors that not every route gives.
        status: of the answer.
        body: whether the request has a body.
    """
    found: Responses = {
        status: {
            "description": HTTPStatus(status).phrase,
            # As text: FastAPI leaves out every null of an example.
            "content": {_JSON: {"example": json.dumps(example)}},
        }
    }
    return found | errors(*more, *(_WITH_BODY if body else ()))


def errors(*more: int) -> Responses:
    """Return the responses that are errors: those that every closed route gives, and more."""
    return {each: _error(each) for each in sorted({*_ALWAYS, *more})}


def plain_errors(words: Mapping[int, str]) -> Responses:
    """Return the responses of errors that are not in our form, with their words by status."""
    return {
        status: {
            "model": PlainErrorBody,
            "description": name_of(HTTPStatus(status)),
            "content": {_JSON: {"example": json.dumps({"error": text})}},
        }
        for status, text in words.items()
    }


def _error(status: int) -> dict[str, Any]:
    error = name_of(HTTPStatus(status))
    described: dict[str, Any] = {
        "model": ErrorBody,
        "description": error,
        "content": {_JSON: {"example": json.dumps({"error": error, "message": _MESSAGES[status]})}},
    }
    if status in _RETRIED:
        described["headers"] = {
            "Retry-After": {
                "description": "seconds to wait before the next try",
                "schema": {"type": "integer"},
            }
        }
    return described


def with_examples(description: dict[str, Any]) -> dict[str, Any]:
    """Make JSON of the examples of ``answers``, and Markdown of the text of every operation."""
    for methods in description["paths"].values():
        for operation in methods.values():
            operation["description"] = operation.get("description", "").replace("``", "`")
            for response in operation["responses"].values():
                content = response.get("content", {}).get(_JSON, {})
                if "example" in content:
                    content["example"] = json.loads(content["example"])
    return description


def with_attributes(description: dict[str, Any]) -> dict[str, Any]:
    """Move what the docstring of each model says of its attributes to these attributes."""
    for schema in description.get("components", {}).get("schemas", {}).values():
        if "description" not in schema:
            continue
        text, _, attributes = schema["description"].partition("\n\nAttributes:")
        schema["description"] = _in_markdown(text)
        for name, words in _ATTRIBUTE.findall(attributes):
            if name in schema.get("properties", {}):
                schema["properties"][name]["description"] = _in_markdown(words)
    return description


def with_security(description: dict[str, Any], open_paths: Collection[str]) -> dict[str, Any]:
    """Say how a caller proves who they are, and on which paths they need not."""
    schemes = description.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes[_SCHEME] = {
        "type": "http",
        "scheme": "bearer",
        "description": "a token of `python -m pipeline tokens create`. Its scope `read` is needed"
        " for GET, `operate` for everything else.",
    }
    description["security"] = [{_SCHEME: []}]
    for path in open_paths:
        for operation in description["paths"].get(path, {}).values():
            operation["security"] = []
    return description


def _in_markdown(text: str) -> str:
    return " ".join(text.split()).replace("``", "`")
