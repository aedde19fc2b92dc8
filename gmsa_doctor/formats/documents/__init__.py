"""Documents: JSON and YAML, task definitions, CredSpecs, secrets."""
