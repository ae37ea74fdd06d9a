"""Draws the results of ``ops`` in a terminal."""
