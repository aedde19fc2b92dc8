"""The tool as its users run it: one environment with one fault (or none), and the one root cause."""
