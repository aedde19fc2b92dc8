"""Tests of sql_server."""
