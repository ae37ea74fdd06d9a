"""Replay: events whose cause is fixed, once more through the stream's own topic."""
