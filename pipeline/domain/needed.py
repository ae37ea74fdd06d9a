"""Says which value was expected: an error type of pydantic in, words out."""

from collections.abc import Mapping
from typing import Any, Final

_WHOLE: Final = "a whole number is needed"
_NUMBER: Final = "a number is needed"
_ARRAY: Final = "an array is needed"
_OBJECT: Final = "an object is needed"
_TIME: Final = "a time such as 2026-03-02T18:00:00Z is needed"
_DATE: Final = "a date such as 2026-03-02 is needed"
_CLOCK: Final = "a time of day such as 18:00 is needed"
_DURATION: Final = "a duration such as PT2H is needed"

# The keys are prefixes of error types, so that similar errors share their words. The longest
# matching prefix is used.
_WORDS: Final[Mapping[str, str]] = {
    "string": "a string is needed",
    "string_too_short": "a string of at least {min_length} characters is needed",
    "string_too_long": "a string of at most {max_length} characters is needed",
    "string_pattern_mismatch": "a string of the form {pattern} is needed",
    "bytes": "a string is needed",
    "int_": _WHOLE,
    "float_": _NUMBER,
    "decimal_": _NUMBER,
    "complex_": _NUMBER,
    "fraction_": _NUMBER,
    "finite_number": "a finite number is needed",
    "greater_than": "a number above {gt} is needed",
    "greater_than_equal": "a number of at least {ge} is needed",
    "less_than": "a number below {lt} is needed",
    "less_than_equal": "a number of at most {le} is needed",
    "multiple_of": "a multiple of {multiple_of} is needed",
    "bool_": "true or false is needed",
    "none_required": "null is needed",
    "list_": _ARRAY,
    "tuple_": _ARRAY,
    "set_": _ARRAY,
    "frozen_set_": _ARRAY,
    "deque_": _ARRAY,
    "iterable_": _ARRAY,
    "named_tuple_": _ARRAY,
    "dict_": _OBJECT,
    "mapping_": _OBJECT,
    "frozen_dict_": _OBJECT,
    "ordered_dict_": _OBJECT,
    "counter_": _OBJECT,
    "model_": _OBJECT,
    "dataclass_": _OBJECT,
    "uuid_": "a UUID is needed",
    "datetime_": _TIME,
    "timezone_": "a time with a zone, such as 2026-03-02T18:00:00Z, is needed",
    "date_": _DATE,
    "time_": _CLOCK,
    "time_delta_": _DURATION,
    "url_": "a URL is needed",
    "enum": "{expected} is needed",
    "literal_error": "{expected} is needed",
    "missing": "it is missing",
    "extra_forbidden": "no such key is known",
    "too_short": "at least {min_length} items are needed",
    "too_long": "at most {max_length} items are needed",
}
_OTHERWISE: Final = "it is not valid"
# The limits of the model. Other entries of the context may quote the value.
_LIMITS: Final = frozenset(
    {"expected", "ge", "gt", "le", "lt", "max_length", "min_length", "multiple_of", "pattern"}
)


def needed(error_type: str, context: Mapping[str, Any]) -> str:
    """Return words for the value that was expected.

    Args:
        error_type: the error type of pydantic.
        context: the error context of pydantic. Only the limits of the model are used.
    """
    prefixes = [each for each in _WORDS if error_type.startswith(each)]
    if not prefixes:
        return _OTHERWISE
    limits = {name: value for name, value in context.items() if name in _LIMITS}
    try:
        return _WORDS[max(prefixes, key=len)].format_map(limits)
    except KeyError:
        return _OTHERWISE
