# The role with which `gmsa-doctor fleet` checks an account. IAM is global: apply the module once in each account, or deploy
# the CloudFormation template of the same name as a StackSet.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  partition     = data.aws_partition.current.partition
  account       = data.aws_caller_identity.current.account_id
  fleet_account = split(":", var.fleet_role_arn)[4]
  external_id   = var.external_id != null ? { "sts:ExternalId" = var.external_id } : {}

  read = templatefile("${path.module}/policies/read.json.tftpl", {
    partition    = local.partition
    account      = local.account
    decrypted_by = jsonencode(var.read_secrets ? ["s3.*", "secretsmanager.*", "ssm.*"] : ["s3.*", "ssm.*"])
  })
  credspec_buckets = templatefile("${path.module}/policies/credspec_buckets.json.tftpl", {
    buckets = jsonencode(var.credspec_bucket_arns)
    objects = jsonencode([for arn in var.credspec_bucket_arns : "${arn}/*"])
  })
  credspec_parameters = templatefile("${path.module}/policies/credspec_parameters.json.tftpl", {
    parameters = jsonencode(var.credspec_parameter_arns)
  })
  secrets = templatefile("${path.module}/policies/secrets.json.tftpl", {
    partition = local.partition
    account   = local.account
  })
}

resource "aws_iam_role" "member" {
  name        = var.role_name
  description = "Reads what gmsa-doctor fleet needs"
  tags        = var.tags

  # The principal is the account; the condition names the role. A role as the principal must exist before this one, and
  # when it is created again, it is another principal.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole"]
      Principal = { AWS = "arn:${local.partition}:iam::${local.fleet_account}:root" }
      Condition = {
        ArnEquals    = { "aws:PrincipalArn" = var.fleet_role_arn }
        StringEquals = merge({ "aws:PrincipalOrgID" = var.organization_id }, local.external_id)
      }
    }]
  })
}

resource "aws_iam_policy" "member" {
  name        = var.role_name
  description = "What gmsa-doctor fleet reads in an account"
  tags        = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      jsondecode(local.read).Statement,
      [for statement in jsondecode(local.credspec_buckets).Statement : statement if length(var.credspec_bucket_arns) > 0],
      [for statement in jsondecode(local.credspec_parameters).Statement : statement if length(var.credspec_parameter_arns) > 0],
      [for statement in jsondecode(local.secrets).Statement : statement if var.read_secrets],
    )
  })
}

resource "aws_iam_role_policy_attachment" "member" {
  role       = aws_iam_role.member.name
  policy_arn = aws_iam_policy.member.arn
}
