"""What the graphs of mail and push share: rate limits, switches of providers, requests."""
