"""Tests of dns."""
