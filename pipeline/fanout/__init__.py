"""Decide who gets what for an event. No Beam, no I/O."""
