output "policy_arns" {
  description = "The policies, to be attached to whoever runs gmsa-doctor run."
  value       = local.policy_arns
}

output "role_arn" {
  description = "The role to be assumed; null without principal_arn."
  value       = one(aws_iam_role.run[*].arn)
}
