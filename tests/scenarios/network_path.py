"""Paths from the task's subnets to AWS services: faults, other right configurations, and doubts."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.lab.aws import EmbeddedAws
from tests.lab.environment import Created
from tests.lab.network import ELSEWHERE
from tests.scenarios.changes import after, all_of, denied, dhcp, forward_rule, no_directory, on_ec2, role_also, service
from tests.scenarios.execution_role_start import image, logs
from tests.scenarios.lab import Change, Scenario
from tests.scenarios.policies import allow

_S3, _SECRETS, _ECR, _LOGS = "network-path.s3", "network-path.secrets-manager", "network-path.ecr", "network-path.logs"
ALL = ("secretsmanager", "ecr.api", "ecr.dkr", "logs")


def ec2(call: Callable[[Any, Created], object]) -> Change:
    """Call EC2 when all else is there."""
    return after(lambda aws, created: call(aws.client("ec2", created.region), created))


def subnets(*names: str, public_address: str = "DISABLED") -> Change:
    """Place the tasks in these subnets."""
    network = {
        "subnets": [f"{{{name}}}" for name in names],
        "securityGroups": ["{security_group}"],
        "assignPublicIp": public_address,
    }
    return service(networkConfiguration={"awsvpcConfiguration": network})


asks_all = all_of(image(), logs(), role_also(allow("ecr:*")))
"""The image comes from ECR, and the log goes to CloudWatch Logs."""
no_default_route = ec2(lambda api, it: api.delete_route(RouteTableId=it.route_table, DestinationCidrBlock="0.0.0.0/0"))
no_other_networks = ec2(lambda api, it: api.delete_route(RouteTableId=it.route_table, DestinationCidrBlock=ELSEWHERE))
isolated = all_of(no_default_route, no_other_networks)
"""The private subnets' route table leads nowhere but to the VPC itself."""


def default_route(**target: Any) -> Change:
    """Let the private subnets' default route lead elsewhere."""
    return all_of(no_default_route, add_route("0.0.0.0/0", **target))


def add_route(destination: str, **target: Any) -> Change:
    """Add a route to the private subnets' table; a target may be made by a function."""

    def add(api: Any, it: Created) -> None:
        values = {key: value(api, it) if callable(value) else value for key, value in target.items()}
        api.create_route(RouteTableId=it.route_table, DestinationCidrBlock=destination, **values)

    return ec2(add)


def internet_gateway(_: Any, it: Created) -> str:
    """Give the internet gateway."""
    return it.internet_gateway


def transit_gateway(api: Any, _: Created) -> str:
    """Make a transit gateway."""
    return str(api.create_transit_gateway()["TransitGateway"]["TransitGatewayId"])


def interface(api: Any, it: Created) -> str:
    """Make a network interface, such as a firewall has."""
    return str(api.create_network_interface(SubnetId=it.public_subnet)["NetworkInterface"]["NetworkInterfaceId"])


def nat_in_private_subnet(api: Any, it: Created) -> str:
    """Make a NAT gateway in one of the tasks' own subnets."""
    return str(api.create_nat_gateway(SubnetId=it.subnets[0])["NatGateway"]["NatGatewayId"])


def private_nat(api: Any, it: Created) -> str:
    """Make a private NAT gateway in the public subnet."""
    made = api.create_nat_gateway(SubnetId=it.public_subnet, ConnectivityType="private")
    return str(made["NatGateway"]["NatGatewayId"])


nat_deleted = ec2(lambda api, it: api.delete_nat_gateway(NatGatewayId=it.nat_gateway))


def table_for(number: int) -> Change:
    """Give one subnet a table of its own, without a default route."""

    def make(api: Any, it: Created) -> None:
        table = api.create_route_table(VpcId=it.vpc)["RouteTable"]["RouteTableId"]
        tables = api.describe_route_tables(RouteTableIds=[it.route_table])["RouteTables"]
        (association,) = (
            own["RouteTableAssociationId"]
            for own in tables[0]["Associations"]
            if own.get("SubnetId") == it.subnets[number]
        )
        api.replace_route_table_association(AssociationId=association, RouteTableId=table)

    return ec2(make)


def main_table(**target: Any) -> Change:
    """Take the private subnets off their table, so that the VPC's main one is theirs; give that a default route."""

    def make(api: Any, it: Created) -> None:
        (own,) = api.describe_route_tables(RouteTableIds=[it.route_table])["RouteTables"]
        for association in own["Associations"]:
            api.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
        tables = api.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [it.vpc]}])["RouteTables"]
        (main,) = (table["RouteTableId"] for table in tables if any(own["Main"] for own in table["Associations"]))
        values = {key: value(api, it) for key, value in target.items()}
        if values:
            api.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", **values)

    return ec2(make)


