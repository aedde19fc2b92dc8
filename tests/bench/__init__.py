"""Benchmarks: ratios measured in one run, on one machine. They measure; no test asserts a time."""
