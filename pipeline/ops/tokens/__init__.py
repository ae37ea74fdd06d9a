"""API tokens of the HTTP service: created, listed, revoked, and looked up."""
