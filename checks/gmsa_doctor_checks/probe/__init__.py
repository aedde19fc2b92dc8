"""The tasks that `gmsa-doctor run` starts."""
