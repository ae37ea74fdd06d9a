"""Switches by hand: an event type in; it waits, or goes on."""
