"""Does a request that names a key once, however often it is sent, and whoever receives it."""
