"""Faults under load, each counted by an independent oracle, each with a control that must fail."""
