"""The longest chain of dependent AWS calls of a static check, one after the other, as a plain script would do it.

usage: python chain.py CLUSTER SERVICE
"""

import json
import sys

import boto3

cluster, name = sys.argv[1:]
session = boto3.Session()
ecs = session.client("ecs")
service = ecs.describe_services(cluster=cluster, services=[name])["services"][0]
definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
spec = definition["containerDefinitions"][0]["credentialSpecs"][0]
bucket, _, key = spec.rpartition(":")[2].partition("/")
credspec = json.load(session.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
arn = credspec["ActiveDirectoryConfig"]["HostAccountConfig"]["PluginInput"]["CredentialArn"]
secret = json.loads(session.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
directories = session.client("ds").describe_directories()["DirectoryDescriptions"]
(directory,) = [one for one in directories if one["Name"] == secret["domainName"]]
ec2 = session.client("ec2")
of_hosts = [{"Name": "addresses.private-ip-address", "Values": directory["DnsIpAddrs"]}]
interfaces = ec2.describe_network_interfaces(Filters=of_hosts)["NetworkInterfaces"]
groups = [group["GroupId"] for one in interfaces for group in one["Groups"]]
assert ec2.describe_security_groups(GroupIds=groups)["SecurityGroups"]
