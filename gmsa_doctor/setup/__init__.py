"""What a service needs before its first task: the plan of `setup`, and the IAM statements of `iam-policy`."""
