"""The way from the task's subnets to the domain controllers, by configuration."""
