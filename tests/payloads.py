"""Random payloads of any event type, of any family."""

from functools import cache
from types import UnionType
from typing import Any, Final, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

from hypothesis import strategies as st
from pydantic import BaseModel

# So few that the ids of an event are sometimes known and sometimes not.
IDS: Final = tuple(UUID(int=number) for number in range(1, 5))
ids: Final = st.sampled_from(IDS)
texts: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
json_values: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda children: st.lists(children, max_size=2) | st.dictionaries(texts, children, max_size=2),
    max_leaves=3,
)


@cache
def payload_objects(model: type[BaseModel]) -> st.SearchStrategy[dict[str, Any]]:
    """Payloads of a producer: each field absent, null, empty, of its type, or the example."""
    hints = get_type_hints(model, include_extras=True)
    others = st.fixed_dictionaries(
        {},
        optional={
            info.alias or field: st.sampled_from([None, ""]) | _values(hints[field])
            for field, info in model.model_fields.items()
        },
    )
    return st.builds(
        lambda sent, other: sent | other,
        st.sampled_from(examples(model)[::-1]),
        st.just({}) | others,
    )


def examples(model: type[BaseModel]) -> list[dict[str, Any]]:
    """The example payloads of a model, and the empty one."""
    extra = model.model_config.get("json_schema_extra")
    documented = extra.get("examples") if isinstance(extra, dict) else None
    return [{}, *cast("list[dict[str, Any]]", documented or [])]


def _values(hint: Any) -> st.SearchStrategy[Any]:  # noqa: ANN401 - hints have no common type
    if hint is Any:
        return json_values
    if get_origin(hint) in (Union, UnionType):
        return st.one_of([_values(each) for each in get_args(hint)])
    if get_origin(hint) is dict:
        return st.dictionaries(texts, _values(get_args(hint)[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return payload_objects(hint)
    typed = st.from_type(hint).map(_storable)
    # Ids of a payload are sometimes in the facts. Numbers may be sent as texts.
    return typed | typed.map(lambda value: str(value) if isinstance(value, int) else value) | ids


def _storable(value: Any) -> Any:  # noqa: ANN401 - any value of a payload
    """The value as jsonb can hold it: Postgres stores no U+0000."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(map(_storable, value))
    return value


def as_json(value: object) -> object:
    """Return what ``json`` cannot write in a form that it can."""
    return sorted(map(str, value)) if isinstance(value, frozenset | set) else str(value)
