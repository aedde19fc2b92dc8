"""Clients of Kerberos: logons, and ticket caches."""
