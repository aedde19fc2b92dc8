"""The checks of `task-definition.*`."""
