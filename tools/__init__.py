"""Tools for developers: run from the repository, not part of what is installed."""
