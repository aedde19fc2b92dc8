"""The changes that make a scenario out of the healthy environment."""

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.lab import accounts, ad, environment
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created, Environment
from tests.lab.loopback import fresh_address
from tests.scenarios.lab import Change, Lab


def all_of(*changes: Change) -> Change:
    """Make several changes, one after the other."""

    def change(it: Environment, lab: Lab) -> None:
        for one in changes:
            one(it, lab)

    return change


def nothing(it: Environment, lab: Lab) -> None:
    """Leave the healthy environment as it is."""


# The task definition and the service --------------------------------------------------------------------


def entry(text: str) -> Change:
    """Set the container's one credentialSpecs entry."""
    return container(credentialSpecs=[text])


def container(**fields: Any) -> Change:
    """Set fields of the first container; None takes one out."""
    return lambda it, _: _put(it.container, fields)


def task(**fields: Any) -> Change:
    """Set fields of the task definition; None takes one out."""
    return lambda it, _: _put(it.task_definition, fields)


def second_container(**fields: Any) -> Change:
    """Add a container without credentialSpecs, with these fields."""

    def change(it: Environment, _: Lab) -> None:
        other = {"name": "log", "image": "registry.example/log:1", "essential": False, "memory": 128}
        it.task_definition["containerDefinitions"].append({**other, **fields})

    return change


def service(**fields: Any) -> Change:
    """Set arguments of CreateService; None takes one out."""

    def change(it: Environment, _: Lab) -> None:
        assert it.service is not None
        _put(it.service, fields)

    return change


def on_ec2(it: Environment, _: Lab) -> None:
    """Let the service run on EC2 instances."""
    assert it.service is not None
    it.task_definition["requiresCompatibilities"] = ["EC2"]
    it.service["launchType"] = "EC2"
    del it.service["platformVersion"]


def region(name: str) -> Change:
    """Move everything to another region, and with it to its partition."""

    def change(it: Environment, _: Lab) -> None:
        it.region = name

    return change


# The CredSpec -------------------------------------------------------------------------------------------


def obj(**fields: Any) -> Change:
    """Set where the CredSpec is put (`bucket`, `key`, `bucket_region`), and by that also its right ARN."""

    def change(it: Environment, _: Lab) -> None:
        for name, value in fields.items():
            setattr(it, name, value)

    return change


def spec(path: str, value: Any) -> Change:
    """Set a key of the CredSpec, given as `A.B.C`; None takes it out."""

    def change(it: Environment, _: Lab) -> None:
        assert isinstance(it.credspec, dict)
        *parents, last = path.split(".")
        place: dict[str, Any] = it.credspec
        for name in parents:
            place = place[name]
        _put(place, {last: value})

    return change


def body(make: Callable[[str], bytes]) -> Change:
    """Set the CredSpec object's bytes, made from the text of the right one."""

    def change(it: Environment, _: Lab) -> None:
        it.credspec = make(json.dumps(it.credspec, indent=2))

    return change


def gmsa(name: str) -> Change:
    """Let the CredSpec be one for another gMSA."""

    def change(it: Environment, lab: Lab) -> None:
        it.credspec = environment.credspec(lab.dc, name)

    return change


PLUGIN_INPUT = "ActiveDirectoryConfig.HostAccountConfig.PluginInput"


def padded(size: int) -> Change:
    """Pad the CredSpec object to this size in bytes."""

    def change(it: Environment, _: Lab) -> None:
        grows = len(it.likely_secret_arn) - len("{secret_arn}")
        it.credspec = json.dumps(it.credspec).ljust(size - grows).encode()

    return change


GMSAS = "ActiveDirectoryConfig.GroupManagedServiceAccounts"


def credential_arn(text: str) -> Change:
    """Set the CredSpec's CredentialArn."""
    return spec(f"{PLUGIN_INPUT}.CredentialArn", text)


# The secret ---------------------------------------------------------------------------------------------


def secret(**fields: Any) -> Change:
    """Set keys of the secret; None takes one out."""

    def change(it: Environment, _: Lab) -> None:
        assert isinstance(it.secret, dict)
        _put(it.secret, fields)

    return change


def secret_is(content: dict[str, Any] | str | bytes | None) -> Change:
    """Set the whole secret."""

    def change(it: Environment, _: Lab) -> None:
        it.secret = content

    return change


def user(name: str) -> Change:
    """Let the secret be that of another of the lab's accounts."""
    return secret(username=name, password=accounts.PASSWORDS[name])


# AWS ----------------------------------------------------------------------------------------------------


def after(call: Callable[[EmbeddedAws, Created], object]) -> Change:
    """Call this when all else is there."""
    return lambda it, _: it.after.append(call)


def role(*statements: dict[str, Any]) -> Change:
    """Let the execution role's policy hold these statements only."""
    return lambda it, _: setattr(it, "role_policy", list(statements))


