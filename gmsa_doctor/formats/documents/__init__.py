"""Documents that people write: JSON and YAML, task definitions, CredSpecs, secrets."""
