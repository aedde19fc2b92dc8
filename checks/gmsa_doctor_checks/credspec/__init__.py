"""The CredSpec and the secret that it names."""
