"""What each step of reactions does with a batch: claim, read, ask the handlers."""
