"""Environments in which nothing fails: other ways to be right, things that only warn, and what cannot be known."""

from dataclasses import replace

from tests.lab import accounts
from tests.lab.creation import create
from tests.lab.dns_server import domain_records
from tests.lab.environment import KRB5CCNAME, Environment
from tests.scenarios.changes import (
    after,
    all_of,
    body,
    container,
    credential_arn,
    denied,
    dhcp,
    dns_server,
    entry,
    forward_rule,
    gmsa,
    in_a_parameter,
    instead,
    no_directory,
    nothing,
    nowhere,
    obj,
    on_ec2,
    options,
    padded,
    private_zone,
    region,
    second_container,
    secret,
    secret_is,
    service,
    spec,
    task,
    user,
)
from tests.scenarios.lab import Lab, Scenario

_ENTRY = "credentialspecdomainless:{credspec_arn}"
_DN = "CN={},CN=Managed Service Accounts,DC=corp,DC=example"
_KEYS_IN_ANY_CASE = {
    "USERNAME": accounts.READER,
    "Password": accounts.PASSWORD,
    "domainname": accounts.DOMAIN,
}
_LONG_KEYS = {
    "usernameOfStandardUserAccount": accounts.READER,
    "passwordOfStandardUserAccount": accounts.PASSWORD,
    "domainName": accounts.DOMAIN,
}


def _ldap_without_udp(lab: Lab) -> str:
    return lab.dns({("_kerberos._udp.corp.example", "SRV"): []})


def _without_tcp(lab: Lab) -> str:
    return lab.dns({("_kerberos._tcp.corp.example", "SRV"): []})


def _one_without_address(lab: Lab) -> str:
    records = domain_records("corp.example", {"dc1.corp.example": lab.dc.ip, "gone.corp.example": lab.dc.ip})
    return lab.dns({**records, ("gone.corp.example", "A"): [], ("gone.corp.example", "AAAA"): []})


def _one_dead(lab: Lab) -> str:
    return lab.dns_of_controllers({"dc1.corp.example": lab.dc.ip, "dc2.corp.example": nowhere(lab)})


def _cache(name: str) -> dict[str, str]:
    return {"name": "KRB5CCNAME", "value": name}


def _second_credspec(it: Environment, lab: Lab) -> None:
    """A second container with a CredSpec and a secret of its own."""
    other = replace(it, secret_name="gmsa/other", key="other.json", service=None, dhcp=None, directory=None)
    create(other, lab.aws)
    it.task_definition["containerDefinitions"].append(
        {**it.container, "name": "other", "credentialSpecs": [f"credentialspecdomainless:{other.credspec_arn}"]}
    )


EC2_WITH_A_PARAMETER = in_a_parameter()

HEALTHY = (
    Scenario("nothing changed", "", nothing),
    Scenario("the domain in capitals in the secret", "", secret(domainName="CORP.EXAMPLE")),
    Scenario("the domain in capitals in the CredSpec", "", spec("DomainJoinConfig.DnsName", "CORP.EXAMPLE")),
    Scenario("the long keys in the secret", "", secret_is(_LONG_KEYS)),
    Scenario("the secret's keys in any case, on EC2", "", all_of(on_ec2, secret_is(_KEYS_IN_ANY_CASE))),
    Scenario("further keys in the secret", "", secret(engine="none", port=1433, tags=["a"], nothing={})),
    Scenario("a distinguishedName", "", secret(distinguishedName=_DN.format("webapp01"))),
    Scenario("the password with quotes, umlauts and a backslash", "", user(accounts.SPECIAL)),
    Scenario("a second container without gMSA", "", second_container()),
    Scenario("an essential sidecar", "", second_container(essential=True)),
    Scenario("China", "", region("cn-north-1")),
    Scenario("GovCloud", "", region("us-gov-west-1")),
    Scenario("blanks and umlauts in the key", "", obj(key="gMSA für alle/web app.json")),
    Scenario("exactly 4000 bytes", "", padded(4000)),
    Scenario("a gMSA in an OU of its own", "", gmsa("webapp06")),
    Scenario("a gMSA that names the user itself", "", gmsa("webapp07")),
    Scenario("a gMSA by a nested group", "", gmsa("webapp09")),
    Scenario(
        "a gMSA that a user hides, with its distinguishedName",
        "",
        all_of(gmsa("webapp05"), secret(distinguishedName=_DN.format("webapp05"))),
    ),
    Scenario(
        "FARGATE_SPOT", "", service(launchType=None, capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])
    ),
    Scenario("AmazonProvidedDNS with a rule", "", all_of(dhcp("AmazonProvidedDNS"), forward_rule("corp.example."))),
    Scenario(
        "AmazonProvidedDNS with a rule for a parent", "", all_of(dhcp("AmazonProvidedDNS"), forward_rule("example."))
    ),
    Scenario(
        "AmazonProvidedDNS with a private zone", "", all_of(dhcp("AmazonProvidedDNS"), private_zone("corp.example."))
    ),
    Scenario("DNS servers that AWS knows nothing of", "", all_of(no_directory, dhcp("10.1.0.10", "10.1.0.11"))),
    Scenario(
        "DNS servers that --ad-dns names", "", all_of(no_directory, dhcp("10.1.0.10"), options("--ad-dns", "10.1.0.10"))
    ),
    Scenario("the SPN of a SQL Server", "", options("--spn", "MSSQLSvc/sql.corp.example:1433")),
    Scenario("a throttled answer", "", lambda _, lab: lab.aws.throttle("s3", "GetObject", times=1)),
    Scenario("EC2, joined", "", all_of(on_ec2, entry("credentialspec:{credspec_arn}"))),
    Scenario(
        "EC2, with an SSM parameter",
        "",
        EC2_WITH_A_PARAMETER,
    ),
    Scenario("platform version LATEST", "", service(platformVersion="LATEST")),
    Scenario("no platform version", "", service(platformVersion=None)),
    Scenario("the container as root", "", container(user="root:root")),
    Scenario("the ticket cache as FILE:", "", container(environment=[_cache(f"FILE:{KRB5CCNAME}")])),
    Scenario(
        "two containers with one CredSpec",
        "",
        second_container(credentialSpecs=[_ENTRY], environment=[_cache(KRB5CCNAME)]),
    ),
    Scenario("EC2, bridge", "", all_of(on_ec2, task(networkMode="bridge"), service(networkConfiguration=None))),
    Scenario("EC2, with DNS settings", "", all_of(on_ec2, container(dnsServers=["10.0.0.2"]))),
    Scenario("never live", "", instead(["--live", "never"])),
)

