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

variable "cluster_name" {
  description = "The name of the service's ECS cluster."
  type        = string
}

variable "service_name" {
  description = "The name of the service."
  type        = string
}

variable "subnet_ids" {
  description = "The service's subnets. ECS chooses one of them for each run."
  type        = list(string)
}

variable "security_group_ids" {
  description = "The service's security groups."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether the task gets a public IP address. Use the service's setting."
  type        = bool
  default     = false
}

variable "execution_role_arns" {
  description = "The ARN of the service's task execution role. IAM simulates its policies."
  type        = list(string)
}

variable "instance_role_arns" {
  description = "On EC2, the ARNs of the container instances' roles. IAM simulates their policies."
  type        = list(string)
  default     = []
}

variable "credspec_arn" {
  description = "The ARN of the CredSpec in S3, such as arn:aws:s3:::BUCKET/KEY."
  type        = string
}

variable "secret_arns" {
  description = "The full ARN of the CredSpec's secret, including the six-character suffix."
  type        = list(string)
}

variable "kms_key_arns" {
  description = "The key ARNs of customer managed keys that encrypt the secret or the CredSpec."
  type        = list(string)
  default     = []
}

variable "schedule" {
  description = "When the check runs, as a schedule expression of EventBridge Scheduler."
  type        = string
  default     = "cron(17 3 * * ? *)"
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
  description = "The CloudWatch namespace of the metrics."
  type        = string
  default     = "gmsa-doctor"
}

variable "event_bus_name" {
  description = "The event bus that receives the verdict."
  type        = string
  default     = "default"
}

variable "notification_email" {
  description = "The email address that receives alarms. Null for none; the alarms are created in either case."
  type        = string
  default     = null
}

variable "notify_each_verdict" {
  description = "Whether the address also receives each verdict other than pass, with its root causes."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
}
