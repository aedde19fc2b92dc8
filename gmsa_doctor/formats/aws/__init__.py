"""Formats of AWS: ARNs, policies, routes, security groups."""