def gateway_endpoint(
    policy: str = "", table: Callable[[Created], Sequence[str]] = lambda it: [it.route_table]
) -> Change:
    """Make a gateway endpoint for S3 on these route tables."""

    def make(api: Any, it: Created) -> None:
        more = {"PolicyDocument": policy} if policy else {}
        api.create_vpc_endpoint(
            VpcId=it.vpc, ServiceName=f"com.amazonaws.{it.region}.s3", VpcEndpointType="Gateway",
            RouteTableIds=list(table(it)), **more,
        )  # fmt: skip

    return ec2(make)


def endpoints(*services: str, group: dict[str, Any] | None = None, policy: str = "", **more: Any) -> Change:
    """Make interface endpoints with private DNS, whose group admits the VPC, or has this rule instead."""

    def make(aws: EmbeddedAws, it: Created) -> None:
        api = aws.client("ec2", it.region)
        made = api.create_security_group(GroupName=f"endpoints {services}", Description="endpoints", VpcId=it.vpc)
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "127.77.0.0/16"}]}
        if group != {}:
            wanted = {**rule, **(group or {})}
            wanted = {
                key: [{"GroupId": it.security_group}] if value == "the task's" else value
                for key, value in wanted.items()
            }
            api.authorize_security_group_ingress(GroupId=made["GroupId"], IpPermissions=[wanted])
        if policy:
            more["PolicyDocument"] = policy
        for service_name in services:
            place = [it.subnets[more["subnet"]] if "subnet" in more else it.subnets[0]]
            api.create_vpc_endpoint(
                VpcId=it.vpc, ServiceName=f"com.amazonaws.{it.region}.{service_name}", VpcEndpointType="Interface",
                SubnetIds=place, SecurityGroupIds=[made["GroupId"]],
                **{"PrivateDnsEnabled": True, **{key: value for key, value in more.items() if key != "subnet"}},
            )  # fmt: skip

    return after(make)


def to_prefix_list(api: Any, it: Created) -> dict[str, Any]:
    """Give a rule for port 443 of S3's prefix list."""
    lists = api.describe_managed_prefix_lists()["PrefixLists"]
    own = next(found["PrefixListId"] for found in lists if found["PrefixListName"] == f"com.amazonaws.{it.region}.s3")
    return {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": own}]}


def egress(*wanted: dict[str, Any] | Callable[[Any, Created], dict[str, Any]]) -> Change:
    """Let the task's security group have these outbound rules only."""

    def make(api: Any, it: Created) -> None:
        rules = [rule(api, it) if callable(rule) else rule for rule in wanted]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        api.revoke_security_group_egress(GroupId=it.security_group, IpPermissions=everything)
        if rules:
            api.authorize_security_group_egress(GroupId=it.security_group, IpPermissions=rules)

    return ec2(make)


def to(cidr: str, port: int = 443, protocol: str = "tcp") -> dict[str, Any]:
    """Give a rule for a port."""
    return {"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]}


def vpc_attribute(**value: bool) -> Change:
    """Set an attribute of the VPC."""
    wanted = {key: {"Value": setting} for key, setting in value.items()}
    return ec2(lambda api, it: api.modify_vpc_attribute(VpcId=it.vpc, **wanted))


def _statement(effect: str, action: str, resource: str = "*") -> str:
    return f'{{"Effect": "{effect}", "Principal": "*", "Action": "{action}", "Resource": "{resource}"}}'


def _policy(*statements: str) -> str:
    return f'{{"Version": "2012-10-17", "Statement": [{", ".join(statements)}]}}'


def shared(aws: EmbeddedAws, created: Created) -> None:
    """Let the VPC be another account's, whose NAT gateways cannot be seen: moto knows no sharing."""

    backend = aws.backend("ec2", created.region)
    vpc = backend.get_vpc(created.vpc)
    vpc.__class__ = type("SharedVpc", (type(vpc),), {"owner_id": "210987654321"})
    backend.nat_gateways.clear()


DHCP_OF_AWS = all_of(dhcp("AmazonProvidedDNS"), forward_rule("corp.example"))
WITHIN_VPC = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "127.77.0.0/16"}]}
ENDPOINTS_ONLY = all_of(asks_all, vpc_attribute(EnableDnsHostnames=True), isolated)

ENDPOINTS_WITH_A_PREFIX_LIST = all_of(
    ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL), egress(WITHIN_VPC, to_prefix_list)
)
"""The task's group lets it out to the VPC, and to S3 by its prefix list."""

