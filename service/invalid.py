"""Says what is wrong with a request: the name of the field, and what was expected, never the value.

pydantic's own texts quote what a caller sent, which may be a secret or a person's data.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

# By the type of pydantic's error: https://docs.pydantic.dev/latest/errors/validation_errors/
_EXPECTED: Final = {
    "missing": "it is missing",
    "extra_forbidden": "expected no field of another name",
    "json_invalid": "expected JSON",
    "greater_than_equal": "expected at least {ge}",
    "less_than_equal": "expected at most {le}",
    "greater_than": "expected more than {gt}",
    "less_than": "expected less than {lt}",
    "string_too_short": "expected at least {min_length} characters",
    "string_too_long": "expected at most {max_length} characters",
    "string_pattern_mismatch": "expected a text of the form {pattern}",
    "too_short": "expected at least {min_length} items",
    "too_long": "expected at most {max_length} items",
    "enum": "expected {expected}",
    "literal_error": "expected {expected}",
    "value_error": "{error}",
}
_BY_PREFIX: Final = {
    "bool": "expected true or false",
    "int": "expected a whole number",
    "float": "expected a number",
    "string": "expected a text",
    "list": "expected a list",
    "dict": "expected an object",
    "model": "expected an object",
}
# A name that is not one of our fields may be anything.
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,40}")


# What our patterns mean. One that is not here is short enough to be read.
_PATTERNS: Final = {
    r"^[^\x00]*[^\s\x00][^\x00]*$": "expected a text that is not blank, without NUL",
    r"^[^\x00]+$": "expected a text without NUL",
    "^[!-~]+$": "expected ASCII without blanks",
}


def described(error: Mapping[str, Any]) -> str:
    """Return one error of a request in words.

    Args:
        error: one of ``RequestValidationError.errors()``.
    """
    kind = error["type"]
    where = [str(part) for part in error["loc"]]
    if kind == "extra_forbidden":
        where = where[:-1]
    if kind == "json_invalid":
        # The rest is the position in the text.
        where = where[:1]
    named = [part if part.isdecimal() or _NAME.fullmatch(part) else "?" for part in where[1:]]
    return f"invalid {'.'.join(named) or where[0]}: {_expected(kind, error.get('ctx', {}))}"


def _expected(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    words = _EXPECTED.get(kind) or _BY_PREFIX.get(kind.partition("_")[0])
    return "expected another value" if words is None else words.format_map(context)
