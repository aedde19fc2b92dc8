"""The checks of `resolver-rule.*`."""
