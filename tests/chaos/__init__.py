"""Lying, silent and hostile services: what a run makes of each."""
