"""What each step of the push graph does with a batch: claim, check, send. Without Beam."""
