"""Where the VPC sends the task's DNS queries: DHCP options, Resolver rules, directories."""
