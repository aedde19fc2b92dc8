"""From a request to its subjects: registered in ECS, in files, or the task that we run in."""
