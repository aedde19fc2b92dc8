# Alarms for a failure, an unproven run, an incomplete run and a missing run, and the topic that they go to.

locals {
  # Between two runs there is no data, and the last verdict holds. The alarm "no-run" fires if there is none for too long.
  alarms = {
    fail = {
      description = "gmsa-doctor: ${local.subject} cannot use its gMSA. The log group ${aws_cloudwatch_log_group.nightly.name} has the root cause."
      metric      = "Fail"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      periods     = 1
      missing     = "ignore"
    }
    unproven = {
      description = "gmsa-doctor: nothing failed for ${local.subject}, but its gMSA's ticket was not requested. The log group ${aws_cloudwatch_log_group.nightly.name} has the reason."
      metric      = "Unproven"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      periods     = 1
      missing     = "ignore"
    }
    incomplete = {
      description = "gmsa-doctor: some checks of ${local.subject} got no answer. The log group ${aws_cloudwatch_log_group.nightly.name} lists them."
      metric      = "Incomplete"
      statistic   = "Maximum"
      comparison  = "GreaterThanOrEqualToThreshold"
      periods     = 1
      missing     = "ignore"
    }
    no-run = {
      description = "gmsa-doctor: no verdict on ${local.subject} for ${var.hours_without_run} hours. The nightly task did not start, or ended with an error."
      metric      = "Fail"
      statistic   = "SampleCount"
      comparison  = "LessThanThreshold"
      periods     = var.hours_without_run
      missing     = "breaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "nightly" {
  for_each = local.alarms

  alarm_name          = "gmsa-doctor ${local.subject} ${each.key}"
  alarm_description   = each.value.description
  namespace           = var.metrics_namespace
  metric_name         = each.value.metric
  dimensions          = { Subject = local.subject }
  statistic           = each.value.statistic
  period              = 3600
  evaluation_periods  = each.value.periods
  datapoints_to_alarm = each.value.periods
  threshold           = 1
  comparison_operator = each.value.comparison
  treat_missing_data  = each.value.missing
  alarm_actions       = aws_sns_topic.nightly[*].arn
  ok_actions          = aws_sns_topic.nightly[*].arn
  tags                = var.tags
}

resource "aws_sns_topic" "nightly" {
  count = var.notification_email != null ? 1 : 0

  name_prefix  = "gmsa-doctor-"
  display_name = "gmsa-doctor"
  tags         = var.tags
}

resource "aws_sns_topic_subscription" "nightly" {
  count = var.notification_email != null ? 1 : 0

  topic_arn = aws_sns_topic.nightly[0].arn
  protocol  = "email"
  endpoint  = var.notification_email
}

resource "aws_sns_topic_policy" "nightly" {
  count = var.notification_email != null ? 1 : 0

  arn = aws_sns_topic.nightly[0].arn

  # EventBridge may publish only if a rule sends each verdict.
  policy = var.notify_each_verdict ? templatefile("${path.module}/policies/topic_with_verdicts.json.tftpl", {
    account = local.account
    topic   = aws_sns_topic.nightly[0].arn
    }) : templatefile("${path.module}/policies/topic.json.tftpl", {
    account = local.account
    topic   = aws_sns_topic.nightly[0].arn
  })
}

resource "aws_cloudwatch_event_rule" "verdict" {
  count = var.notification_email != null && var.notify_each_verdict ? 1 : 0

  name_prefix    = "gmsa-doctor-"
  description    = "Verdicts of gmsa-doctor on ${local.subject} other than pass"
  event_bus_name = var.event_bus_name
  tags           = var.tags

  event_pattern = jsonencode({
    source        = ["gmsa-doctor"]
    "detail-type" = ["gmsa-doctor verdict"]
    detail = {
      verdict  = ["unproven", "fail", "incomplete"]
      subjects = [local.subject, { prefix = "${local.subject}/" }]
    }
  })
}

resource "aws_cloudwatch_event_target" "verdict" {
  count = var.notification_email != null && var.notify_each_verdict ? 1 : 0

  rule           = aws_cloudwatch_event_rule.verdict[0].name
  event_bus_name = var.event_bus_name
  target_id      = "topic"
  arn            = aws_sns_topic.nightly[0].arn
}
