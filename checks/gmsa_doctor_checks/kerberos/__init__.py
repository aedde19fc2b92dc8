"""Kerberos: the tickets, how to get them, and what they are made of."""
