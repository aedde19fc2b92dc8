variable "name" {
  description = "The name of the policies and the role."
  type        = string
  default     = "gmsa-doctor-run"
}

variable "cluster_name" {
  description = "The name of the ECS cluster of the services to check."
  type        = string
}

variable "execution_role_arns" {
  description = "The ARNs of the services' task execution roles, which the probes run as. Add the probes' own role if there is one."
  type        = list(string)
}

variable "log_group_name" {
  description = "The log group that the probes write to. It is the services' log group unless run has --log-group."
  type        = string
}

variable "instance_role_arns" {
  description = "On EC2, the ARNs of the container instances' roles. IAM simulates their policies."
  type        = list(string)
  default     = []
}

variable "credspec_arn" {
  description = "The ARN of the CredSpec in S3, such as arn:aws:s3:::BUCKET/KEY. The key may contain a wildcard."
  type        = string
}

variable "secret_arns" {
  description = "The full ARNs of the CredSpecs' secrets, including the six-character suffixes."
  type        = list(string)
}

variable "kms_key_arns" {
  description = "The key ARNs of customer managed keys that encrypt the secrets or the CredSpecs."
  type        = list(string)
  default     = []
}

variable "report_bucket" {
  description = "The bucket of --report-s3. Null if the reports come through the log stream."
  type        = string
  default     = null
}

variable "report_prefix" {
  description = "The prefix of --report-s3, without slashes around it."
  type        = string
  default     = "gmsa-doctor"
}

variable "principal_arn" {
  description = "The ARN of the principal that may assume the role. Null to create only the policies."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
