"""DNS on AWS's side: Resolver rules and their endpoints, the kinds of directories."""

from typing import Any

from tests.lab.aws import EmbeddedAws
from tests.lab.beyond_moto import AWS, Firewall
from tests.lab.environment import Created, Environment
from tests.scenarios.changes import (
    after,
    all_of,
    denied,
    dhcp,
    forward_rule,
    no_dhcp_options,
    no_directory,
    options,
    private_zone,
)
from tests.scenarios.lab import Change, Lab, Scenario

_AMAZON = dhcp("AmazonProvidedDNS")
_RULE = all_of(_AMAZON, forward_rule("corp.example."))


def associations(**fields: Any) -> Change:
    """Set fields of the rules' associations, such as `status`."""
    return after(lambda aws, made: _set(aws.backend("route53resolver", made.region).resolver_rule_associations, fields))


def rules(**fields: Any) -> Change:
    """Set fields of the rules."""
    return after(lambda aws, made: _set(aws.backend("route53resolver", made.region).resolver_rules, fields))


def endpoints(**fields: Any) -> Change:
    """Set fields of the outbound endpoints."""
    return after(lambda aws, made: _set(aws.backend("route53resolver", made.region).resolver_endpoints, fields))


def _set(things: dict[str, Any], fields: dict[str, Any]) -> None:
    for thing in things.values():
        for name, value in fields.items():
            setattr(thing, name, value)


def directory(**fields: Any) -> Change:
    """Set fields of the directory as moto keeps it, such as `directory_type` and `stage`."""

    def change(aws: EmbeddedAws, made: Created) -> None:
        _set({"": aws.backend("ds", made.region).directories[made.directory]}, fields)

    return after(change)


def connector(*own: str) -> Change:
    """Let the directory be an AD Connector with these addresses of its own, to the AD of the lab."""

    def change(it: Environment, lab: Lab) -> None:
        it.directory = None
        it.after.append(lambda aws, made: _connect(aws, made, lab.dc.domain, lab.dc.ip, own))

    return change


def _connect(aws: EmbeddedAws, made: Created, domain: str, dns: str, own: tuple[str, ...]) -> None:
    settings = {
        "VpcId": made.vpc,
        "SubnetIds": list(made.subnets[:2]),
        "CustomerDnsIps": [dns],
        "CustomerUserName": "Admin",
    }
    answer = aws.client("ds", made.region).connect_directory(
        Name=domain, Password="Adm1n-Passw0rd!", Size="Small", ConnectSettings=settings
    )
    directory = aws.backend("ds", made.region).directories[answer["DirectoryId"]]
    directory.dns_ip_addrs = [dns]
    directory.connect_settings = {**settings, "ConnectIps": list(own)}


def _egress(*permissions: dict[str, Any]) -> Change:
    """Give the outbound endpoint a security group of its own, with these egress rules only."""

    def make(aws: EmbeddedAws, made: Created) -> None:
        ec2 = aws.client("ec2", made.region)
        group = ec2.create_security_group(GroupName="resolver", Description="resolver", VpcId=made.vpc)["GroupId"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
        if permissions:
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=list(permissions))
        _set(aws.backend("route53resolver", made.region).resolver_endpoints, {"security_group_ids": [group]})

    return after(make)


def _dns(protocol: str, cidr: str) -> dict[str, Any]:
    return {"IpProtocol": protocol, "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": cidr}]}


def _without_support(it: Environment, _: Lab) -> None:
    """Turn the VPC's own resolver off."""
    it.after.append(
        lambda aws, made: aws.client("ec2", made.region).modify_vpc_attribute(
            VpcId=made.vpc, EnableDnsSupport={"Value": False}
        )
    )


FOREIGN_RULE = "arn:aws:route53resolver:us-east-1:999999999999:resolver-rule/rslvr-rr-9"


def profile(*resources: str) -> Change:
    """Associate a Route 53 Profile with the VPC, with these resources, by ARN."""

    def change(_: Environment, lab: Lab) -> None:
        lab.aws.network.profiles.append("rp-1")
        lab.aws.network.resources.extend(resources)

    return change


def profile_with_rule(it: Environment, lab: Lab) -> None:
    """Associate a Route 53 Profile that has the rule for the domain, which is not associated with the VPC itself."""
    forward_rule("corp.example.")(it, lab)
    profile()(it, lab)

    def move(aws: EmbeddedAws, made: Created) -> None:
        backend = aws.backend("route53resolver", made.region)
        backend.resolver_rule_associations.clear()
        aws.network.resources.extend(rule.arn for rule in backend.resolver_rules.values())

    it.after.append(move)


