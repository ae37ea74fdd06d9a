"""The graphs, one screen each."""
