"""Senders of mail: one interface, and a client of each provider behind it."""
