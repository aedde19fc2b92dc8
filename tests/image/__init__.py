"""The image, built from the Dockerfile and run without a docker engine."""
