"""How much phones ring, and how much they would under other settings."""
