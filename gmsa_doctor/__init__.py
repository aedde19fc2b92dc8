"""gmsa-doctor: why Windows authentication (gMSA) on Amazon ECS does not work, and what to do."""

__version__ = "0.1.0"
