"""Beam around the pure core: each PTransform has a function beside it that does the work."""
