"""Tests of the clients; those of files named *_ad want the real domain controller."""
