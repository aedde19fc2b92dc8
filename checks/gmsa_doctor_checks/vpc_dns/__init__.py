"""Where the VPC sends the task's questions to DNS: DHCP options, Resolver rules, directories."""
