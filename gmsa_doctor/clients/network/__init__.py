"""Clients of single ports: TCP, and SQL Server Browser."""
