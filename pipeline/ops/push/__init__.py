"""What an operator may look at of push."""
