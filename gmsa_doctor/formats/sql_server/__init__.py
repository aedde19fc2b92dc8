"""Formats of SQL Server and its drivers."""
