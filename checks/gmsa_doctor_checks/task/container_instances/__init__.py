"""Checks of EC2 container instances: `container-instances.*`."""