def many_rules(it: Environment, lab: Lab) -> None:
    """Associate 41 rules with the VPC, the one for the domain last, and let Resolver answer five requests a second."""
    for number in range(40):
        forward_rule(f"domain-{number}.example.", "10.9.9.9", shared_endpoint=True)(it, lab)
    forward_rule("corp.example.", shared_endpoint=True)(it, lab)
    it.after.append(lambda aws, _: setattr(aws.network, "requests_per_second", 5))


def firewall(*rules: tuple[str, list[str]]) -> Change:
    """Give the VPC a DNS Firewall rule group with these rules: action and domains."""
    return lambda _, lab: lab.aws.network.firewalls.append(Firewall(list(rules)))


def unlisted(_: Environment, lab: Lab) -> None:
    """Let ListResolverRules leave out the rules that other accounts share."""
    lab.aws.network.unlisted_rules = True


NOT_LISTED = all_of(
    _AMAZON,
    private_zone("_msdcs.corp.example."),
    forward_rule("example."),
    rules(share_status="SHARED_WITH_ME"),
    unlisted,
)
"""A zone of the VPC resolves the domain; a rule for the domain above is another account's, and not listed."""


def hybrid(_: Environment, lab: Lab) -> None:
    """Let the directory be a hybrid one, which extends an AD with the DNS server 10.0.5.53."""
    lab.aws.network.hybrid_dns.append("10.0.5.53")


secondary_cidr = after(
    lambda aws, made: aws.client("ec2", made.region).associate_vpc_cidr_block(VpcId=made.vpc, CidrBlock="10.250.0.0/16")
)
"""The VPC has a secondary CIDR."""
IN_TASKS_VPC = ("127.77.250.53", "127.77.251.53")
IN_HUB = ("10.40.0.53", "10.40.1.53")


def inbound(*domains: str, hub: bool = False) -> Change:
    """Let the DHCP options name an inbound endpoint, of the VPC or of a hub, whose rules are for these domains."""
    addresses = IN_HUB if hub else IN_TASKS_VPC

    def make(aws: EmbeddedAws, made: Created, dc: str) -> None:
        vpc, subnets = _hub(aws, made) if hub else (made.vpc, made.subnets)
        ec2 = aws.client("ec2", made.region)
        group = ec2.create_security_group(GroupName="in", Description="in", VpcId=vpc)
        admitted = [_dns(protocol, "127.77.0.0/16") for protocol in ("udp", "tcp")]
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=admitted)
        resolver = aws.client("route53resolver", made.region)
        places = [{"SubnetId": subnet, "Ip": ip} for subnet, ip in zip(subnets, addresses, strict=False)]
        resolver.create_resolver_endpoint(
            CreatorRequestId="in", SecurityGroupIds=[group["GroupId"]], Direction="INBOUND", IpAddresses=places
        )
        for domain in domains:
            out = resolver.create_resolver_endpoint(
                CreatorRequestId=domain,
                SecurityGroupIds=[group["GroupId"]],
                Direction="OUTBOUND",
                IpAddresses=[{"SubnetId": subnet} for subnet in subnets[:2]],
            )["ResolverEndpoint"]
            rule = resolver.create_resolver_rule(
                CreatorRequestId=domain,
                Name="rule",
                RuleType="FORWARD",
                DomainName=domain,
                TargetIps=[{"Ip": dc, "Port": 53}],
                ResolverEndpointId=out["Id"],
            )["ResolverRule"]
            resolver.associate_resolver_rule(ResolverRuleId=rule["Id"], VPCId=vpc, Name=rule["Id"])

    def change(it: Environment, lab: Lab) -> None:
        dhcp(*addresses)(it, lab)
        it.after.append(lambda aws, made: make(aws, made, lab.dc.ip))

    return change


def _hub(aws: EmbeddedAws, made: Created) -> tuple[str, tuple[str, ...]]:
    """Make another VPC of the account."""
    ec2 = aws.client("ec2", made.region)
    vpc = str(ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"])
    cidrs = ("10.40.0.0/24", "10.40.1.0/24")
    return vpc, tuple(str(ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]) for cidr in cidrs)


