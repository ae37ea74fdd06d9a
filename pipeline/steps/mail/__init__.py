"""What each step of the mail graph does with a batch: claim, check, freeze, send. Without Beam."""
