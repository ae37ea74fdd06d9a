"""What ``ops`` gives, drawn in a terminal."""
