"""What the IAM roles of a task may do."""
