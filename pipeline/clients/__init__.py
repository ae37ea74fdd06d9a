"""Clients of what is outside: each in a folder of its own."""
