"""The vocabulary: events, audiences, facts, effects, outcomes. It needs only pydantic."""
