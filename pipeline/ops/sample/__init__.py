"""Sample data: two developers, their projects and people, and two dozen events among them."""
