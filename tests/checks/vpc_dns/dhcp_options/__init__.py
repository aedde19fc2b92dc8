"""Checks that need no lab: called with values."""
