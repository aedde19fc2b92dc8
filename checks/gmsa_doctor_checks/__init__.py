"""The built-in checks, one module an area."""
