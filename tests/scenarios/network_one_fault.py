"""Changes in the network that block both AWS services and the AD: each has one root cause."""

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Created
from tests.scenarios.changes import after, all_of, dhcp, forward_rule
from tests.scenarios.lab import Scenario
from tests.scenarios.network_access import (
    ACLS,
    ANYWHERE,
    GROUPS,
    NO_GROUPS,
    ON_PREMISES,
    ROUTES,
    THREE_SUBNETS,
    acl,
    blackhole,
    default_group,
    managed,
    no_route,
)
from tests.scenarios.network_path import (
    BY_ENDPOINTS,
    DHCP_OF_AWS,
    WITHIN_VPC,
    asks_all,
    default_route,
    egress,
    gateway_endpoint,
    internet_gateway,
    nat_deleted,
    table_for,
    to,
    transit_gateway,
    vpc_attribute,
)

_NAME_SERVERS = "dhcp-options.domain-name-servers"
ON_PREMISES_AD = managed(*ON_PREMISES)
NO_OTHER_NETWORKS = no_route("10.0.0.0/8")
CENTRALISED = all_of(ON_PREMISES_AD, NO_OTHER_NETWORKS, default_route(TransitGatewayId=transit_gateway))
"""One default route to a transit gateway serves the internet and the AD."""
NO_ROUTES = no_route("10.0.0.0/8", ANYWHERE)


def default_group_within_vpc(aws: EmbeddedAws, created: Created) -> None:
    """Let the VPC's default group let out what stays in the VPC, and nothing else."""
    ec2 = aws.client("ec2", created.region)
    default_group(aws, created)
    filters = [{"Name": "vpc-id", "Values": [created.vpc]}, {"Name": "group-name", "Values": ["default"]}]
    (found,) = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    ec2.authorize_security_group_egress(GroupId=found["GroupId"], IpPermissions=[WITHIN_VPC])


def other_interface(aws: EmbeddedAws, created: Created) -> None:
    """Let an interface of another VPC, which no route leads to, have the address of a domain controller."""
    ec2 = aws.client("ec2", created.region)
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="other", Description="other", VpcId=vpc)["GroupId"]
    for address in ON_PREMISES:
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address, Groups=[group])


SHARED_GROUP = all_of(dhcp("AmazonProvidedDNS"), forward_rule("corp.example."), egress())
"""The Resolver rule's outbound endpoint has the task's security group, and that lets nothing out."""

FAULTS = (
    Scenario("centralised egress without its default route", ROUTES, all_of(ON_PREMISES_AD, NO_ROUTES), "no route"),
    Scenario(
        "centralised egress without its default route, and all is asked",
        ROUTES,
        all_of(asks_all, ON_PREMISES_AD, NO_ROUTES),
        "default route (0.0.0.0/0)",
    ),
    Scenario(
        "centralised egress whose transit gateway is gone",
        ROUTES,
        all_of(ON_PREMISES_AD, NO_ROUTES, blackhole(ANYWHERE)),
        "is a blackhole",
    ),
    Scenario(
        "centralised egress led to an internet gateway",
        ROUTES,
        all_of(ON_PREMISES_AD, NO_OTHER_NETWORKS, default_route(GatewayId=internet_gateway)),
        "to the internet",
    ),
    Scenario(
        "all behind a NAT gateway that is gone",
        ROUTES,
        all_of(ON_PREMISES_AD, NO_OTHER_NETWORKS, nat_deleted),
        "behind nat-",
    ),
    Scenario(
        "an empty route table, in the place of one with a gateway endpoint",
        ROUTES,
        all_of(asks_all, ON_PREMISES_AD, gateway_endpoint(), table_for(0)),
        "has no route to ",
    ),
    Scenario(
        "an empty route table, in the place of one with a gateway endpoint, and the AD in the VPC",
        "network-path.s3",
        all_of(asks_all, gateway_endpoint(), table_for(0)),
        "no default route",
    ),
    Scenario(
        "outbound rules for the VPC, and the AD elsewhere",
        GROUPS,
        all_of(ON_PREMISES_AD, egress(WITHIN_VPC)),
        "TCP 88",
    ),
    Scenario(
        "outbound rules for one port of another network",
        GROUPS,
        egress(to("10.0.0.0/8", 88)),
        "Also allow outbound",
    ),
    Scenario(
        "no outbound rule, and the AD elsewhere",
        GROUPS,
        all_of(ON_PREMISES_AD, egress()),
        "Also allow outbound",
    ),
    Scenario(
        "a default group without outbound rules, and endpoints",
        GROUPS,
        all_of(BY_ENDPOINTS, NO_GROUPS, after(default_group)),
        "Also allow outbound",
    ),
    Scenario(
        "a default group for the VPC alone",
        "network-path.s3",
        all_of(NO_GROUPS, after(default_group_within_vpc)),
        "to addresses outside the VPC",
    ),
    Scenario("an ACL without rules, and endpoints", ACLS, all_of(BY_ENDPOINTS, acl()), "no outbound rule of acl-"),
    Scenario(
        "a group without outbound rules, of the task and of the outbound endpoint", GROUPS, SHARED_GROUP, "TCP 88"
    ),
    Scenario(
        "public resolvers, and endpoints",
        _NAME_SERVERS,
        all_of(BY_ENDPOINTS, dhcp("8.8.8.8")),
        "none of which resolves corp.example",
    ),
    Scenario(
        "enableDnsSupport off, and endpoints",
        _NAME_SERVERS,
        all_of(DHCP_OF_AWS, BY_ENDPOINTS, vpc_attribute(EnableDnsSupport=False)),
        "enableDnsSupport of",
    ),
    Scenario(
        "enableDnsSupport off, and endpoints, with the AD's DNS servers",
        "network-path.secrets-manager",
        all_of(BY_ENDPOINTS, vpc_attribute(EnableDnsSupport=False)),
        "enableDnsSupport",
    ),
)

WARNINGS = (
    Scenario(
        "one of three subnets without its default route",
        ROUTES,
        all_of(THREE_SUBNETS, ON_PREMISES_AD, table_for(0)),
        "1 of 3 subnets",
    ),
    Scenario(
        "an empty route table of one subnet of three",
        ROUTES,
        all_of(asks_all, THREE_SUBNETS, ON_PREMISES_AD, gateway_endpoint(), table_for(0)),
        "1 of 3 subnets",
    ),
    Scenario(
        "an empty route table of one subnet of three, and the AD in the VPC",
        "network-path.s3",
        all_of(asks_all, THREE_SUBNETS, gateway_endpoint(), table_for(0)),
        "fail intermittently",
    ),
)

HEALTHY = (
    Scenario("centralised egress", "", CENTRALISED),
    Scenario("centralised egress, and all is asked", "", all_of(asks_all, CENTRALISED)),
    Scenario("the default group, and endpoints", "", all_of(BY_ENDPOINTS, NO_GROUPS)),
    Scenario(
        "the AD's addresses also in a VPC that no route leads to", "", all_of(CENTRALISED, after(other_interface))
    ),
)
