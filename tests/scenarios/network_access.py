"""Faults between the task and the domain controllers: routes, security groups, network ACLs."""

from collections.abc import Callable, Iterable
from typing import Any

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Created, Environment, fill
from tests.scenarios.changes import after, all_of, dhcp, options, service
from tests.scenarios.lab import Change, Lab, Scenario

ANYWHERE = "0.0.0.0/0"
GROUPS = "network-access.security-groups"
ACLS = "network-access.network-acls"
THEIRS = "network-access.hosts-security-groups"
ROUTES = "network-access.routes"
AD_PORTS = (("udp", 53), ("tcp", 53), ("tcp", 88), ("udp", 88), ("tcp", 389))
_NUMBERS = {"tcp": "6", "udp": "17", "-1": "-1"}

# Security groups ----------------------------------------------------------------------------------------


def permission(protocol: str, *ports: int, **source: Any) -> dict[str, Any]:
    """Give a rule of a security group; `cidr`, `prefix_list` or `group` is the other side."""
    ranges = {"FromPort": ports[0], "ToPort": ports[-1]} if ports else {}
    others = {
        "cidr": ("IpRanges", "CidrIp"),
        "prefix_list": ("PrefixListIds", "PrefixListId"),
        "group": ("UserIdGroupPairs", "GroupId"),
    }
    sides = {others[name][0]: [{others[name][1]: value}] for name, value in source.items()}
    return {"IpProtocol": protocol, **ranges, **sides}


def set_egress(aws: EmbeddedAws, created: Created, *permissions: dict[str, Any]) -> None:
    """Let the task's security group have these outbound rules, and that for AWS's services, and no others."""
    ec2 = aws.client("ec2", created.region)
    ec2.revoke_security_group_egress(GroupId=created.security_group, IpPermissions=[permission("-1", cidr=ANYWHERE)])
    to_aws = permission("tcp", 443, cidr=ANYWHERE)
    wanted = [to_aws, *(rule for rule in permissions if rule != to_aws)]
    ec2.authorize_security_group_egress(GroupId=created.security_group, IpPermissions=wanted)


def egress(*permissions: dict[str, Any]) -> Change:
    """Let the task's security group have these outbound rules and no others."""
    return after(lambda aws, created: set_egress(aws, created, *permissions))


def all_ports(but: Iterable[tuple[str, int]] = (), **source: Any) -> list[dict[str, Any]]:
    """Give rules for the ports of the AD, except these."""
    return [permission(protocol, port, **source) for protocol, port in AD_PORTS if (protocol, port) not in but]


def egress_to_dc(*but: tuple[str, int]) -> Change:
    """Let the task out to the domain controller only, and not on these ports."""
    return lambda it, lab: egress(*all_ports(but, cidr=f"{lab.dc.ip}/32"))(it, lab)


def egress_only(protocol: str, *ports: int, cidr: str = ANYWHERE) -> Change:
    """Let the task out on these ports only."""
    return egress(permission(protocol, *ports, cidr=cidr))


def through_prefix_list(network: Callable[[Lab], str]) -> Change:
    """Let the task out to a prefix list only, which holds this network."""

    def change(it: Environment, lab: Lab) -> None:
        entries = [{"Cidr": network(lab), "Description": "AD"}]

        def make(aws: EmbeddedAws, created: Created) -> None:
            made = aws.client("ec2", created.region).create_managed_prefix_list(
                PrefixListName="ad", AddressFamily="IPv4", MaxEntries=5, Entries=entries
            )
            set_egress(aws, created, *all_ports(prefix_list=made["PrefixList"]["PrefixListId"]))

        after(make)(it, lab)

    return change


def controllers_group(aws: EmbeddedAws, created: Created) -> str:
    """Give the security group of the directory's domain controllers."""
    answer = aws.client("ds", created.region).describe_directories(DirectoryIds=[created.directory])
    return str(answer["DirectoryDescriptions"][0]["VpcSettings"]["SecurityGroupId"])


def other_group(aws: EmbeddedAws, created: Created, name: str = "other") -> str:
    """Make a security group more in the VPC."""
    made = aws.client("ec2", created.region).create_security_group(GroupName=name, Description=name, VpcId=created.vpc)
    return str(made["GroupId"])


def egress_to_group(group: Callable[[EmbeddedAws, Created], str]) -> Change:
    """Let the task out to the members of a security group only."""
    return after(lambda aws, created: set_egress(aws, created, *all_ports(group=group(aws, created))))


