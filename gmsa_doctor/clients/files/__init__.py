"""Finds and reads the files that the user names."""
