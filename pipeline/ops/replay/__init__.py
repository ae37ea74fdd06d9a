"""Replay: events that have their cause mended, once more through the stream's own topic."""
