"""The domain controllers, one by one, as DNS names them."""
