"""The way to SQL Server."""
