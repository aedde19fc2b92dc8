"""Make an environment in the embedded AWS."""

import json
from typing import Any

from botocore.exceptions import ClientError

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import EXECUTION_ROLE, Created, Environment, fill
from tests.lab.network import VPC_CIDR, make_network


def create(environment: Environment, aws: EmbeddedAws) -> Created:
    """Make all that the environment describes; about 0.1 s.

    Several environments may be made, one after the other, of one cluster and one bucket.
    """
    network = _network(environment, aws)
    created: dict[str, Any] = {
        "region": environment.region,
        "partition": environment.partition,
        "credspec_arn": environment.credspec_arn,
        "secret_arn": environment.likely_secret_arn,
        "task_definition_arn": "",
        "service_arn": "",
        **network,
    }
    created["secret_arn"] = _secret(environment, aws, Created(**created))
    _credspec(environment, aws, Created(**created))
    _role(environment, aws, Created(**created))
    created["task_definition_arn"] = _task_definition(environment, aws, Created(**created))
    created["service_arn"] = _service(environment, aws, Created(**created))
    result = Created(**created)
    for call in environment.after:
        call(aws, result)
    return result


def _network(environment: Environment, aws: EmbeddedAws) -> dict[str, Any]:
    ec2 = aws.client("ec2", environment.region)
    made = make_network(ec2, environment.region)
    options = "default"
    if environment.dhcp is not None:
        answer = ec2.create_dhcp_options(DhcpConfigurations=environment.dhcp)
        options = answer["DhcpOptions"]["DhcpOptionsId"]
        ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=made["vpc"])
    directory = _directory(environment, aws, made["vpc"], made["subnets"])
    return {**made, "dhcp_options": options, "directory": directory}


def _directory(environment: Environment, aws: EmbeddedAws, vpc: str, subnets: tuple[str, ...]) -> str:
    if environment.directory is None:
        return ""
    answer = aws.client("ds", environment.region).create_microsoft_ad(
        Name=environment.domain,
        Password="Adm1n-Passw0rd!",
        VpcSettings={"VpcId": vpc, "SubnetIds": list(subnets[1:])},
    )
    # moto invents the addresses of the directory's DNS servers: they are set where it keeps them.
    from moto.ds.models import ds_backends

    directory = ds_backends[ACCOUNT][environment.region].directories[answer["DirectoryId"]]
    directory.dns_ip_addrs = list(environment.directory)
    assert directory.vpc_settings
    _controllers(environment, aws, directory.vpc_settings["SecurityGroupId"])
    return str(answer["DirectoryId"])


def _controllers(environment: Environment, aws: EmbeddedAws, group: str) -> None:
    """Give the directory's domain controllers their addresses, and their security group the rules that AWS makes."""
    from moto.ec2.models import ec2_backends

    assert environment.directory is not None
    interfaces = ec2_backends[ACCOUNT][environment.region].enis.values()
    own = [one for one in interfaces if any(each.id == group for each in one.group_set)]
    for interface, address in zip(own, environment.directory, strict=False):
        interface.private_ip_address = address
        interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": address}]
    ports = [*((one, port, port) for one in ("tcp", "udp") for port in (53, 88, 389, 445, 464)), ("tcp", 1024, 65535)]
    source = [{"CidrIp": VPC_CIDR}]
    aws.client("ec2", environment.region).authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": protocol, "FromPort": first, "ToPort": last, "IpRanges": source}
            for protocol, first, last in ports
        ],
    )


def _secret(environment: Environment, aws: EmbeddedAws, created: Created) -> str:
    if environment.secret is None:
        return environment.likely_secret_arn
    content = fill(environment.secret, created.names)
    if isinstance(content, bytes):
        value: dict[str, Any] = {"SecretBinary": content}
    else:
        value = {"SecretString": content if isinstance(content, str) else json.dumps(content)}
    client = aws.client("secretsmanager", environment.secret_region or environment.region)
    return str(client.create_secret(Name=environment.secret_name, **value)["ARN"])


def _credspec(environment: Environment, aws: EmbeddedAws, created: Created) -> None:
    region = environment.bucket_region or environment.region
    client = aws.client("s3", region)
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        client.create_bucket(Bucket=environment.bucket, **where)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    content = fill(environment.credspec, created.names)
    if content is not None:
        body = content if isinstance(content, bytes) else json.dumps(content, indent=2).encode()
        client.put_object(Bucket=environment.bucket, Key=environment.key, Body=body)


def _role(environment: Environment, aws: EmbeddedAws, created: Created) -> None:
    """Make the execution role; environments that are made side by side share it, each with a policy of its own."""
    if environment.role_policy is None:
        return
    iam = aws.client("iam", environment.region)
    try:
        iam.create_role(RoleName=EXECUTION_ROLE, AssumeRolePolicyDocument=json.dumps(environment.role_trust))
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    statements = fill(environment.role_policy, created.names)
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    name = environment.secret_name.replace("/", "-")
    iam.put_role_policy(RoleName=EXECUTION_ROLE, PolicyName=name, PolicyDocument=document)


def _task_definition(environment: Environment, aws: EmbeddedAws, created: Created) -> str:
    ecs = aws.client("ecs", environment.region)
    arguments = fill(environment.task_definition, created.names)
    return str(ecs.register_task_definition(**arguments)["taskDefinition"]["taskDefinitionArn"])


def _service(environment: Environment, aws: EmbeddedAws, created: Created) -> str:
    ecs = aws.client("ecs", environment.region)
    ecs.create_cluster(clusterName=environment.cluster)
    if environment.service is None:
        return ""
    arguments = fill(environment.service, created.names)
    answer = ecs.create_service(cluster=environment.cluster, serviceName=environment.name, **arguments)
    return str(answer["service"]["serviceArn"])
