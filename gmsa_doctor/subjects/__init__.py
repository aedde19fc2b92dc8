"""From a request to its subjects: in AWS, in files, or the task that we run in."""
