"""The task definition, the service, and where its tasks run."""
