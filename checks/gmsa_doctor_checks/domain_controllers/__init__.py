"""The domain controllers that DNS lists: their addresses, their ports, and the answers of each."""
