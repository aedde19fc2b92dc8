"""Tests of ad."""