def no_group(aws: EmbeddedAws, created: Created) -> None:
    """Delete the service's security group."""
    aws.client("ec2", created.region).delete_security_group(GroupId=created.security_group)


def second_group(it: Environment, lab: Lab) -> None:
    """Let the service have two groups: one lets Kerberos and DNS out, the other LDAP."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        set_egress(aws, created, *all_ports([("tcp", 389)], cidr=ANYWHERE))
        ec2 = aws.client("ec2", created.region)
        other = other_group(aws, created)
        ec2.revoke_security_group_egress(GroupId=other, IpPermissions=[permission("-1", cidr=ANYWHERE)])
        ec2.authorize_security_group_egress(GroupId=other, IpPermissions=[permission("tcp", 389, cidr=ANYWHERE)])
        ecs = aws.client("ecs", created.region)
        ecs.delete_service(cluster=it.cluster, service=it.name, force=True)
        assert it.service is not None
        arguments = fill(it.service, created.names)
        arguments["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"].append(other)
        ecs.create_service(cluster=it.cluster, serviceName=it.name, **arguments)

    after(make)(it, lab)


def default_group(aws: EmbeddedAws, created: Created) -> None:
    """Let the VPC's default group let nothing out."""
    ec2 = aws.client("ec2", created.region)
    filters = [{"Name": "vpc-id", "Values": [created.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    (found,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    ec2.revoke_security_group_egress(GroupId=found["GroupId"], IpPermissions=found["IpPermissionsEgress"])


NO_GROUPS = service(
    networkConfiguration={
        "awsvpcConfiguration": {"subnets": ["{subnet}"], "securityGroups": [], "assignPublicIp": "DISABLED"}
    }
)

SECURITY_GROUPS = (
    Scenario("no outbound rule", GROUPS, egress(), "reach DNS, Kerberos and LDAP of corp.example"),
    Scenario("outbound rules for HTTPS only", GROUPS, egress_only("tcp", 443), "TCP 88"),
    Scenario("outbound rules for high ports only", GROUPS, egress_only("tcp", 1024, 65535), "TCP 389"),
    Scenario("outbound rules for another network", GROUPS, egress_only("-1", cidr="10.0.0.0/8"), "UDP 53"),
    Scenario("outbound rules for UDP only", GROUPS, egress_only("udp", 0, 65535), "reach Kerberos and LDAP"),
    Scenario("outbound rules for ping only", GROUPS, egress_only("icmp", -1), "TCP 88"),
    Scenario("no outbound rule for LDAP", GROUPS, egress_to_dc(("tcp", 389)), "cannot reach LDAP of corp.example"),
    Scenario("no outbound rule for Kerberos", GROUPS, egress_to_dc(("tcp", 88)), "reach Kerberos of"),
    Scenario("no outbound rule for DNS", GROUPS, egress_to_dc(("udp", 53), ("tcp", 53)), "reach DNS of"),
    Scenario(
        "a prefix list of another network", GROUPS, through_prefix_list(lambda _: "10.0.0.0/8"), "no outbound rule"
    ),
    Scenario("a group that the domain controllers are not in", GROUPS, egress_to_group(other_group), "TCP 88"),
    Scenario(
        "no group, and a default one without outbound rules", GROUPS, all_of(NO_GROUPS, after(default_group)), "TCP 88"
    ),
    Scenario("a security group that is gone", GROUPS, after(no_group), "ECS places no task"),
    Scenario(
        "no outbound rule for the SQL Server",
        GROUPS,
        all_of(egress(*all_ports(cidr=ANYWHERE)), options("--spn", "MSSQLSvc/sql.corp.example:1433")),
        "TCP 1433",
    ),
)

# Network ACLs -------------------------------------------------------------------------------------------


def rule(
    number: int, action: str, cidr: str = ANYWHERE, protocol: str = "-1", ports: tuple[int, int] | None = None, *,
    out: bool,
) -> dict[str, Any]:  # fmt: skip
    """Give a rule of a network ACL."""
    span = {"PortRange": {"From": ports[0], "To": ports[1]}} if ports else {}
    return {
        "RuleNumber": number,
        "RuleAction": action,
        "CidrBlock": cidr,
        "Protocol": _NUMBERS[protocol],
        "Egress": out,
        **span,
    }


ALL_OUT = rule(100, "allow", out=True)
ALL_IN = rule(100, "allow", out=False)


def set_acl(aws: EmbeddedAws, created: Created, subnets: Iterable[str], rules: Iterable[dict[str, Any]]) -> None:
    """Give subnets a network ACL of their own."""
    ec2 = aws.client("ec2", created.region)
    acl = ec2.create_network_acl(VpcId=created.vpc)["NetworkAcl"]["NetworkAclId"]
    for entry in rules:
        ec2.create_network_acl_entry(NetworkAclId=acl, **entry)
    for subnet in subnets:
        found = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])
        own = [own for each in found["NetworkAcls"] for own in each["Associations"] if own["SubnetId"] == subnet]
        ec2.replace_network_acl_association(AssociationId=own[0]["NetworkAclAssociationId"], NetworkAclId=acl)


def acl(*rules: dict[str, Any], subnets: slice = slice(0, 1)) -> Change:
    """Give the task's subnet (or others) a network ACL with these rules; `{dc}` is the domain controller."""

    def change(it: Environment, lab: Lab) -> None:
        own = [{**entry, "CidrBlock": entry["CidrBlock"].replace("{dc}", lab.dc.ip)} for entry in rules]
        after(lambda aws, created: set_acl(aws, created, created.subnets[subnets], own))(it, lab)

    return change


THREE_SUBNETS = service(
    networkConfiguration={
        "awsvpcConfiguration": {
            "subnets": ["{subnet}", "{subnet_b}", "{subnet_c}"],
            "securityGroups": ["{security_group}"],
            "assignPublicIp": "DISABLED",
        }
    }
)
THEIR_SUBNETS = slice(1, 3)
"""In which the directory is."""

AD_OUT = [
    rule(200 + index, "allow", "127.77.0.0/16", protocol="tcp", ports=(port, port), out=True)
    for index, port in enumerate((53, 88, 389))
]

NETWORK_ACLS = (
    Scenario(
        "an ACL that lets the AD pass, and no AWS service",
        "network-path.network-acls",
        acl(rule(100, "allow", "127.77.0.0/16", out=True, protocol="udp"), *AD_OUT, ALL_IN),
        "outbound TCP 443",
    ),
    Scenario("an ACL without rules", ACLS, acl(), "no outbound rule of acl-"),
    Scenario(
        "an ACL that denies the domain controller",
        ACLS,
        acl(rule(90, "deny", "{dc}/32", out=True), ALL_OUT, ALL_IN),
        "outbound rule 90 of acl-",
    ),
    Scenario(
        "an ACL that denies answers from the domain controller",
        ACLS,
        acl(ALL_OUT, rule(90, "deny", "{dc}/32", out=False), ALL_IN),
        "denies answers to",
    ),
    Scenario(
        "an ACL without return ports",
        ACLS,
        acl(ALL_OUT, rule(100, "allow", protocol="tcp", ports=(443, 443), out=False)),
        "answers to",
    ),
    Scenario(
        "an ACL for the web only",
        ACLS,
        acl(
            rule(100, "allow", protocol="tcp", ports=(443, 443), out=True),
            rule(100, "allow", protocol="tcp", ports=(1024, 65535), out=False),
        ),
        "TCP 88",
    ),
    Scenario(
        "an ACL of the domain controllers for their own subnets",
        ACLS,
        acl(rule(100, "allow", "127.77.251.0/24", out=False), ALL_OUT, subnets=THEIR_SUBNETS),
        "no inbound rule of acl-",
    ),
    Scenario(
        "an ACL of the domain controllers that lets no answers out",
        ACLS,
        acl(ALL_IN, rule(100, "allow", protocol="tcp", ports=(443, 443), out=True), subnets=THEIR_SUBNETS),
        "answers to",
    ),
)

# The domain controllers' own groups ---------------------------------------------------------------------


def set_ingress(aws: EmbeddedAws, created: Created, *permissions: dict[str, Any]) -> None:
    """Let the domain controllers' security group have these inbound rules and no others."""
    ec2 = aws.client("ec2", created.region)
    group = controllers_group(aws, created)
    (before,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=before["IpPermissions"])
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=list(permissions))


def ingress(*permissions: dict[str, Any]) -> Change:
    """Let the domain controllers' security group have these inbound rules and no others."""
    return after(lambda aws, created: set_ingress(aws, created, *permissions))


def ingress_from_task(aws: EmbeddedAws, created: Created) -> None:
    """Let the domain controllers' security group admit that of the task by its name."""
    set_ingress(aws, created, *all_ports(group=created.security_group))


HOSTS_GROUPS = (
    Scenario("the directory's group for another network", THEIRS, ingress(*all_ports(cidr="10.0.0.0/16")), "TCP 88"),
    Scenario(
        "the directory's group without LDAP",
        THEIRS,
        ingress(*all_ports([("tcp", 389)], cidr="127.77.0.0/16")),
        "TCP 389",
    ),
    Scenario(
        "the directory's group for another subnet",
        THEIRS,
        ingress(*all_ports(cidr="127.77.251.0/24")),
        "no inbound rule of",
    ),
)

# Routes -------------------------------------------------------------------------------------------------

ON_PREMISES = ("10.20.0.10", "10.20.0.11")


def at(*addresses: str) -> Change:
    """Let DNS name domain controllers at these addresses, for a run that asks nothing of them."""

    def change(it: Environment, lab: Lab) -> None:
        it.directory = None
        it.arguments[:] = ["--live", "never", "--ad-dns", ",".join(addresses)]
        dhcp(*addresses)(it, lab)

    return change


def managed(*addresses: str) -> Change:
    """Let the AD be a directory of Directory Service with domain controllers at these addresses."""

    def change(it: Environment, lab: Lab) -> None:
        it.directory = list(addresses)
        it.arguments[:] = ["--live", "never"]
        dhcp(*addresses)(it, lab)

    return change


def route(destination: str, **target: str) -> Change:
    """Add a route to the table of the task's subnets."""
    return after(
        lambda aws, created: aws.client("ec2", created.region).create_route(
            RouteTableId=created.route_table, DestinationCidrBlock=destination, **target
        )
    )


def no_route(*destinations: str) -> Change:
    """Take routes out of the table of the task's subnets."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        for cidr in destinations:
            aws.client("ec2", created.region).delete_route(RouteTableId=created.route_table, DestinationCidrBlock=cidr)

    return after(make)


PUBLIC = "128.0.0.0/1"
"""Addresses of AWS's services are in it, and none of the domain controllers."""


def route_to_aws(aws: EmbeddedAws, created: Created) -> None:
    """Let the task's subnets get to AWS's services without a default route."""
    aws.client("ec2", created.region).create_route(
        RouteTableId=created.route_table, DestinationCidrBlock=PUBLIC, NatGatewayId=created.nat_gateway
    )


def no_route_in_one_subnet(aws: EmbeddedAws, created: Created) -> None:
    """Give the first subnet a table of its own, without routes but to AWS's services."""
    ec2 = aws.client("ec2", created.region)
    table = ec2.create_route_table(VpcId=created.vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=PUBLIC, NatGatewayId=created.nat_gateway)
    (before,) = ec2.describe_route_tables(RouteTableIds=[created.route_table])["RouteTables"]
    own = next(own for own in before["Associations"] if own.get("SubnetId") == created.subnets[0])
    ec2.replace_route_table_association(AssociationId=own["RouteTableAssociationId"], RouteTableId=table)


def blackhole(destination: str) -> Change:
    """Point a route to a deleted target."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        from moto.ec2.models.route_tables import Route

        class Gone(Route):
            """moto has no such state."""

            state = "blackhole"

        ec2 = aws.client("ec2", created.region)
        gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
        ec2.create_route(RouteTableId=created.route_table, DestinationCidrBlock=destination, TransitGatewayId=gateway)
        table = aws.backend("ec2", created.region).route_tables[created.route_table]
        found = next(route for route in table.routes if route.destination_cidr_block == destination)
        found.__class__ = Gone

    return after(make)


PEER = "10.30.0.0/16"
IN_PEER = "10.30.1.10"


def peered(*, accepted: bool = True, source: str = "127.77.0.0/16") -> Change:
    """Peer the VPC with one that holds the domain controllers, whose security group admits ``source``."""

    def make(aws: EmbeddedAws, created: Created) -> None:
        ec2 = aws.client("ec2", created.region)
        vpc = ec2.create_vpc(CidrBlock=PEER)["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.30.1.0/24")["Subnet"]["SubnetId"]
        group = ec2.create_security_group(GroupName="dc", Description="dc", VpcId=vpc)["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=all_ports(cidr=source))
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=IN_PEER, Groups=[group])
        made = ec2.create_vpc_peering_connection(VpcId=created.vpc, PeerVpcId=vpc)["VpcPeeringConnection"]
        peering = made["VpcPeeringConnectionId"]
        if accepted:
            ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
        ec2.create_route(RouteTableId=created.route_table, DestinationCidrBlock=PEER, VpcPeeringConnectionId=peering)

    def change(it: Environment, lab: Lab) -> None:
        managed(IN_PEER)(it, lab)
        after(make)(it, lab)
        after(_without_own_interfaces)(it, lab)

    return change


def _without_own_interfaces(aws: EmbeddedAws, created: Created) -> None:
    """The directory of the lab is in the task's VPC: that its addresses are in another one is all that counts."""

    for interface in aws.backend("ec2", created.region).enis.values():
        if interface.subnet.vpc_id == created.vpc:
            interface.private_ip_address = "127.77.251.77"
            interface.private_ip_addresses = [{"Primary": True, "PrivateIpAddress": "127.77.251.77"}]


ROUTE_FAULTS = (
    Scenario(
        "no route to the domain controllers",
        ROUTES,
        all_of(managed(*ON_PREMISES), no_route("10.0.0.0/8", ANYWHERE), after(route_to_aws)),
        "has no route to ",
    ),
    Scenario(
        "a route to a deleted target",
        ROUTES,
        all_of(managed(*ON_PREMISES), blackhole("10.20.0.0/16")),
        "is a blackhole",
    ),
    Scenario(
        "only a NAT gateway for private addresses",
        ROUTES,
        all_of(managed(*ON_PREMISES), no_route("10.0.0.0/8")),
        "to the internet",
    ),
    Scenario("a peering connection that nobody has accepted", ROUTES, peered(accepted=False), "is pending-acceptance"),
    Scenario(
        "a peered directory whose group admits its own VPC only", THEIRS, peered(source=PEER), "no inbound rule of"
    ),
)

FAULTS = (*SECURITY_GROUPS, *NETWORK_ACLS, *HOSTS_GROUPS, *ROUTE_FAULTS)

WARNINGS = (
    Scenario(
        "no route in one of three subnets",
        ROUTES,
        all_of(THREE_SUBNETS, managed(*ON_PREMISES), after(no_route_in_one_subnet)),
        "(1 of 3 subnets)",
    ),
    Scenario(
        "no route to one of two domain controllers",
        ROUTES,
        all_of(managed("10.20.0.10", "192.168.9.9")),
        "192.168.9.9",
    ),
    Scenario(
        "no outbound rule to hosts that may be domain controllers",
        GROUPS,
        all_of(at(*ON_PREMISES), egress(*all_ports([("tcp", 88)], cidr=ANYWHERE))),
        "it is not known whether tasks use these hosts",
    ),
    Scenario("no outbound rule for Kerberos by UDP", GROUPS, egress_to_dc(("udp", 88)), "loses seconds"),
    Scenario("no outbound rule for DNS by TCP", GROUPS, egress_to_dc(("tcp", 53)), "large DNS answers"),
    Scenario(
        "an ACL with a part of the return ports",
        ACLS,
        acl(
            ALL_OUT,
            rule(100, "allow", ports=(1024, 49151), protocol="tcp", out=False),
            rule(110, "allow", protocol="udp", ports=(1024, 65535), out=False),
        ),
        "answers to TCP 49152-60999",
    ),
    Scenario(
        "an ACL of one of three subnets",
        ACLS,
        all_of(THREE_SUBNETS, acl(ALL_OUT)),
        "(1 of 3 subnets)",
    ),
    Scenario(
        "the directory's group for a half of the subnet",
        THEIRS,
        ingress(*all_ports(cidr="127.77.250.0/25")),
        "only a part of 127.77.250.0/24",
    ),
)

HEALTHY = (
    Scenario("domain controllers behind a transit gateway", "", managed(*ON_PREMISES)),
    Scenario("an AD that AWS knows nothing of, behind a transit gateway", "", at(*ON_PREMISES)),
    Scenario("domain controllers in a peered VPC", "", peered()),
    Scenario("outbound rules for the domain controller only", "", egress_to_dc()),
    Scenario("a prefix list that holds it", "", through_prefix_list(lambda lab: f"{lab.dc.ip}/32")),
    Scenario("outbound rules for the directory's group", "", egress_to_group(controllers_group)),
    Scenario("no group: the VPC's default one", "", NO_GROUPS),
    Scenario("two security groups together", "", second_group),
    Scenario("the directory's group admits the task's", "", after(ingress_from_task)),
    Scenario(
        "an ACL with Linux's return ports only",
        "",
        acl(
            *(
                rule(100 + n, "allow", protocol=protocol, ports=(port, port), out=True)
                for n, (protocol, port) in enumerate((*AD_PORTS, ("tcp", 443)))
            ),
            rule(100, "allow", protocol="tcp", ports=(32768, 60999), out=False),
            rule(110, "allow", protocol="udp", ports=(32768, 60999), out=False),
        ),
    ),
    Scenario(
        "an ACL that denies after it has admitted",
        "",
        acl(ALL_OUT, rule(200, "deny", "{dc}/32", out=True), ALL_IN, rule(200, "deny", out=False)),
    ),
)
