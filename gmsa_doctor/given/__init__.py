"""The values that the graph is given from outside."""
