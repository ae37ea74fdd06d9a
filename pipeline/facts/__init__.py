"""Reads the facts for handlers from Postgres: one statement per kind of fact and batch."""

from pipeline.facts.load import load_facts, told_up_to

__all__ = ["load_facts", "told_up_to"]
