output "task_definition_arn" {
  description = "The task definition. To start a run by hand, run it with the service's network configuration."
  value       = aws_ecs_task_definition.nightly.arn
}

output "log_group_name" {
  description = "The log group of the reports."
  value       = aws_cloudwatch_log_group.nightly.name
}

output "topic_arn" {
  description = "The SNS topic of the alarms. Add other subscriptions to it. Null without notification_email."
  value       = one(aws_sns_topic.nightly[*].arn)
}
