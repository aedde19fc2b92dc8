"""Coverage-guided fuzzing of the parsers that read foreign bytes and texts (`make fuzz`)."""
