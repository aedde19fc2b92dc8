"""A description of a healthy environment, so that a test can change one thing before it is created."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any
from uuid import UUID

from ldap3.core.exceptions import LDAPSocketOpenError

from gmsa_doctor.formats.ad import sid
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws

KRB5CCNAME = "/var/credentials-fetcher/krbdir/krb5cc"
FETCHER_PLUGIN = "{859E1386-BDB4-49E8-85C7-3070B13920E1}"
EXECUTION_ROLE = "ecsTaskExecutionRole"
ROLE_POLICY: tuple[dict[str, Any], ...] = (
    {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "{credspec_arn}"},
    {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "{secret_arn}"},
    {"Effect": "Allow", "Action": "ssm:GetParameters", "Resource": "arn:{partition}:ssm:*:*:parameter/gmsa/*"},
    {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"},
)
"""What the execution role needs."""


def trust(*services: str, **more: Any) -> dict[str, Any]:
    """Give a trust policy of a role for these services; `more` goes into its one statement."""
    statement = {"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole", **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


@dataclass(frozen=True)
class Created:
    """What `create` has made, by the ids that AWS gave."""

    region: str
    partition: str
    credspec_arn: str
    secret_arn: str
    vpc: str = ""
    subnets: tuple[str, ...] = ()
    """Three private ones, of `route_table`, whose default route leads to `nat_gateway`."""
    public_subnet: str = ""
    """Of `public_route_table`, whose default route leads to `internet_gateway`; `nat_gateway` is in it."""
    route_table: str = ""
    public_route_table: str = ""
    internet_gateway: str = ""
    nat_gateway: str = ""
    security_group: str = ""
    dhcp_options: str = ""
    """`default` where the VPC has no set of its own."""
    directory: str = ""
    """Empty where there is none."""
    task_definition_arn: str = ""
    service_arn: str = ""
    """Empty if there is no service."""

    @property
    def names(self) -> dict[str, str]:
        """What stands for `{secret_arn}` and the like."""
        return {
            "region": self.region,
            "partition": self.partition,
            "vpc": self.vpc,
            **dict(zip(("subnet", "subnet_b", "subnet_c"), self.subnets, strict=True)),
            "public_subnet": self.public_subnet,
            "security_group": self.security_group,
            "secret_arn": self.secret_arn,
            "credspec_arn": self.credspec_arn,
            "task_definition_arn": self.task_definition_arn,
        }


@dataclass
class Environment:
    """An ECS service with a gMSA and all that belongs to it.

    Texts in `credspec`, `secret`, `task_definition`, `role_policy`, `service` and `dhcp` may hold `{secret_arn}`,
    `{credspec_arn}`, `{task_definition_arn}`, `{region}`, `{partition}`, `{vpc}`, `{subnet}`, `{subnet_b}`,
    `{subnet_c}`, `{public_subnet}` and `{security_group}`: `create` puts in what AWS gave.
    """

    region: str
    bucket: str
    key: str
    credspec: dict[str, Any] | bytes | None
    """The object's content; None: there is no object."""
    secret_name: str
    secret: dict[str, Any] | str | bytes | None
    """A SecretString (a dict: as JSON), bytes: a SecretBinary; None: there is no secret."""
    task_definition: dict[str, Any]
    """The arguments of RegisterTaskDefinition."""
    service: dict[str, Any] | None
    """The arguments of CreateService except cluster and name; None: there is no service."""
    dhcp: list[dict[str, Any]] | None
    """The DhcpConfigurations; None: the VPC has the set `default`."""
    directory: list[str] | None
    """The DNS addresses of a Directory Service directory of the domain; None: there is none."""
    domain: str
    arguments: list[str]
    """Further arguments of `gmsa-doctor check`."""
    role_trust: dict[str, Any] = field(default_factory=lambda: trust("ecs-tasks.amazonaws.com"))
    """The trust policy of the execution role."""
    role_policy: list[dict[str, Any]] | None = field(default_factory=lambda: list(ROLE_POLICY))
    """The statements of the execution role's policy; None: there is no role."""
    bucket_region: str = ""
    """Empty: the region."""
    secret_region: str = ""
    cluster: str = "demo"
    name: str = "healthy"
    """Of the service."""
    started_by: tuple[str, ...] = ()
    """The option that names what starts the task, and its name; empty: the service does."""
    after: list[Callable[[EmbeddedAws, Created], object]] = field(default_factory=list)
    """Called in this order after everything else is created."""

    @property
    def partition(self) -> str:
        """Give the partition of the region."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rsplit("-", 2)[0], "aws")

    @property
    def container(self) -> dict[str, Any]:
        """Give the definition of the first container, to be changed in place."""
        first: dict[str, Any] = self.task_definition["containerDefinitions"][0]
        return first

    @property
    def credspec_arn(self) -> str:
        """Give the ARN of the CredSpec object."""
        return f"arn:{self.partition}:s3:::{self.bucket}/{self.key}"

    @property
    def likely_secret_arn(self) -> str:
        """Give an ARN such as the secret would have, without making it."""
        region = self.secret_region or self.region
        return f"arn:{self.partition}:secretsmanager:{region}:{ACCOUNT}:secret:{self.secret_name}-AbCdEf"

    @property
    def command(self) -> list[str]:
        """Give the arguments of gmsa-doctor that check this environment's service."""
        return self.command_with()

    def command_with(self, *options: str) -> list[str]:
        """Give the same with more options, and without those that ``--live never`` leaves without an effect."""
        given = [*self.arguments, *options]
        if ("--live", "never") in pairwise(given):
            for option in ("--live", "--dns-server"):
                while option in given:
                    place = given.index(option)
                    del given[place : place + 2]
            given += ["--live", "never"]
        return ["check", *(self.started_by or ("--cluster", self.cluster, "--service", self.name)), *given]


