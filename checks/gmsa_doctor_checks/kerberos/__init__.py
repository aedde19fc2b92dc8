"""Kerberos: the tickets of the user, the gMSA and services, and their encryption types, lifetimes and clocks."""
