"""Faults under load, each counted by an oracle of its own, each with a control that must fail."""
