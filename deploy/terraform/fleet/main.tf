# Runs `gmsa-doctor fleet` on a schedule: a state machine lists the accounts and regions, starts a Fargate task for each,
# and merges their reports.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id

  # The arguments of the plan, as literals of a States.Array.
  accounts = (
    length(var.account_ids) > 0 ? "'--accounts', '${join(",", var.account_ids)}'" :
    length(var.organizational_unit_ids) > 0 ? "'--ou', '${join(",", var.organizational_unit_ids)}'" :
    "'--organization'"
  )
  excluded_accounts = var.member_policy_arn != null ? "" : ", '--excluded-accounts', '${local.account}'"
  external_id       = var.external_id != null ? ", '--external-id', '${var.external_id}'" : ""
  metrics           = var.metrics_namespace != null ? ", '--metrics', '${var.metrics_namespace}'" : ""
  skipped           = var.read_secrets ? "" : ", '--skip', 'secret.value'"
}

resource "aws_cloudwatch_log_group" "fleet" {
  name              = "/gmsa-doctor/fleet"
  retention_in_days = 30
  tags              = var.tags
}

resource "aws_ecs_cluster" "fleet" {
  name = "gmsa-doctor-fleet"
  tags = var.tags
}

resource "aws_ecs_task_definition" "fleet" {
  family                   = "gmsa-doctor-fleet"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "512"
  memory                   = "1024"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([{
    name                   = "gmsa-doctor"
    image                  = var.image
    essential              = true
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    command                = ["fleet", "--help"] # The state machine gives each task its own command.
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.fleet.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "fleet"
      }
    }
  }])
}

resource "aws_sfn_state_machine" "fleet" {
  name     = "gmsa-doctor-fleet"
  role_arn = aws_iam_role.machine.arn
  tags     = var.tags

  definition = templatefile("${path.module}/state_machine.json.tftpl", {
    partition                    = local.partition
    task_definition              = aws_ecs_task_definition.fleet.arn
    bucket                       = aws_s3_bucket.fleet.id
    subnets                      = join("\", \"", var.subnet_ids)
    security_groups              = join("\", \"", var.security_group_ids)
    assign_public_ip             = var.assign_public_ip ? "ENABLED" : "DISABLED"
    max_concurrency              = var.max_concurrency
    tolerated_failure_percentage = var.tolerated_failure_percentage
    accounts                     = local.accounts
    excluded_accounts            = local.excluded_accounts
    regions                      = join(",", var.regions)
    role_name                    = var.role_name
    external_id                  = local.external_id
    metrics                      = local.metrics
    skipped                      = local.skipped
  })
}

resource "aws_scheduler_schedule" "fleet" {
  name                         = "gmsa-doctor-fleet"
  description                  = "gmsa-doctor fleet"
  schedule_expression          = var.schedule
  schedule_expression_timezone = var.time_zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sfn_state_machine.fleet.arn
    role_arn = aws_iam_role.schedule.arn
    input    = "{}"

    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 3600
    }
  }
}
