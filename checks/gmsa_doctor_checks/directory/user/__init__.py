"""The checks of `user.*`."""
