"""What the ticket is good for: a real service takes it."""
