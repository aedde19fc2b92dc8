"""The paths from the task's subnets to AWS services."""
