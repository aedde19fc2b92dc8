"""Values that the graph gets from outside."""