def role_also(*statements: dict[str, Any]) -> Change:
    """Add statements to the execution role's policy."""
    return lambda it, _: setattr(it, "role_policy", [*(it.role_policy or ()), *statements])


def no_role(it: Environment, _: Lab) -> None:
    """Let there be no execution role."""
    it.role_policy = None


def trusted_by(document: dict[str, Any]) -> Change:
    """Set the execution role's trust policy."""
    return lambda it, _: setattr(it, "role_trust", document)


def boundary(*statements: dict[str, Any]) -> Change:
    """Give the execution role a permissions boundary."""

    def limit(aws: EmbeddedAws, created: Created) -> None:
        iam = aws.client("iam", created.region)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        arn = iam.create_policy(PolicyName="boundary", PolicyDocument=document)["Policy"]["Arn"]
        iam.put_role_permissions_boundary(RoleName=environment.EXECUTION_ROLE, PermissionsBoundary=arn)

    return after(limit)


def managed_policy(*statements: dict[str, Any]) -> Change:
    """Attach a managed policy to the execution role."""

    def attach(aws: EmbeddedAws, created: Created) -> None:
        iam = aws.client("iam", created.region)
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        arn = iam.create_policy(PolicyName="managed", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=environment.EXECUTION_ROLE, PolicyArn=arn)

    return after(attach)


ORGANIZATION = "o-a1b2c3d4e5"
ORGANIZATION_PATH = f"{ORGANIZATION}/r-ab12/ou-ab12-11111111/"


def in_organization(_: Environment, lab: Lab) -> None:
    """Let the account be in an organization."""
    lab.aws.organization = ORGANIZATION


def known_path(it: Environment, lab: Lab) -> None:
    """Let gmsa-doctor read the account's path in the organization."""
    in_organization(it, lab)
    lab.aws.organization_path = ORGANIZATION_PATH


def organization(*statements: dict[str, Any]) -> Change:
    """Give the account a service control policy of its organization."""

    def change(it: Environment, lab: Lab) -> None:
        in_organization(it, lab)
        lab.aws.organization_policy = list(statements)

    return change


def denied(service: str, operation: str) -> Change:
    """Let IAM deny an operation to gmsa-doctor."""
    return lambda _, lab: lab.aws.deny(service, operation)


def answered(service: str, operation: str, code: str, message: str, status: int = 400) -> Change:
    """Let an operation answer with an error."""
    return lambda _, lab: lab.aws.fail_with(service, operation, code, message, status)


def dhcp(*servers: str, name: str = "corp.example") -> Change:
    """Give the VPC a DHCP options set with these DNS servers; `{dc}` is the domain controller's address."""

    def change(it: Environment, lab: Lab) -> None:
        values = [server.replace("{dc}", lab.dc.ip) for server in servers]
        it.dhcp = [
            {"Key": "domain-name", "Values": [name]},
            {"Key": "domain-name-servers", "Values": values},
        ]

    return change


def no_dhcp_options(it: Environment, _: Lab) -> None:
    """Take the VPC's DHCP options set away."""
    it.dhcp = None


def no_directory(it: Environment, _: Lab) -> None:
    """Let the AD be a self-managed one, which AWS knows nothing of."""
    it.directory = None


def forward_rule(domain: str, *targets: str, shared_endpoint: bool = False) -> Change:
    """Associate a Resolver FORWARD rule for the domain with the VPC, to the domain controller or these addresses."""

    def change(it: Environment, lab: Lab) -> None:
        it.after.append(lambda aws, created: make(aws, created, targets or (lab.dc.ip,)))

    def make(aws: EmbeddedAws, created: Created, addresses: tuple[str, ...]) -> None:
        resolver = aws.client("route53resolver", created.region)
        made = resolver.list_resolver_endpoints()["ResolverEndpoints"] if shared_endpoint else []
        endpoint = (
            made[0]
            if made
            else resolver.create_resolver_endpoint(
                CreatorRequestId=f"endpoint for {domain}",
                Name="endpoint",
                SecurityGroupIds=[created.security_group],
                Direction="OUTBOUND",
                IpAddresses=[{"SubnetId": one} for one in created.subnets],
            )["ResolverEndpoint"]
        )
        rule = resolver.create_resolver_rule(
            CreatorRequestId=f"rule for {domain}",
            Name="rule",
            RuleType="FORWARD",
            DomainName=domain,
            TargetIps=[{"Ip": one, "Port": 53} for one in addresses],
            ResolverEndpointId=endpoint["Id"],
        )["ResolverRule"]
        resolver.associate_resolver_rule(ResolverRuleId=rule["Id"], VPCId=created.vpc, Name=rule["Id"])

    return change


SRV_NAMES = ("_ldap._tcp.dc._msdcs.corp.example.", "_kerberos._tcp.corp.example.")


