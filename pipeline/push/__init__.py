"""Push: a delivery in, where it goes out. Pure."""
