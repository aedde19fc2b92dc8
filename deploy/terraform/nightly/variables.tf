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
  description = "What the image is built for: X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "cluster_name" {
  description = "The service's ECS cluster, by name."
  type        = string
}

variable "service_name" {
  description = "The service, by name."
  type        = string
}

variable "subnet_ids" {
  description = "The service's subnets. ECS takes one of them for each run."
  type        = list(string)
}

variable "security_group_ids" {
  description = "The service's security groups."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "As the service has it."
  type        = bool
  default     = false
}

variable "execution_role_arns" {
  description = "The service's task execution role, as an ARN. Its policies are simulated."
  type        = list(string)
}

variable "instance_role_arns" {
  description = "On EC2, the roles of the container instances' profiles, as ARNs. Their policies are simulated, too."
  type        = list(string)
  default     = []
}

variable "credspec_arn" {
  description = "The CredSpec in S3, such as arn:aws:s3:::BUCKET/KEY."
  type        = string
}

variable "secret_arns" {
  description = "The secret that the CredSpec names, as a full ARN with its six last characters."
  type        = list(string)
}

variable "kms_key_arns" {
  description = "Customer-managed keys of the secret or the CredSpec, as ARNs of keys."
  type        = list(string)
  default     = []
}

variable "schedule" {
  description = "When it runs, as EventBridge Scheduler writes it."
  type        = string
  default     = "cron(17 3 * * ? *)"
}

variable "time_zone" {
  description = "The schedule's time zone."
  type        = string
  default     = "UTC"
}

variable "hours_without_run" {
  description = "The alarm for no run at all is raised after so many hours without one; at most 168."
  type        = number
  default     = 26
}

variable "metrics_namespace" {
  description = "The CloudWatch namespace of the metrics."
  type        = string
  default     = "gmsa-doctor"
}

variable "event_bus_name" {
  description = "The event bus that the verdict is sent to."
  type        = string
  default     = "default"
}

variable "notification_email" {
  description = "Who is told of alarms. Null for nobody; the alarms are there all the same."
  type        = string
  default     = null
}

variable "notify_each_verdict" {
  description = "Whether the address is sent each verdict other than pass as well, with its root causes."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
