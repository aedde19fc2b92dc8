"""Make an environment in the embedded AWS."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Protocol
from uuid import NAMESPACE_URL, uuid5

from botocore.exceptions import ClientError

from tests.lab import recorded
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import EXECUTION_ROLE, Created, Environment, fill, healthy
from tests.lab.network import VPC_CIDR, make_network
from tests.lab.other_accounts import OtherAccount


class Account(Protocol):
    """An account in which parts are made."""

    def client(self, service: str, region: str) -> Any:
        """Give the lab's boto3 client of it."""

    def backend(self, service: str, region: str) -> Any:
        """Give what moto keeps of a service."""


def create(environment: Environment, aws: EmbeddedAws) -> Created:
    """Make all that the environment describes; about 0.1 s, or what differs from the account that `aws` plays.

    Several environments may be made, one after the other, of one cluster and one bucket.
    """
    first, played = aws.empty, aws.player.begin()
    aws.empty = False
    created = Created(
        region=environment.region,
        partition=environment.partition,
        credspec_arn=environment.credspec_arn,
        secret_arn=environment.likely_secret_arn,
    )
    for part in PARTS:
        if played and part.is_as_in(played, environment, created):
            created = replace(created, **{name: getattr(played.created, name) for name in part.names})
            continue
        if played and part.is_whole_service:
            aws.player.discard(part.service)
        if first and part.is_whole_service:
            recorded.seed(part.service, ACCOUNT, environment.region)
        created = replace(created, **part.make(environment, aws, created))
    for call in environment.after:
        call(aws, created)
    return created


def create_in(account: OtherAccount, environment: Environment) -> Created:
    """Make the same in another account, whose execution role it gets. What is in `after` is not called."""
    definition = environment.task_definition
    role = definition["executionRoleArn"].replace(ACCOUNT, account.id)
    environment = replace(environment, task_definition={**definition, "executionRoleArn": role})
    created = Created(
        region=environment.region,
        partition=environment.partition,
        credspec_arn=environment.credspec_arn,
        secret_arn=environment.likely_secret_arn.replace(ACCOUNT, account.id),
    )
    for part in PARTS:
        created = replace(created, **part.make(environment, account, created))
    return created


@dataclass(frozen=True)
class Part:
    """A part of the account, which `make` makes of these fields of an environment, and of the names made before."""

    service: str
    fields: tuple[str, ...]
    make: Callable[[Environment, Account, Created], dict[str, Any]]
    names: tuple[str, ...] = ()
    """What it gives to `Created`."""
    is_whole_service: bool = True
    """Whether it is made again from nothing, and later parts with it, if it differs from the account that is played."""

    def is_as_in(self, played: recorded.HealthyAccount, environment: Environment, created: Created) -> bool:
        """Return whether it would come out as in that account."""
        before = [part.names for part in PARTS[: PARTS.index(self)] if part.is_whole_service]
        same_names = all(
            getattr(created, name) == getattr(played.created, name)
            for name in ("region", "partition", "credspec_arn", *chain.from_iterable(before))
        )
        return same_names and all(
            getattr(environment, name) == getattr(played.environment, name) for name in self.fields
        )


def healthy_account(dc: DomainController, aws: EmbeddedAws) -> recorded.HealthyAccount:
    """Give the healthy account of this domain, with moto's memory of it and the tape; made once. `aws` is empty."""
    known = aws.healthy.get(dc.ip)
    if known is None:
        environment = healthy(dc)
        created = create(environment, aws)
        known = recorded.HealthyAccount(environment, created, recorded.memories(), recorded.read_tape(dc.ip))
        aws.healthy[dc.ip] = known
        aws.reset()
    return known


def _network(environment: Environment, aws: Account, _: Created) -> dict[str, Any]:
    ec2 = aws.client("ec2", environment.region)
    made = make_network(ec2, environment.region)
    return {**made, "directory": _directory(environment, aws, made["vpc"], made["subnets"])}


