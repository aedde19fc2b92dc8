"""What the IAM roles of a task are allowed to do."""