def instance(aws: EmbeddedAws, made: Created) -> None:
    """Let an instance of the VPC have the address 127.77.251.54."""
    ec2 = aws.client("ec2", made.region)
    group = ec2.create_security_group(GroupName="dns", Description="dns", VpcId=made.vpc)["GroupId"]
    admitted = [_dns(protocol, "127.77.0.0/16") for protocol in ("udp", "tcp")]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=admitted)
    ec2.create_network_interface(SubnetId=made.subnets[1], PrivateIpAddress="127.77.251.54", Groups=[group])


FAULTS = (
    Scenario(
        "public resolvers",
        "dhcp-options.domain-name-servers",
        dhcp("8.8.8.8", "1.1.1.1"),
        "none of which resolves corp.example",
    ),
    Scenario(
        "public resolvers, and an AD that AWS knows nothing of",
        "dhcp-options.domain-name-servers",
        all_of(no_directory, dhcp("8.8.8.8")),
        "only public names",
    ),
    Scenario(
        "an inbound endpoint of the VPC, and no rule",
        "dhcp-options.domain-name-servers",
        inbound(),
        "none of which resolves corp.example",
    ),
    Scenario(
        "enableDnsSupport off",
        "dhcp-options.domain-name-servers",
        all_of(_RULE, _without_support),
        "is off, so the VPC resolver does not answer",
    ),
    Scenario(
        "no DHCP options set, and enableDnsSupport off",
        "dhcp-options.domain-name-servers",
        all_of(no_dhcp_options, private_zone("corp.example."), _without_support),
        "Turn on enableDnsSupport",
    ),
    Scenario(
        "an outbound endpoint whose group lets nothing out",
        "resolver-rule.endpoint",
        all_of(_RULE, _egress()),
        "does not allow outbound UDP 53",
    ),
    Scenario(
        "an outbound endpoint whose group lets DNS out to something else",
        "resolver-rule.endpoint",
        all_of(_RULE, _egress(_dns("udp", "10.9.9.0/24"), _dns("tcp", "10.9.9.0/24"))),
        "so the rule forwards nothing",
    ),
    Scenario(
        "a rule for another domain",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, forward_rule("corp.example.net.")),
        "no Resolver FORWARD rule",
    ),
    Scenario(
        "a rule for a part of the domain",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, forward_rule("sub.corp.example.")),
        "no Resolver FORWARD rule",
    ),
    Scenario(
        "a private hosted zone for a part of the domain",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, private_zone("app.corp.example.")),
        "no Resolver FORWARD rule or private hosted zone of",
    ),
    Scenario(
        "a rule whose association has failed",
        "dhcp-options.domain-name-servers",
        all_of(_RULE, associations(status="FAILED", status_message="no such VPC")),
        "its association with the VPC has failed (no such VPC)",
    ),
    Scenario(
        "a rule that is being deleted",
        "dhcp-options.domain-name-servers",
        all_of(_RULE, rules(status="DELETING")),
        "it is being deleted",
    ),
    Scenario(
        "an outbound endpoint that is being deleted",
        "resolver-rule.endpoint",
        all_of(_RULE, endpoints(status="DELETING")),
        "so the rule forwards nothing",
    ),
    Scenario(
        "a private hosted zone without the SRV records",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, private_zone("corp.example.", records=False)),
        "has no record _ldap._tcp.dc._msdcs.corp.example, so it answers NXDOMAIN",
    ),
    Scenario(
        "a private hosted zone that is more specific than the rule",
        "dhcp-options.domain-name-servers",
        all_of(_RULE, private_zone("_msdcs.corp.example.", records=False)),
        "FORWARD rule for _msdcs.corp.example",
    ),
    Scenario(
        "a private hosted zone, and enableDnsHostnames off",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, private_zone("corp.example.", host_names=False)),
        "since enableDnsHostnames of vpc-",
    ),
    Scenario(
        "a DNS Firewall that allows AWS only",
        "dns-firewall.names",
        all_of(_RULE, firewall(("ALLOW", ["*.amazonaws.com."]), ("BLOCK", ["*"]))),
        "Add corp.example and *.corp.example to the domain list rslvr-fdl-0-0",
    ),
    Scenario(
        "a DNS Firewall that allows the domain only",
        "dns-firewall.names",
        all_of(_RULE, firewall(("ALLOW", ["*.corp.example"]), ("BLOCK", ["*."]))),
        "blocks s3.us-east-1.amazonaws.com and 1 more",
    ),
    Scenario(
        "a Route 53 Profile without anything for the domain",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, profile()),
        "no Resolver FORWARD rule or private hosted zone of",
    ),
)

