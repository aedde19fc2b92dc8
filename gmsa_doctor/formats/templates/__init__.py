"""Templates of task definitions."""
