# Alarms for a run that failed, a run that did not end in time and a missing run, and the topic that they go to.

locals {
  alarms = {
    fail = {
      description = "gmsa-doctor: a run of the fleet ended with failures, is incomplete, or broke. The execution's error of the state machine ${aws_sfn_state_machine.fleet.name} says which; the bucket ${aws_s3_bucket.fleet.id} has the report."
      metric      = "ExecutionsFailed"
      comparison  = "GreaterThanOrEqualToThreshold"
      periods     = 1
      missing     = "notBreaching"
    }
    timed-out = {
      description = "gmsa-doctor: a run of the fleet did not end in time. Start the state machine ${aws_sfn_state_machine.fleet.name} with its run to check what is missing."
      metric      = "ExecutionsTimedOut"
      comparison  = "GreaterThanOrEqualToThreshold"
      periods     = 1
      missing     = "notBreaching"
    }
    no-run = {
      description = "gmsa-doctor: no run of the fleet for ${var.hours_without_run} hours."
      metric      = "ExecutionsStarted"
      comparison  = "LessThanThreshold"
      periods     = var.hours_without_run
      missing     = "breaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "fleet" {
  for_each = local.alarms

  alarm_name          = "gmsa-doctor fleet ${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  dimensions          = { StateMachineArn = aws_sfn_state_machine.fleet.arn }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  threshold           = 1
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing
  alarm_actions       = aws_sns_topic.fleet[*].arn
  ok_actions          = aws_sns_topic.fleet[*].arn
  tags                = var.tags
}

resource "aws_sns_topic" "fleet" {
  count = var.notification_email != null ? 1 : 0

  name_prefix  = "gmsa-doctor-"
  display_name = "gmsa-doctor"
  tags         = var.tags
}

resource "aws_sns_topic_subscription" "fleet" {
  count = var.notification_email != null ? 1 : 0

  topic_arn = aws_sns_topic.fleet[0].arn
  protocol  = "email"
  endpoint  = var.notification_email
}

resource "aws_sns_topic_policy" "fleet" {
  count = var.notification_email != null ? 1 : 0

  arn = aws_sns_topic.fleet[0].arn

  policy = templatefile("${path.module}/policies/topic.json.tftpl", {
    account = local.account
    topic   = aws_sns_topic.fleet[0].arn
  })
}
