"""The checks of `execution-role.*`."""
