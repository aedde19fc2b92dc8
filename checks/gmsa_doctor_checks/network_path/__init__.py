"""The way from the task's subnets to AWS's services."""