WARNINGS = (
    Scenario(
        "a byte-order mark", "credspec.document", body(lambda text: b"\xef\xbb\xbf" + text.encode()), "byte-order mark"
    ),
    Scenario(
        "another MachineAccountName", "credspec.names", spec("DomainJoinConfig.MachineAccountName", "web2"), "web2"
    ),
    Scenario(
        "another DnsName than domainName",
        "secret.domain",
        spec("DomainJoinConfig.DnsName", "old.example"),
        "old.example",
    ),
    Scenario(
        "another domain-name in the DHCP options",
        "dhcp-options.domain-name",
        dhcp("{dc}", name="ec2.internal"),
        "ec2.internal",
    ),
    Scenario("one DNS server too many", "dhcp-options.domain-name-servers", dhcp("{dc}", "10.9.9.9"), "10.9.9.9"),
    Scenario("no SRV record for UDP", "dns.domain-controllers", dns_server(_ldap_without_udp), "_kerberos._udp"),
    Scenario("no SRV record for TCP", "dns.domain-controllers", dns_server(_without_tcp), "too small for many tickets"),
    Scenario(
        "a domain controller without address",
        "dns.domain-controllers",
        dns_server(_one_without_address),
        "gone.corp.example",
    ),
    Scenario("a dead domain controller", "network.kerberos network.ldap", dns_server(_one_dead), "dc2.corp.example"),
    Scenario(
        "no execution role on EC2",
        "execution-role.present",
        all_of(on_ec2, task(executionRoleArn=None)),
        "executionRoleArn",
    ),
    Scenario(
        "the NetBIOS name as DnsName on EC2",
        "credspec.names secret.domain",
        all_of(on_ec2, spec("DomainJoinConfig.DnsName", "CORP")),
        "no dot",
    ),
    Scenario(
        "another user than root on EC2", "task-definition.user", all_of(on_ec2, container(user="1654")), "cannot read"
    ),
    Scenario(
        "an image that runs without root",
        "task-definition.user",
        container(image="mcr.microsoft.com/dotnet/aspnet:9.0-noble-chiseled"),
        "usually runs as another user than root",
    ),
    Scenario("no KRB5CCNAME", "task-definition.krb5ccname", container(environment=[]), "does not set KRB5CCNAME"),
    Scenario(
        "another KRB5CCNAME",
        "task-definition.krb5ccname",
        container(environment=[_cache("/tmp/krb5cc_0")]),
        "/tmp/krb5cc_0",
    ),
    Scenario(
        "two containers with CredSpecs of their own", "task-definition.one-domain", _second_credspec, "supports one AD"
    ),
    Scenario(
        "a deregistered revision",
        "task-definition.registered",
        after(lambda aws, made: aws.client("ecs").deregister_task_definition(taskDefinition=made.task_definition_arn)),
        "INACTIVE",
    ),
)

DOUBTS = (
    Scenario(
        "the task definition denied",
        "task-definition.registered",
        denied("ecs", "DescribeTaskDefinition"),
        "ecs:DescribeTaskDefinition",
    ),
    Scenario(
        "the service denied", "task-definition.registered", denied("ecs", "DescribeServices"), "ecs:DescribeServices"
    ),
    Scenario("the object denied", "credspec.object", denied("s3", "GetObject"), "s3:GetObject"),
    Scenario(
        "the bucket throttled", "credspec.object", lambda _, lab: lab.aws.throttle("s3", "GetObject"), "s3:GetObject"
    ),
    Scenario(
        "the secret denied", "secret.value", denied("secretsmanager", "GetSecretValue"), "secretsmanager:GetSecretValue"
    ),
    Scenario("the subnets denied", "network-path.subnets", denied("ec2", "DescribeSubnets"), "ec2:DescribeSubnets"),
    Scenario(
        "the DHCP options denied", "dhcp-options.set", denied("ec2", "DescribeDhcpOptions"), "ec2:DescribeDhcpOptions"
    ),
    Scenario(
        "the Resolver rules denied",
        "dhcp-options.domain-name-servers",
        all_of(dhcp("AmazonProvidedDNS"), denied("route53resolver", "ListResolverRuleAssociations")),
        "route53resolver:ListResolverRuleAssociations",
    ),
    Scenario(
        "the private zones denied",
        "dhcp-options.domain-name-servers",
        all_of(dhcp("AmazonProvidedDNS"), denied("route53", "ListHostedZonesByVPC")),
        "route53:ListHostedZonesByVPC",
    ),
    Scenario(
        "the directories denied",
        "directory-service.directories",
        denied("ds", "DescribeDirectories"),
        "ds:DescribeDirectories",
    ),
    Scenario(
        "the object denied, of no use", "credspec.object", all_of(denied("s3", "GetObject"), credential_arn("x")), "403"
    ),
)
