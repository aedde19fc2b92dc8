"""Tests of what a service needs before its first task."""
