"""Files that the user names: found, and read."""
