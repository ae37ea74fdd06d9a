"""What must work so that an event becomes notifications: one quick look."""
