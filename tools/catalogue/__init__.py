"""Turns the registered handlers into two pages of ``docs`` and one JSON Schema for each."""

from tools.catalogue.files import STALE, catalogue, rewrite

__all__ = ["STALE", "catalogue", "rewrite"]