def healthy(dc: DomainController) -> Environment:
    """Describe a healthy environment: a Fargate service with the lab's gMSA webapp01."""
    return Environment(
        region="us-east-1",
        bucket="gmsa-credspecs",
        key="webapp01_CredSpec.json",
        credspec=credspec(dc),
        secret_name="gmsa/webapp01",
        secret={
            "username": accounts.READER,
            "password": accounts.PASSWORDS[accounts.READER],
            "domainName": dc.domain,
        },
        task_definition=task_definition(),
        service={
            "taskDefinition": "{task_definition_arn}",
            "desiredCount": 1,
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "networkConfiguration": {
                "awsvpcConfiguration": {
                    "subnets": ["{subnet}"],
                    "securityGroups": ["{security_group}"],
                    "assignPublicIp": "DISABLED",
                }
            },
        },
        dhcp=[
            {"Key": "domain-name", "Values": [dc.domain]},
            {"Key": "domain-name-servers", "Values": [dc.ip]},
        ],
        directory=[dc.ip],
        domain=dc.domain,
        arguments=["--dns-server", dc.ip],
    )


def credspec(dc: DomainController, gmsa: str = "webapp01") -> dict[str, Any]:
    """Give a CredSpec for the gMSA, with all the keys that AWS's documentation shows."""
    domain_sid, domain_guid = domain_ids(dc)
    return {
        "CmsPlugins": ["ActiveDirectory"],
        "DomainJoinConfig": {
            "Sid": domain_sid,
            "MachineAccountName": gmsa,
            "Guid": domain_guid,
            "DnsTreeName": dc.domain,
            "DnsName": dc.domain,
            "NetBiosName": dc.netbios_name,
        },
        "ActiveDirectoryConfig": {
            "GroupManagedServiceAccounts": [
                {"Name": gmsa, "Scope": dc.domain},
                {"Name": gmsa, "Scope": dc.netbios_name},
            ],
            "HostAccountConfig": {
                "PortableCcgVersion": "1",
                "PluginGUID": FETCHER_PLUGIN,
                "PluginInput": {"CredentialArn": "{secret_arn}"},
            },
        },
    }


@cache
def domain_ids(dc: DomainController) -> tuple[str, str]:
    """Give the domain's SID and GUID, read once from the domain controller; invented ones if it does not run."""
    try:
        with ad.administrator(dc) as connection:
            connection.search(dc.base, "(objectClass=*)", "BASE", attributes=["objectSid", "objectGUID"])
            (raw,) = (one["raw_attributes"] for one in connection.response or [])
    except LDAPSocketOpenError:
        return "S-1-5-21-1004336348-1177238915-682003330", "5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"
    return sid.parse(raw["objectSid"][0]), str(UUID(bytes_le=raw["objectGUID"][0]))


def task_definition(family: str = "webapp") -> dict[str, Any]:
    """Give a Fargate task definition of one container with a domainless CredSpec."""
    return {
        "family": family,
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": f"arn:{{partition}}:iam::{ACCOUNT}:role/{EXECUTION_ROLE}",
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        "containerDefinitions": [
            {
                "name": "web",
                "image": "registry.example/webapp:1",
                "essential": True,
                "memory": 512,  # not needed on Fargate, but by moto
                "credentialSpecs": ["credentialspecdomainless:{credspec_arn}"],
                "environment": [{"name": "KRB5CCNAME", "value": KRB5CCNAME}],
            }
        ],
    }


def fill(value: Any, names: dict[str, str]) -> Any:
    """Give a copy of the value in which `{name}` is replaced in all texts; other braces stay."""
    if isinstance(value, dict):
        return {key: fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    for name, text in names.items():
        if isinstance(value, str):
            value = value.replace(f"{{{name}}}", text)
        elif isinstance(value, bytes):
            value = value.replace(f"{{{name}}}".encode(), text.encode())
    return value


def task_definition_file(environment: Environment) -> str:
    """Give the task definition as `aws ecs describe-task-definition` prints it, without asking AWS."""
    names = {
        "region": environment.region,
        "partition": environment.partition,
        "credspec_arn": environment.credspec_arn,
        "secret_arn": environment.likely_secret_arn,
    }
    family = environment.task_definition["family"]
    prefix = f"arn:{environment.partition}:ecs:{environment.region}:{ACCOUNT}:task-definition"
    registered = {
        "taskDefinitionArn": f"{prefix}/{family}:1",
        **fill(environment.task_definition, names),
        "revision": 1,
        "status": "ACTIVE",
    }
    return json.dumps({"taskDefinition": registered, "tags": []}, indent=4)
