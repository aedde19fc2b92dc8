"""The renderers of a report, one a file."""
