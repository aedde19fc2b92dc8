output "role_arn" {
  description = "The role that the fleet's tasks assume."
  value       = aws_iam_role.member.arn
}

output "policy_arn" {
  description = "The role's policy."
  value       = aws_iam_policy.member.arn
}
