"""`gmsa-doctor check` and `explain`: the checks of a request, and their report."""
