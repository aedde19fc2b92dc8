output "state_machine_arn" {
  description = "The state machine. Start it with {} for a new run, or with {\"run\":\"…\"} to check what is missing of a run."
  value       = aws_sfn_state_machine.fleet.arn
}

output "bucket_name" {
  description = "The bucket of the reports. Each run has a folder."
  value       = aws_s3_bucket.fleet.id
}

output "task_role_arn" {
  description = "The role that the member roles trust."
  value       = aws_iam_role.task.arn
}

output "topic_arn" {
  description = "The SNS topic of the alarms. Add other subscriptions to it. Null without notification_email."
  value       = one(aws_sns_topic.fleet[*].arn)
}
