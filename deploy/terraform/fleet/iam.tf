# The roles of the tasks, of the state machine and of its schedule.

locals {
  own_account = { StringEquals = { "aws:SourceAccount" = local.account } }

  trust = {
    execution = { Principal = { Service = "ecs-tasks.amazonaws.com" } }
    task      = { Principal = { Service = "ecs-tasks.amazonaws.com" }, Condition = local.own_account }
    machine   = { Principal = { Service = "states.amazonaws.com" }, Condition = local.own_account }
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
  name        = var.task_role_name
  description = "Lists the accounts, assumes the member role in each, and writes the reports"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge({ Effect = "Allow", Action = ["sts:AssumeRole"] }, local.trust.task)]
  })
}

resource "aws_iam_role" "machine" {
  name_prefix = "gmsa-doctor-machine-"
  description = "Starts the tasks of gmsa-doctor fleet"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [merge({ Effect = "Allow", Action = ["sts:AssumeRole"] }, local.trust.machine)]
  })
}

resource "aws_iam_role" "schedule" {
  name_prefix = "gmsa-doctor-schedule-"
  description = "Starts the state machine of gmsa-doctor fleet"
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
    log_group = aws_cloudwatch_log_group.fleet.name
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

resource "aws_iam_role_policy" "fleet" {
  name = "fleet"
  role = aws_iam_role.task.id

  policy = templatefile("${path.module}/policies/fleet.json.tftpl", {
    partition = local.partition
    role_name = var.role_name
    bucket    = aws_s3_bucket.fleet.arn
  })
}

resource "aws_iam_role_policy_attachment" "member" {
  count = var.member_policy_arn != null ? 1 : 0

  role       = aws_iam_role.task.name
  policy_arn = var.member_policy_arn
}

resource "aws_iam_role_policy" "run" {
  name = "run"
  role = aws_iam_role.machine.id

  policy = templatefile("${path.module}/policies/run.json.tftpl", {
    partition      = local.partition
    region         = local.region
    account        = local.account
    execution_role = aws_iam_role.execution.arn
    task_role      = aws_iam_role.task.arn
    bucket         = aws_s3_bucket.fleet.arn
  })
}

resource "aws_iam_role_policy" "start" {
  name = "start"
  role = aws_iam_role.schedule.id

  policy = templatefile("${path.module}/policies/start.json.tftpl", {
    state_machine = aws_sfn_state_machine.fleet.arn
  })
}