HEALTHY = (
    Scenario("an inbound endpoint of the VPC, with a rule", "", inbound("corp.example")),
    Scenario("an inbound endpoint of a hub, with a rule", "", inbound("corp.example", hub=True)),
    Scenario("a rule for the root", "", all_of(_AMAZON, forward_rule("."))),
    Scenario(
        "a rule for the domain, and one for its parent",
        "",
        all_of(_AMAZON, forward_rule("corp.example."), forward_rule("example.", "10.9.9.9")),
    ),
    Scenario("a rule of another account", "", all_of(_RULE, rules(share_status="SHARED_WITH_ME", owner_id="1"))),
    Scenario("an endpoint that is being updated", "", all_of(_RULE, endpoints(status="UPDATING"))),
    Scenario(
        "a rule to servers that --ad-dns names",
        "",
        all_of(_AMAZON, no_directory, forward_rule("corp.example.", "10.1.0.10"), options("--ad-dns", "10.1.0.10")),
    ),
    Scenario(
        "a rule to servers that AWS knows nothing of",
        "",
        all_of(_AMAZON, no_directory, forward_rule("corp.example.", "10.1.0.10")),
    ),
    Scenario("enableDnsSupport off, with the AD's DNS servers", "", _without_support),
    Scenario(
        "a private hosted zone for the SRV records alone", "", all_of(_AMAZON, private_zone("_msdcs.corp.example."))
    ),
    Scenario(
        "the VPC resolver and the AD's DNS servers, with a rule",
        "",
        all_of(dhcp("{dc}", "169.254.169.253"), forward_rule("corp.example.")),
    ),
    Scenario(
        "an outbound endpoint whose group lets out DNS alone",
        "",
        all_of(_RULE, _egress(_dns("udp", "127.0.0.0/8"), _dns("tcp", "127.0.0.0/8"))),
    ),
    Scenario(
        "a Route 53 Profile with a rule of another account",
        "",
        all_of(_AMAZON, profile(FOREIGN_RULE)),
    ),
    Scenario("a Route 53 Profile with a rule for the domain", "", all_of(_AMAZON, profile_with_rule)),
    Scenario(
        "a rule for the domain, and a zone of the same name",
        "",
        all_of(_RULE, private_zone("corp.example.", records=False)),
    ),
    Scenario(
        "a DNS Firewall that allows all that is needed",
        "",
        all_of(_RULE, firewall(("BLOCK", [AWS]), ("ALLOW", ["*.corp.example.", "*.amazonaws.com."]), ("BLOCK", ["*"]))),
    ),
    Scenario("a DNS Firewall, and the AD's DNS servers", "", firewall(("BLOCK", ["*"]))),
    Scenario("41 rules, and five requests per second", "", all_of(_AMAZON, many_rules)),
    Scenario(
        "a rule of another account that is not listed",
        "",
        all_of(_RULE, rules(share_status="SHARED_WITH_ME"), unlisted),
    ),
    Scenario("the DNS servers of the AD that a hybrid directory extends", "", all_of(dhcp("10.0.5.53"), hybrid)),
    Scenario("an AD Connector", "", connector("10.0.0.77")),
    Scenario("a directory shared by another account", "", directory(directory_type="SharedMicrosoftAD")),
    Scenario(
        "a rule that has failed, and a private zone",
        "",
        all_of(_RULE, associations(status="FAILED"), private_zone("corp.example.")),
    ),
)

