"""Clients of AWS's services."""
