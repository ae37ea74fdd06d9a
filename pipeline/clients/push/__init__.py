"""Through what is pushed: the websocket bus, and Firebase Cloud Messaging."""
