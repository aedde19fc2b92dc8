"""Formats of Active Directory and Kerberos."""
