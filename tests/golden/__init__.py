"""The golden cases: one small world, events in it, and exactly the rows that must follow."""
