"""TCP and SQL Server Browser."""