WARNINGS = (
    Scenario(
        "resolvers of a hub VPC in another account",
        "dhcp-options.domain-name-servers",
        dhcp("10.200.0.10", "10.200.1.10"),
        "no network interface of this account",
    ),
    Scenario(
        "the AD Connector's own addresses as DNS servers",
        "dhcp-options.domain-name-servers",
        all_of(dhcp("10.0.0.77"), connector("10.0.0.77")),
        "itself, not a DNS server of the AD behind it",
    ),
    Scenario(
        "other domain controllers than those behind the AD Connector",
        "dhcp-options.domain-name-servers",
        all_of(dhcp("10.9.9.9"), connector("10.0.0.77")),
        "or another domain controller",
    ),
    Scenario(
        "the third address of a secondary CIDR",
        "dhcp-options.domain-name-servers",
        all_of(dhcp("10.250.0.2"), secondary_cidr),
        "the VPC resolver has only that of the primary CIDR, 127.77.0.2",
    ),
    Scenario(
        "an inbound endpoint of a hub without a rule that can be seen",
        "dhcp-options.domain-name-servers",
        inbound(hub=True),
        "no visible rule or zone for corp.example",
    ),
    Scenario(
        "the VPC resolver and the AD's DNS servers",
        "dhcp-options.domain-name-servers",
        dhcp("{dc}", "169.254.169.253"),
        "also lists the VPC resolver (169.254.169.253), which has no rule or private zone for corp.example",
    ),
    Scenario(
        "an instance that may forward",
        "dhcp-options.domain-name-servers",
        all_of(dhcp("127.77.251.54"), after(instance)),
        "which may forward the domain",
    ),
    Scenario(
        "a rule to other addresses than the AD's",
        "resolver-rule.targets",
        all_of(_AMAZON, forward_rule("corp.example.", "10.9.9.9", "10.9.9.10")),
        "none of which is a DNS server of corp.example",
    ),
    Scenario(
        "a rule one of whose addresses is not the AD's",
        "resolver-rule.targets",
        lambda it, lab: all_of(_AMAZON, forward_rule("corp.example.", "10.9.9.9", lab.dc.ip))(it, lab),
        "of which 10.9.9.9 is not",
    ),
    Scenario(
        "a rule whose association is being made",
        "dhcp-options.domain-name-servers",
        all_of(_RULE, associations(status="CREATING")),
        "its association is CREATING",
    ),
    Scenario(
        "an outbound endpoint that needs somebody",
        "resolver-rule.endpoint",
        all_of(_RULE, endpoints(status="ACTION_NEEDED")),
        "is ACTION_NEEDED",
    ),
    Scenario(
        "an outbound endpoint whose group lets out UDP alone",
        "resolver-rule.endpoint",
        all_of(_RULE, _egress(_dns("udp", "127.0.0.0/8"))),
        "does not allow outbound TCP 53",
    ),
    Scenario("a Simple AD", "directory-service.type", directory(directory_type="SimpleAD"), "does not support gMSAs"),
    Scenario("an impaired directory", "directory-service.type", directory(stage="Impaired"), "is Impaired, not Active"),
)

DOUBTS = (
    Scenario(
        "the Route 53 Profiles denied",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, denied("route53profiles", "ListProfileAssociations")),
        "route53profiles:ListProfileAssociations",
    ),
    Scenario(
        "the VPC's attributes denied",
        "dhcp-options.dns-support",
        all_of(_RULE, denied("ec2", "DescribeVpcAttribute")),
        "ec2:DescribeVpcAttribute",
    ),
    Scenario(
        "the outbound endpoint denied",
        "resolver-rule.endpoint",
        all_of(_RULE, denied("route53resolver", "GetResolverEndpoint")),
        "route53resolver:GetResolverEndpoint",
    ),
    Scenario(
        "the rules denied",
        "dhcp-options.domain-name-servers",
        all_of(_RULE, denied("route53resolver", "ListResolverRules")),
        "route53resolver:ListResolverRules",
    ),
    Scenario(
        "an unlisted rule denied",
        "dhcp-options.domain-name-servers",
        all_of(
            _RULE,
            rules(share_status="SHARED_WITH_ME"),
            unlisted,
            denied("route53resolver", "GetResolverRule"),
        ),
        "route53resolver:GetResolverRule",
    ),
    Scenario(
        "the records of a zone denied",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, private_zone("corp.example."), denied("route53", "ListResourceRecordSets")),
        "route53:ListResourceRecordSets",
    ),
    *(
        Scenario(
            f"{operation} denied",
            "dns-firewall.names",
            all_of(_RULE, firewall(("BLOCK", ["*.evil.example"])), denied("route53resolver", operation)),
            f"route53resolver:{operation}",
        )
        for operation in (
            "ListFirewallRuleGroupAssociations",
            "ListFirewallRules",
            "ListFirewallDomainLists",
            "ListFirewallDomains",
        )
    ),
    Scenario(
        "the resources of a Profile denied",
        "dhcp-options.domain-name-servers",
        all_of(_AMAZON, profile(), denied("route53profiles", "ListProfileResourceAssociations")),
        "route53profiles:ListProfileResourceAssociations",
    ),
)
