# The permissions of `gmsa-doctor run`: policies, and a role with them. Together the policies are the one that
# `gmsa-doctor iam-policy --for run` prints; a test compares them.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

resource "aws_iam_policy" "run" {
  name        = var.name
  description = "The permissions of gmsa-doctor run"
  tags        = var.tags

  policy = templatefile("${path.module}/policies/run.json.tftpl", {
    partition       = data.aws_partition.current.partition
    region          = data.aws_region.current.id
    account         = data.aws_caller_identity.current.account_id
    cluster         = var.cluster_name
    execution_roles = jsonencode(var.execution_role_arns)
    roles           = jsonencode(concat(var.execution_role_arns, var.instance_role_arns))
    log_group       = var.log_group_name
    credspec        = var.credspec_arn
    credspec_bucket = split("/", var.credspec_arn)[0]
    secrets         = jsonencode(var.secret_arns)
  })
}

resource "aws_iam_policy" "kms" {
  count = length(var.kms_key_arns) > 0 ? 1 : 0

  name        = "${var.name}-kms"
  description = "The permissions of gmsa-doctor run on customer managed keys"
  tags        = var.tags

  policy = templatefile("${path.module}/policies/kms.json.tftpl", {
    kms_keys = jsonencode(var.kms_key_arns)
  })
}

resource "aws_iam_policy" "report" {
  count = var.report_bucket != null ? 1 : 0

  name        = "${var.name}-report"
  description = "The permissions of gmsa-doctor run --report-s3"
  tags        = var.tags

  policy = templatefile("${path.module}/policies/report.json.tftpl", {
    partition     = data.aws_partition.current.partition
    report_bucket = var.report_bucket
    report_prefix = var.report_prefix
  })
}

locals {
  policy_arns = concat([aws_iam_policy.run.arn], aws_iam_policy.kms[*].arn, aws_iam_policy.report[*].arn)
}

resource "aws_iam_role" "run" {
  count = var.principal_arn != null ? 1 : 0

  name        = var.name
  description = "Runs gmsa-doctor run"
  tags        = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { AWS = var.principal_arn }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "run" {
  count = var.principal_arn != null ? 1 : 0

  role       = aws_iam_role.run[0].name
  policy_arn = aws_iam_policy.run.arn
}

resource "aws_iam_role_policy_attachment" "kms" {
  count = var.principal_arn != null && length(var.kms_key_arns) > 0 ? 1 : 0

  role       = aws_iam_role.run[0].name
  policy_arn = aws_iam_policy.kms[0].arn
}

resource "aws_iam_role_policy_attachment" "report" {
  count = var.principal_arn != null && var.report_bucket != null ? 1 : 0

  role       = aws_iam_role.run[0].name
  policy_arn = aws_iam_policy.report[0].arn
}
