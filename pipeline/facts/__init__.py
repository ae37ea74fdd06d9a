"""What handlers may know, read from Postgres: one set-based statement per kind of fact."""

from pipeline.facts.load import load_facts, told_up_to

__all__ = ["load_facts", "told_up_to"]
