"""Pauses and resumes an event type."""
