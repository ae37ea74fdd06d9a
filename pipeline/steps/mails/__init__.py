"""What the sender of mails reads and writes: statements and the functions that run them."""
