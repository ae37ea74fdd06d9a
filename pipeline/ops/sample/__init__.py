"""Sample data: two property developers, their projects and people, and two dozen events."""
