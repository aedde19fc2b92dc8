variable "image" {
  description = "The image of gmsa-doctor. Its entry point is the command gmsa-doctor."
  type        = string
}

variable "repository_arn" {
  description = "The image's ECR repository. Null if the image is pulled without credentials."
  type        = string
  default     = null
}

variable "cpu_architecture" {
  description = "The CPU architecture of the image: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "subnet_ids" {
  description = "The subnets of the tasks. They need a route to the AWS APIs of all regions that are checked."
  type        = list(string)
}

variable "security_group_ids" {
  description = "The security groups of the tasks. They need outbound HTTPS only."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether the tasks get a public IP address."
  type        = bool
  default     = false
}

variable "account_ids" {
  description = "The accounts to check. Empty for all active accounts of the organization, or of the organizational units."
  type        = list(string)
  default     = []
}

variable "organizational_unit_ids" {
  description = "The organizational units whose accounts are checked. Empty for the whole organization."
  type        = list(string)
  default     = []
}

variable "regions" {
  description = "The regions to check, as names or patterns such as eu-*; all for the regions that each account has enabled."
  type        = list(string)
}

variable "role_name" {
  description = "The name of the member role, which is the same in all accounts."
  type        = string
  default     = "gmsa-doctor"
}

variable "external_id" {
  description = "The external ID that the member roles require. Null if they require none."
  type        = string
  default     = null
}

variable "member_policy_arn" {
  description = "The policy of the module fleet-member in this account, so that this account is checked too. Null to leave it out."
  type        = string
  default     = null
}

variable "task_role_name" {
  description = "The name of the tasks' role, which the member roles trust."
  type        = string
  default     = "gmsa-doctor-fleet"
}

variable "read_secrets" {
  description = "Whether the member roles may read the values of secrets. Otherwise the tasks do not ask for them."
  type        = bool
  default     = false
}

variable "max_concurrency" {
  description = "How many tasks run at the same time; at most 1000."
  type        = number
  default     = 20
}

variable "tolerated_failure_percentage" {
  description = "The percentage of tasks that may fail. If more fail, no further tasks start."
  type        = number
  default     = 5
}

variable "schedule" {
  description = "When the fleet is checked, as a schedule expression of EventBridge Scheduler."
  type        = string
  default     = "cron(17 2 * * ? *)"
}

variable "time_zone" {
  description = "The time zone of the schedule."
  type        = string
  default     = "UTC"
}

variable "hours_without_run" {
  description = "The number of hours without a run after which the alarm for a missing run fires; at most 168."
  type        = number
  default     = 26
}

variable "metrics_namespace" {
  description = "The CloudWatch namespace of metrics for each account and region. Null for none: CloudWatch bills each of them."
  type        = string
  default     = null
}

variable "retention_days" {
  description = "The number of days after which reports are deleted from the bucket."
  type        = number
  default     = 90
}

variable "notification_email" {
  description = "The email address that receives alarms. Null for none; the alarms are created in either case."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
