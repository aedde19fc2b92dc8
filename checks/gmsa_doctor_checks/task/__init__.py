"""The task definition, the service, and the container instances."""
