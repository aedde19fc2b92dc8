variable "organization_id" {
  description = "The ID of the organization, such as o-a1b2c3d4e5. Principals of other organizations cannot assume the role."
  type        = string
}

variable "fleet_role_arn" {
  description = "The ARN of the role of the fleet's tasks, such as arn:aws:iam::123456789012:role/gmsa-doctor-fleet."
  type        = string
}

variable "external_id" {
  description = "The external ID that the role requires. Null if it requires none."
  type        = string
  default     = null
}

variable "role_name" {
  description = "The name of the role and of its policy, the same in all accounts."
  type        = string
  default     = "gmsa-doctor"
}

variable "credspec_bucket_arns" {
  description = "The ARNs of the S3 buckets with CredSpecs, also as patterns such as arn:aws:s3:::*-credspecs."
  type        = list(string)
}

variable "credspec_parameter_arns" {
  description = "The ARNs of the SSM parameters with CredSpecs, such as arn:aws:ssm:*:*:parameter/gmsa/*."
  type        = list(string)
  default     = []
}

variable "read_secrets" {
  description = "Whether the role reads the values of the account's secrets, to check their form. Without it, secrets are described, and their values are not checked."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
