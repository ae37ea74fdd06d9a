"""The graphs. Each fits on one screen."""
