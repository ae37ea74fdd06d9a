"""Endpoints of other systems: added, listed, rotated, disabled, removed and tested."""
