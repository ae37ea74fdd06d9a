"""What each step of outgoing webhooks does with a batch. A slow endpoint holds up no other."""
