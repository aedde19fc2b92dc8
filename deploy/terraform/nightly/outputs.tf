output "task_definition_arn" {
  description = "To start a run by hand, with the service's network configuration."
  value       = aws_ecs_task_definition.nightly.arn
}

output "log_group_name" {
  description = "Where the reports are."
  value       = aws_cloudwatch_log_group.nightly.name
}

output "topic_arn" {
  description = "Other subscriptions can be added to it; null without notification_email."
  value       = one(aws_sns_topic.nightly[*].arn)
}
