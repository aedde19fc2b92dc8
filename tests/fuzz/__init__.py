"""Coverage-guided fuzzing of the parsers that read untrusted bytes and texts (`make fuzz`)."""
