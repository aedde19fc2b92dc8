# Runs `gmsa-doctor check` every night as a Fargate task in the subnets and security groups of a service.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id
  account   = data.aws_caller_identity.current.account_id
  cluster   = "arn:${local.partition}:ecs:${local.region}:${local.account}:cluster/${var.cluster_name}"
  family    = "gmsa-doctor-nightly-${var.service_name}"
  subject   = "${var.cluster_name}/${var.service_name}"
}

resource "aws_cloudwatch_log_group" "nightly" {
  name              = "/gmsa-doctor/${local.subject}"
  retention_in_days = 30
  tags              = var.tags
}

resource "aws_ecs_task_definition" "nightly" {
  family                   = local.family
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "256"
  memory                   = "512"
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
    command = [
      "check",
      "--region", local.region,
      "--cluster", var.cluster_name,
      "--service", var.service_name,
      "--live", "always",
      "--timeout", "300",
      "--metrics", var.metrics_namespace,
      "--event-bus", var.event_bus_name,
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.nightly.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "nightly"
      }
    }
  }])
}

resource "aws_scheduler_schedule" "nightly" {
  name                         = substr(local.family, 0, 64)
  description                  = "gmsa-doctor check of ${local.subject}"
  schedule_expression          = var.schedule
  schedule_expression_timezone = var.time_zone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.cluster
    role_arn = aws_iam_role.schedule.arn

    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 3600
    }

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.nightly.arn
      task_count          = 1
      launch_type         = "FARGATE"

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = var.security_group_ids
        assign_public_ip = var.assign_public_ip
      }
    }
  }
}
