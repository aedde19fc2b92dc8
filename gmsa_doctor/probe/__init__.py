"""The one-off task: looking from where the service will run."""