FAULTS = (
    Scenario("the NAT gateway is deleted", _S3, nat_deleted, "is deleted"),
    Scenario("the NAT gateway is deleted, and all is asked", _S3, all_of(asks_all, nat_deleted), "CloudWatch Logs"),
    Scenario("no default route and no endpoint", _S3, isolated, "has no default route"),
    Scenario("the main table without a default route", _S3, main_table(), "no default route"),
    Scenario("a public subnet without a public address", _S3, subnets("public_subnet"), "no public address"),
    Scenario(
        "an internet gateway without a public address", _S3, default_route(GatewayId=internet_gateway), "assignPublicIp"
    ),
    Scenario(
        "a NAT gateway in a private subnet", _S3, default_route(NatGatewayId=nat_in_private_subnet),
        "which has no path to the internet",
    ),
    Scenario("a private NAT gateway", _S3, default_route(NatGatewayId=private_nat), "drops packets of a private"),
    Scenario("only a gateway endpoint", _SECRETS, all_of(isolated, gateway_endpoint()), "no matching endpoint"),
    Scenario(
        "the gateway endpoint on another route table", _S3,
        all_of(ENDPOINTS_ONLY, gateway_endpoint(table=lambda it: [it.public_route_table]), endpoints(*ALL)),
        "is not associated with rtb-",
    ),
    Scenario(
        "endpoints without private DNS", _SECRETS,
        all_of(isolated, gateway_endpoint(), endpoints("secretsmanager", PrivateDnsEnabled=False)),
        "has no private DNS",
    ),
    Scenario(
        "the VPC without host names", _SECRETS,
        all_of(
            isolated, gateway_endpoint(), endpoints("secretsmanager"), vpc_attribute(EnableDnsHostnames=False)
        ),
        "enableDnsHostnames",
    ),
    Scenario(
        "the endpoints' group admits nobody", _SECRETS,
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL, group={})), "does not allow TCP 443",
    ),
    Scenario(
        "the endpoints' group admits another port", _SECRETS,
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL, group={"FromPort": 80, "ToPort": 80})),
        "does not allow TCP 443",
    ),
    Scenario(
        "the endpoints' group admits another network", _SECRETS,
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL, group={"IpRanges": [{"CidrIp": "10.0.0.0/8"}]})),
        "does not allow TCP 443",
    ),
    Scenario(
        "the endpoint's group admits nobody, with a NAT gateway", _SECRETS,
        all_of(DHCP_OF_AWS, vpc_attribute(EnableDnsHostnames=True), endpoints("secretsmanager", group={})),
        "does not allow TCP 443",
    ),
    Scenario(
        "no endpoint for the logs", _LOGS,
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints("secretsmanager", "ecr.api", "ecr.dkr")),
        "no matching endpoint",
    ),
    Scenario(
        "no endpoint for the registry", _ECR,
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints("secretsmanager", "ecr.api", "logs")), "ECR's registry",
    ),
    Scenario(
        "the gateway endpoint's policy denies", _S3,
        gateway_endpoint(_policy(_statement("Allow", "*"), _statement("Deny", "s3:GetObject"))), "denies s3:GetObject",
    ),
    Scenario(
        "the gateway endpoint's policy is for another bucket", _S3,
        gateway_endpoint(_policy(_statement("Allow", "s3:*", "arn:aws:s3:::other/*"))), "does not allow s3:GetObject",
    ),
    Scenario(
        "the gateway endpoint's policy leaves ECR's layers out", _ECR,
        all_of(asks_all, gateway_endpoint(_policy(_statement("Allow", "s3:*", "arn:aws:s3:::gmsa-credspecs/*")))),
        "starport-layer-bucket",
    ),
    Scenario(
        "the endpoint's policy denies the secret", _SECRETS,
        all_of(
            ENDPOINTS_ONLY, gateway_endpoint(), endpoints("ecr.api", "ecr.dkr", "logs"),
            endpoints("secretsmanager", policy=_policy(_statement("Allow", "secretsmanager:DescribeSecret"))),
        ),
        "does not allow secretsmanager:GetSecretValue",
    ),
    Scenario("no egress on 443", _S3, egress(WITHIN_VPC, to("0.0.0.0/0", 80)), "no outbound rule"),
    Scenario("no outbound rule at all", "network-access.security-groups", egress(), "no outbound rule"),
    Scenario("egress to the VPC only", _S3, all_of(asks_all, egress(WITHIN_VPC)), "outside the VPC"),
)  # fmt: skip

_NAMES = "dhcp-options.names-of-services"
BY_ENDPOINTS = all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL))


def directory_elsewhere(aws: EmbeddedAws, created: Created) -> None:
    """Let the directory lie in another VPC, which moto would want to have."""

    settings: Any = aws.backend("ds", created.region).directories[created.directory].vpc_settings
    settings["VpcId"] = "vpc-0123456789abcdef0"


