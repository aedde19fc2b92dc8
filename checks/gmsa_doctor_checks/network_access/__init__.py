"""The task's subnets to the domain controllers, by configuration."""
