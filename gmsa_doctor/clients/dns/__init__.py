"""The DNS client."""
