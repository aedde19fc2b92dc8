"""What the task execution role may do."""