def _dhcp(environment: Environment, aws: Account, created: Created) -> dict[str, Any]:
    """Give the VPC its DHCP options set, which may have another one."""
    if environment.dhcp is None:
        aws.backend("ec2", environment.region).get_vpc(created.vpc).dhcp_options = None
        return {"dhcp_options": "default"}
    ec2 = aws.client("ec2", environment.region)
    options = ec2.create_dhcp_options(DhcpConfigurations=environment.dhcp)["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=options, VpcId=created.vpc)
    return {"dhcp_options": options}


def _directory(environment: Environment, aws: Account, vpc: str, subnets: tuple[str, ...]) -> str:
    if environment.directory is None:
        return ""
    answer = aws.client("ds", environment.region).create_microsoft_ad(
        Name=environment.domain,
        Password="Adm1n-Passw0rd!",
        VpcSettings={"VpcId": vpc, "SubnetIds": list(subnets[1:])},
    )
    # moto invents the addresses of the directory's DNS servers: they are set where it keeps them.
    directory = aws.backend("ds", environment.region).directories[answer["DirectoryId"]]
    directory.dns_ip_addrs = list(environment.directory)
    assert directory.vpc_settings
    _controllers(environment, aws, directory.vpc_settings["SecurityGroupId"])
    return str(answer["DirectoryId"])


def _controllers(environment: Environment, aws: Account, group: str) -> None:
    """Give the directory's domain controllers their addresses, and their security group the rules that AWS makes."""
    assert environment.directory is not None
    interfaces = aws.backend("ec2", environment.region).enis.values()
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


def _secret(environment: Environment, aws: Account, created: Created) -> dict[str, Any]:
    if environment.secret is None:
        return {}
    content = fill(environment.secret, created.names)
    if isinstance(content, bytes):
        value: dict[str, Any] = {"SecretBinary": content}
    else:
        value = {"SecretString": content if isinstance(content, str) else json.dumps(content)}
    client = aws.client("secretsmanager", environment.secret_region or environment.region)
    version = str(uuid5(NAMESPACE_URL, environment.secret_name))  # otherwise boto3 generates one
    answer = client.create_secret(Name=environment.secret_name, ClientRequestToken=version, **value)
    return {"secret_arn": answer["ARN"]}


def _credspec(environment: Environment, aws: Account, created: Created) -> dict[str, Any]:
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
    return {}


def _role(environment: Environment, aws: Account, created: Created) -> dict[str, Any]:
    """Make the execution role; environments that are made side by side share it, each with a policy of its own."""
    if environment.role_policy is None:
        return {}
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
    return {}


def _tasks(environment: Environment, aws: Account, created: Created) -> dict[str, Any]:
    ecs = aws.client("ecs", environment.region)
    arguments = fill(environment.task_definition, created.names)
    definition = ecs.register_task_definition(**arguments)["taskDefinition"]["taskDefinitionArn"]
    ecs.create_cluster(clusterName=environment.cluster)
    if environment.service is None:
        return {"task_definition_arn": definition}
    arguments = fill(environment.service, replace(created, task_definition_arn=definition).names)
    answer = ecs.create_service(cluster=environment.cluster, serviceName=environment.name, **arguments)
    return {"task_definition_arn": definition, "service_arn": answer["service"]["serviceArn"]}


_OF_NETWORK = (
    "vpc", "subnets", "public_subnet", "route_table", "public_route_table", "internet_gateway", "nat_gateway",
    "security_group", "directory",
)  # fmt: skip
PARTS = (
    Part("ec2", ("directory", "domain"), _network, _OF_NETWORK),
    Part("ec2", ("dhcp",), _dhcp, ("dhcp_options",), is_whole_service=False),
    Part("secretsmanager", ("secret_name", "secret_region", "secret"), _secret, ("secret_arn",)),
    Part("s3", ("bucket", "key", "bucket_region", "credspec"), _credspec),
    Part("iam", ("role_policy", "role_trust", "secret_name"), _role),
    Part("ecs", ("task_definition", "service", "cluster", "name"), _tasks, ("task_definition_arn", "service_arn")),
)
"""In the order in which they are made."""
