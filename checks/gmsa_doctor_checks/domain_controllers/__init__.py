"""The domain controllers that DNS names: their addresses, their ports, and what each of them answers."""
