output "policy_arns" {
  description = "The policies. Attach them to whoever runs gmsa-doctor run."
  value       = local.policy_arns
}

output "role_arn" {
  description = "The role to assume. Null without principal_arn."
  value       = one(aws_iam_role.run[*].arn)
}
