variable "name" {
  description = "What the policies and the role are called."
  type        = string
  default     = "gmsa-doctor-run"
}

variable "cluster_name" {
  description = "The ECS cluster of the services that are looked at, by name."
  type        = string
}

variable "execution_role_arns" {
  description = "The services' task execution roles, which the probes act as; and the probes' own, where one is named."
  type        = list(string)
}

variable "log_group_name" {
  description = "The log group that the probes write to. The services' own, unless another is named."
  type        = string
}

variable "instance_role_arns" {
  description = "On EC2, the roles of the container instances' profiles, as ARNs. Their policies are simulated, too."
  type        = list(string)
  default     = []
}

variable "credspec_arn" {
  description = "The CredSpec in S3, such as arn:aws:s3:::BUCKET/KEY. The key may hold a wildcard."
  type        = string
}

variable "secret_arns" {
  description = "The secrets that the CredSpecs name, as full ARNs with their six last characters."
  type        = list(string)
}

variable "kms_key_arns" {
  description = "Customer-managed keys of the secrets or the CredSpecs, as ARNs of keys."
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
  description = "Who may assume the role. Null for no role, only the policies."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of all that is made."
  type        = map(string)
  default     = {}
}
