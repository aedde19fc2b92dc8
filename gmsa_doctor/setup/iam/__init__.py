"""`gmsa-doctor iam-policy`: the IAM statements that a command or a role needs."""
