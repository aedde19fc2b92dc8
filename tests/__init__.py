"""Tests of gmsa-doctor."""
