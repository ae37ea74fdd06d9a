from collections.abc import Iterator

from pipeline.domain import errors
from pipeline.domain.errors import FanoutError


def tree(parent: type[Exception]) -> Iterator[type[Exception]]:
    for child in parent.__subclasses__():
        yield child
        yield from tree(child)


def test_every_error_has_its_place_in_the_tree() -> None:
    drawn = errors.__doc__ or ""
    kinds_of_invalid_rows = {each.__name__ for each in errors.InvalidRow.__subclasses__()}
    ours = {each.__name__ for each in tree(FanoutError) if each.__module__ == errors.__name__}
    assert {name for name in ours - kinds_of_invalid_rows if f"── {name} " not in drawn} == set()
