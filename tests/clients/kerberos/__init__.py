"""Tests of kerberos."""
