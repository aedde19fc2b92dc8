"""Tests of the one-off task."""
