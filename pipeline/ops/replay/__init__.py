"""Replay: publishes events again to the topic of the stream, after their cause was fixed."""
