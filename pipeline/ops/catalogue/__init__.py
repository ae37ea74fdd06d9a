"""Describes every event type from its handler: who is told, and what its payload may hold."""
