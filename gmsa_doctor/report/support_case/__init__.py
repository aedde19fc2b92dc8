"""The archive for a support case: what goes into it, and in which form."""