def private_zone(name: str, records: bool = True, host_names: bool = True) -> Change:
    """Associate a private hosted zone with the VPC, with the domain's SRV records, and turn on `enableDnsHostnames`."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        zone = hosted_zone(aws, created, name)
        srv = [own for own in SRV_NAMES if own.endswith(name)] if records else []
        add_records(aws, zone, dict.fromkeys(srv, ("SRV", "0 100 389 dc1.corp.example.")))
        aws.client("ec2", created.region).modify_vpc_attribute(
            VpcId=created.vpc, EnableDnsHostnames={"Value": host_names}
        )

    return after(make)


def hosted_zone(aws: EmbeddedAws, created: Created, name: str) -> str:
    """Make a private hosted zone of the VPC, and give its id."""
    vpc = {"VPCRegion": created.region, "VPCId": created.vpc}
    made = aws.client("route53").create_hosted_zone(
        Name=name, CallerReference=name, VPC=vpc, HostedZoneConfig={"PrivateZone": True}
    )
    return str(made["HostedZone"]["Id"])


def add_records(aws: EmbeddedAws, zone: str, records: dict[str, tuple[str, str]]) -> None:
    """Add records, by name: the type and the value."""
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]},
        }
        for name, (kind, value) in records.items()
    ]
    if changes:
        aws.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def key_disabled(it: Environment, lab: Lab) -> None:
    """Let the KMS key of the secret be disabled."""
    lab.aws.fail_with(
        "secretsmanager", "GetSecretValue", "DecryptionFailure", "Secrets Manager can't decrypt the secret value"
    )


# DNS and the domain controllers -------------------------------------------------------------------------


def dns_server(run: Callable[[Lab], str]) -> Change:
    """Ask this DNS server instead of the domain controller."""
    return lambda it, lab: _put_option(it.arguments, "--dns-server", run(lab))


def kdc_at(run: Callable[[Lab], str]) -> Change:
    """Let DNS name a KDC at this address, beside an LDAP server that is well."""
    return dns_server(lambda lab: _beside(lab, "kerberos", run(lab)))


def ldap_at(run: Callable[[Lab], str]) -> Change:
    """Let DNS name an LDAP server at this address, beside a KDC that is well."""
    return dns_server(lambda lab: _beside(lab, "ldap", run(lab)))


def _beside(lab: Lab, service: str, address: str) -> str:
    """Run a DNS server in which one service is on another host; for the rest it asks the domain controller."""
    host = f"other.{lab.dc.domain}"
    names = {"kerberos": ("_kerberos._tcp", "_kerberos._udp"), "ldap": ("_ldap._tcp.dc._msdcs",)}
    port = {"kerberos": 88, "ldap": 389}[service]
    srv = {(f"{name}.{lab.dc.domain}", "SRV"): [f"0 100 {port} {host}."] for name in names[service]}
    return lab.dns({**srv, (host, "A"): [address]})


def nowhere(_: Lab) -> str:
    """Give an address on which nothing listens."""
    return fresh_address()


def in_ad(account: str, **attributes: str | bytes | list[bytes]) -> Change:
    """Set attributes of an account in the AD, for the time of the scenario; `_` in their names stands for `-`."""

    def change(it: Environment, lab: Lab) -> None:
        before = ad.read(lab.dc, account, *(name.replace("_", "-") for name in attributes))[1]
        for name in attributes:
            lab.stack.callback(ad.modify, lab.dc, account, **{name: before.get(name.replace("_", "-"), [])})
        ad.modify(lab.dc, account, **attributes)

    return change


def _put(place: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if value is None:
            place.pop(name, None)
        else:
            place[name] = copy.deepcopy(value)


def _put_option(arguments: list[str], option: str, value: str) -> None:
    if option in arguments:
        arguments[arguments.index(option) + 1] = value
    else:
        arguments += [option, value]


def options(*values: str) -> Callable[[Environment, Lab], object]:
    """Add options to the command."""
    return lambda it, _: it.arguments.extend(values)


def instead(arguments: Sequence[str]) -> Change:
    """Replace the options beside cluster and service."""

    def change(it: Environment, _: Lab) -> None:
        it.arguments[:] = arguments

    return change


def in_a_parameter(type: str = "String", region: str = "us-east-1") -> Change:
    """On EC2, the CredSpec in an SSM parameter beside the one in S3; `region` is what the ARN says."""

    def put(it: Environment, _: Lab) -> None:
        it.after.append(
            lambda aws, made: aws.client("ssm").put_parameter(
                Name="/gmsa/webapp01", Type=type, Value=json.dumps(it.credspec).replace("{secret_arn}", made.secret_arn)
            )
        )

    named = entry(f"credentialspecdomainless:arn:aws:ssm:{region}:{ACCOUNT}:parameter/gmsa/webapp01")
    return all_of(on_ec2, named, put, options("--fetcher", "2"))
