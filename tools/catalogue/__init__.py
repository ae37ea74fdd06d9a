"""The catalogue: the registered handlers in, ``docs/events.md`` and a JSON Schema for each out."""

from tools.catalogue.files import STALE, catalogue, rewrite

__all__ = ["STALE", "catalogue", "rewrite"]