WARNINGS = (
    Scenario(
        "one subnet of three has no route out of the VPC", _S3,
        all_of(asks_all, subnets("subnet", "subnet_b", "subnet_c"), table_for(1)), "fail intermittently",
    ),
    Scenario(
        "one subnet of two is public", _S3, subnets("subnet", "public_subnet"), "no public address",
    ),
    Scenario(
        "the gateway endpoint misses one route table", _S3,
        all_of(
            ENDPOINTS_ONLY, subnets("subnet", "subnet_b"), table_for(1), gateway_endpoint(), endpoints(*ALL),
        ),
        "is not associated with rtb-",
    ),
    Scenario(
        "the endpoints' group admits one subnet of two", _SECRETS,
        all_of(
            ENDPOINTS_ONLY, subnets("subnet", "subnet_b"), gateway_endpoint(),
            endpoints(*ALL, group={"IpRanges": [{"CidrIp": "127.77.250.0/24"}]}),
        ),
        "127.77.251.0/24",
    ),
    Scenario(
        "an endpoint that the AD's DNS servers may not name", _SECRETS,
        all_of(vpc_attribute(EnableDnsHostnames=True), endpoints("secretsmanager", group={})), "public addresses",
    ),
    Scenario(
        "endpoints perhaps in another network", _S3,
        no_default_route, "another network",
    ),
    Scenario(
        "endpoints only, with DNS servers that AWS knows nothing of", _NAMES,
        all_of(no_directory, BY_ENDPOINTS), "not visible here whether it does",
    ),
    Scenario(
        "endpoints only, with the DNS of a directory in another VPC", _NAMES,
        all_of(BY_ENDPOINTS, after(directory_elsewhere)), "its own VPC vpc-0123456789abcdef0",
    ),
)  # fmt: skip

HEALTHY = (
    Scenario("a NAT gateway, and all is asked", "", asks_all),
    Scenario("endpoints only", "", all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL))),
    Scenario(
        "endpoints and a NAT gateway, with DNS servers that AWS knows nothing of", "",
        all_of(no_directory, asks_all, vpc_attribute(EnableDnsHostnames=True), gateway_endpoint(), endpoints(*ALL)),
    ),
    Scenario("endpoints only, with the VPC's own resolver", "", all_of(DHCP_OF_AWS, BY_ENDPOINTS)),
    Scenario("egress to the VPC and to S3's prefix list", "", ENDPOINTS_WITH_A_PREFIX_LIST),
    Scenario("an interface endpoint for S3 too", "", all_of(ENDPOINTS_ONLY, endpoints(*ALL, "s3"))),
    Scenario(
        "endpoints whose group names the task's", "",
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL, group={"UserIdGroupPairs": "the task's"})),
    ),
    Scenario("a gateway endpoint and a NAT gateway", "", all_of(asks_all, gateway_endpoint())),
    Scenario("a public subnet with a public address", "", subnets("public_subnet", public_address="ENABLED")),
    Scenario("a transit gateway", "", all_of(asks_all, default_route(TransitGatewayId=transit_gateway))),
    Scenario("a firewall", "", default_route(NetworkInterfaceId=interface)),
    Scenario("the main table", "", main_table(NatGatewayId=lambda _, it: it.nat_gateway)),
    Scenario(
        "a policy for what is needed", "",
        gateway_endpoint(_policy(_statement("Allow", "s3:GetObject", "arn:aws:s3:::gmsa-credspecs/*"))),
    ),
    Scenario("an endpoint without private DNS, and a NAT gateway", "", endpoints("logs", PrivateDnsEnabled=False)),
    Scenario(
        "egress on 443 and to the VPC", "",
        egress(to("0.0.0.0/0"), WITHIN_VPC),
    ),
    Scenario("a VPC shared by another account", "", after(shared)),
    Scenario("EC2 without a route out of the VPC", "", all_of(on_ec2, no_default_route)),
)  # fmt: skip

DOUBTS = (
    Scenario("the route tables denied", "network-path.route-tables", denied("ec2", "DescribeRouteTables"), "DescribeR"),
    Scenario("the NAT gateways denied", "network-path.way-out", denied("ec2", "DescribeNatGateways"), "DescribeNat"),
    Scenario("the endpoints denied", "network-path.endpoints", denied("ec2", "DescribeVpcEndpoints"), "DescribeVpcE"),
    Scenario(
        "the VPC's attributes denied", "network-path.private-names",
        all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*ALL), denied("ec2", "DescribeVpcAttribute")),
        "ec2:DescribeVpcAttribute",
    ),
)  # fmt: skip
