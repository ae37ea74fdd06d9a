"""Reads a Debezium Server configuration the way Debezium Server does."""

import re
from collections.abc import Mapping
from pathlib import Path

_EXPRESSION = re.compile(r"\$\{(?P<name>[^:}]+)(?::(?P<default>[^}]*))?\}")
_CONVERTERS = ("key", "value", "header")


class MissingVariable(Exception):
    """The configuration needs environment variables that are not set."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"missing environment variables: {', '.join(names)}")


def read(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Read a properties file and fill in `${NAME}` and `${NAME:default}`.

    Raises:
        MissingVariable: Expressions have neither a value nor a default. The error names them all.
    """
    missing: list[str] = []

    def fill_in(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        value = environment.get(name) or default
        if value is None:
            missing.append(name)
        return value or ""

    settings = {
        name: _EXPRESSION.sub(fill_in, value) for name, value in _parse(path.read_text()).items()
    }
    if missing:
        raise MissingVariable(sorted(set(missing)))
    return settings


def engine_properties(settings: Mapping[str, str]) -> dict[str, str]:
    """Turn Debezium Server's settings into those that it passes to the Debezium engine."""
    properties = {"name": settings["debezium.sink.type"]}
    for name, value in settings.items():
        kind, _, rest = name.removeprefix("debezium.").partition(".")
        if kind == "source":
            properties[rest] = value
        elif kind in {"transforms", "predicates"}:
            properties[f"{kind}.{rest}".removesuffix(".")] = value
        elif kind == "format":
            converter, _, option = rest.partition(".")
            if converter in _CONVERTERS:
                properties[f"{converter}.converter.{option}"] = value
            else:
                for each in _CONVERTERS:
                    properties.setdefault(f"{each}.converter.{rest}", value)
    return properties


def _parse(text: str) -> dict[str, str]:
    """Parse the part of Java's properties format that our file uses: escapes only at line ends."""
    unfolded = re.sub(r"\\\n[ \t]*", "", text)
    lines = (line.strip() for line in unfolded.splitlines())
    pairs = (line.partition("=") for line in lines if line and line[0] not in "#!")
    return {name.rstrip(): value.lstrip() for name, _, value in pairs}
