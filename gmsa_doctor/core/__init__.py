"""What an author of checks and the engine need; imports nothing else of ours."""
