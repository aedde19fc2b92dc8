# The roles of the nightly task and of its schedule. The task's policies together are the one that
# `gmsa-doctor iam-policy --for doctor --event-bus …` prints; a test compares them.

locals {
  own_account = { StringEquals = { "aws:SourceAccount" = local.account } }

  trust = {
    execution = { Principal = { Service = "ecs-tasks.amazonaws.com" } }
    task      = { Principal = { Service = "ecs-tasks.amazonaws.com" }, Condition = local.own_account }
    schedule  = { Principal = { Service = "scheduler.amazonaws.com" }, Condition = local.own_account }
  }
}

resource "aws_iam_role" "execution" {
  name_prefix = "gmsa-doctor-execution-"
  description = "Pulls the image of gmsa-doctor and writes its log"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge({ Effect = "Allow", Action = ["sts:AssumeRole"] }, local.trust.execution)]
  })
}

resource "aws_iam_role" "task" {
  name_prefix = "gmsa-doctor-task-"
  description = "Reads what gmsa-doctor check needs, and sends its verdict"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge({ Effect = "Allow", Action = ["sts:AssumeRole"] }, local.trust.task)]
  })
}

resource "aws_iam_role" "schedule" {
  name_prefix = "gmsa-doctor-schedule-"
  description = "Starts the nightly task of gmsa-doctor"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge({ Effect = "Allow", Action = ["sts:AssumeRole"] }, local.trust.schedule)]
  })
}

resource "aws_iam_role_policy" "log" {
  name = "log"
  role = aws_iam_role.execution.id

  policy = templatefile("${path.module}/policies/log.json.tftpl", {
    partition = local.partition
    region    = local.region
    account   = local.account
    log_group = aws_cloudwatch_log_group.nightly.name
  })
}

resource "aws_iam_role_policy" "pull" {
  count = var.repository_arn != null ? 1 : 0

  name = "pull"
  role = aws_iam_role.execution.id

  policy = templatefile("${path.module}/policies/pull.json.tftpl", {
    repository = var.repository_arn
  })
}

resource "aws_iam_role_policy" "check" {
  name = "check"
  role = aws_iam_role.task.id

  policy = templatefile("${path.module}/policies/check.json.tftpl", {
    partition       = local.partition
    region          = local.region
    account         = local.account
    cluster         = var.cluster_name
    roles           = jsonencode(concat(var.execution_role_arns, var.instance_role_arns))
    credspec        = var.credspec_arn
    credspec_bucket = split("/", var.credspec_arn)[0]
    secrets         = jsonencode(var.secret_arns)
    event_bus       = var.event_bus_name
  })
}

resource "aws_iam_role_policy" "kms" {
  count = length(var.kms_key_arns) > 0 ? 1 : 0

  name = "kms"
  role = aws_iam_role.task.id

  policy = templatefile("${path.module}/policies/kms.json.tftpl", {
    kms_keys = jsonencode(var.kms_key_arns)
  })
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.schedule.id

  policy = templatefile("${path.module}/policies/start.json.tftpl", {
    partition      = local.partition
    region         = local.region
    account        = local.account
    cluster        = var.cluster_name
    service        = var.service_name
    execution_role = aws_iam_role.execution.arn
    task_role      = aws_iam_role.task.arn
  })
}
