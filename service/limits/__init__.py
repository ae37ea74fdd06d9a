"""Limits: how large, how many, how often and how slow requests may be."""
