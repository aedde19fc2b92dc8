"""Templates that a task definition is made from."""
