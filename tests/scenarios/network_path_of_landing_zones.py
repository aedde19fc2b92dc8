"""Between a task and AWS services in a landing zone: endpoint policies, hub endpoints, filters of other subnets."""

from collections.abc import Callable
from typing import Any

from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import Created, Environment
from tests.scenarios.changes import (
    add_records,
    after,
    all_of,
    container,
    denied,
    dhcp,
    forward_rule,
    hosted_zone,
    role_also,
    second_container,
)
from tests.scenarios.execution_role_start import HUB_IMAGE, REPOSITORY, cache_rule, cached, image
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.network_access import rule, set_acl
from tests.scenarios.network_path import (
    BY_ENDPOINTS,
    DHCP_OF_AWS,
    ENDPOINTS_ONLY,
    asks_all,
    endpoints,
    gateway_endpoint,
    nat_deleted,
    no_default_route,
    vpc_attribute,
)
from tests.scenarios.policies import ROLE, allow, deny, document, to, when

_S3, _SECRETS, _ECR, _LOGS = "network-path.s3", "network-path.secrets-manager", "network-path.ecr", "network-path.logs"
_SSM, _PUBLIC, _ACLS = "network-path.systems-manager", "network-path.public-registry", "network-path.network-acls"
_LAYERS = "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"
_ROOT = f"arn:aws:iam::{ACCOUNT}:root"
_EVERYBODY = {"Principal": "*"}
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
a_parameter = all_of(
    container(secrets=[{"name": "TOKEN", "valueFrom": "/gmsa/token"}]), role_also(allow("ssm:GetParameters"))
)
"""A container's secrets name a parameter of Systems Manager."""


def s3_policy(*statements: dict[str, Any]) -> Change:
    """An image from ECR, and a gateway endpoint with a policy."""
    return all_of(asks_all, gateway_endpoint(document(*statements)))


def with_policies(*, others: Change = lambda *_: None, **policies: str) -> Change:
    """Endpoints only, those for these services with these policies; `_` in a name stands for a dot."""
    own = {name.replace("_", "."): policy for name, policy in policies.items()}
    rest = [name for name in ("secretsmanager", "ecr.api", "ecr.dkr", "logs") if name not in own]
    made = [endpoints(name, policy=policy) for name, policy in own.items()]
    return all_of(ENDPOINTS_ONLY, gateway_endpoint(), endpoints(*rest), *made, others)


def other_acl(subnet: Callable[[Created], str], *rules: dict[str, Any]) -> Change:
    """Give a subnet other than the task's a network ACL of its own with these rules."""
    return after(lambda aws, made: set_acl(aws, made, [subnet(made)], rules))


def public_subnet(made: Created) -> str:
    """The subnet of the NAT gateway."""
    return made.public_subnet


_IN = rule(100, "allow", "127.77.0.0/16", protocol="tcp", ports=(443, 443), out=False)
_OUT = rule(100, "allow", protocol="tcp", ports=(443, 443), out=True)
_ANSWERS_IN = rule(110, "allow", protocol="tcp", ports=(1024, 65535), out=False)
_ANSWERS_OUT = rule(110, "allow", "127.77.0.0/16", protocol="tcp", ports=(1024, 65535), out=True)
_ENDPOINTS_ELSEWHERE = all_of(
    ENDPOINTS_ONLY,
    gateway_endpoint(),
    *(endpoints(name, subnet=2) for name in ("secretsmanager", "ecr.api", "ecr.dkr", "logs")),
)


def hub(*services: str, address: str = "10.1.0.5", empty: str = "") -> Change:
    """No default route, but zones that point these services to endpoints behind the transit gateway; one is empty."""

    def make(aws: EmbeddedAws, made: Created) -> None:
        for service in services:
            name = f"{service}.{made.region}.amazonaws.com."
            zone = hosted_zone(aws, made, name)
            add_records(aws, zone, {name: ("A", address), f"*.{name}": ("A", address)} if service != empty else {})

    return all_of(
        dhcp("AmazonProvidedDNS"),
        forward_rule("corp.example."),
        vpc_attribute(EnableDnsHostnames=True),
        no_default_route,
        after(make),
    )


def profile(*resources: str) -> Change:
    """Associate a Route 53 Profile with these resources with the VPC."""

    def change(_: Environment, lab: Lab) -> None:
        lab.aws.network.profiles.append("rp-1")
        lab.aws.network.resources.extend(resources)

    return change


def public_access(mode: str, exclusion: str = "") -> Change:
    """Turn VPC Block Public Access on; `exclusion` is the mode for the VPC."""

    def change(it: Environment, lab: Lab) -> None:
        lab.aws.network.public_access = mode
        if exclusion:
            it.after.append(
                lambda aws, made: aws.network.exclusions.append((f"arn:aws:ec2:::vpc/{made.vpc}", exclusion))
            )

    return change


PUBLIC_ACCESS_BLOCKED = public_access("block-bidirectional")

_HUB = all_of(image(HUB_IMAGE, "docker-hub/webapp", pushed=False), role_also(allow("ecr:*")))
FIRST_PULL = all_of(BY_ENDPOINTS, _HUB, cache_rule("docker-hub"))

FAULTS = (
    Scenario(
        "the gateway endpoint's policy is for the account's principals", _ECR,
        s3_policy(allow("s3:*", **to(_ROOT))), "which ECR signs in its own account",
    ),
    Scenario(
        "the gateway endpoint's policy is for the role", _ECR,
        s3_policy(allow("s3:*", **to(ROLE))), "does not allow s3:GetObject on arn:aws:s3:::prod-us-east-1-starport",
    ),
    Scenario(
        "the gateway endpoint's policy is for buckets of the account", _ECR,
        s3_policy(
            allow("s3:*", **_EVERYBODY),
            deny("s3:*", Sid="OwnData", **_EVERYBODY, **when("StringNotEquals", "aws:PrincipalAccount", ACCOUNT)),
        ),
        "a statement (OwnData) in the policy of the endpoint",
    ),
    Scenario(
        "the registry's endpoint does not allow layers", _ECR,
        with_policies(ecr_dkr=document(allow("ecr:BatchGetImage", **_EVERYBODY))), "ecr:GetDownloadUrlForLayer",
    ),
    Scenario(
        "the endpoint of ECR's API allows repositories only", _ECR,
        with_policies(ecr_api=document(allow("ecr:*", resource=REPOSITORY, **_EVERYBODY))),
        "does not allow ecr:GetAuthorizationToken on *",
    ),
    Scenario(
        "the logs' endpoint allows another log group", _LOGS,
        with_policies(logs=document(allow("logs:*", resource="arn:aws:logs:*:*:log-group:/other:*", **_EVERYBODY))),
        "does not allow logs:CreateLogStream",
    ),
    Scenario("no endpoint for a parameter", _SSM, all_of(a_parameter, BY_ENDPOINTS), "cannot reach Systems Manager"),
    Scenario(
        "the parameters' endpoint denies", _SSM,
        all_of(
            a_parameter, BY_ENDPOINTS,
            endpoints("ssm", policy=document(allow("ssm:*", resource="arn:aws:ssm:*:*:parameter/x", **_EVERYBODY))),
        ),
        "does not allow ssm:GetParameters",
    ),
    Scenario(
        "an image of Docker Hub, and endpoints only", _PUBLIC,
        all_of(BY_ENDPOINTS, second_container(image="fluent/fluent-bit:3")), "tasks cannot reach docker.io",
    ),
    Scenario(
        "an image of ECR Public, and endpoints only", _PUBLIC,
        all_of(BY_ENDPOINTS, second_container(image="public.ecr.aws/x/agent:1")), "private ECR repository",
    ),
    Scenario(
        "an ACL of the NAT gateway's subnet without answers from the internet", _ACLS,
        other_acl(public_subnet, _IN, _OUT, _ANSWERS_OUT), "does not allow inbound answers to TCP 1024-65535",
    ),
    Scenario(
        "an ACL of the endpoints' subnet that keeps the answers", _ACLS,
        all_of(_ENDPOINTS_ELSEWHERE, other_acl(lambda made: made.subnets[2], _IN)), "the subnet of the endpoints",
    ),
    Scenario(
        "endpoints of a hub to which no route leads", _SECRETS,
        all_of(hub("secretsmanager", address="192.168.5.5"), gateway_endpoint()), "has no route",
    ),
    Scenario("VPC Block Public Access", _S3, PUBLIC_ACCESS_BLOCKED, "Exclude vpc-"),
)  # fmt: skip

HEALTHY = (
    Scenario(
        "a policy for the account, and for everybody's layers", "",
        s3_policy(allow("s3:*", **to(_ROOT)), allow("s3:GetObject", resource=_LAYERS, **_EVERYBODY)),
    ),
    Scenario(
        "policies for what is needed", "",
        with_policies(
            ecr_api=document(allow("ecr:GetAuthorizationToken", **_EVERYBODY)),
            ecr_dkr=document(allow(*_PULL, resource=REPOSITORY, **to(ROLE))),
            logs=document(allow("logs:CreateLogStream", "logs:PutLogEvents", **to(_ROOT))),
        ),
    ),
    Scenario("an endpoint for a parameter", "", all_of(a_parameter, BY_ENDPOINTS, endpoints("ssm"))),
    Scenario("an image of Docker Hub, and a NAT gateway", "", second_container(image="nginx")),
    Scenario(
        "ACLs that let through what is needed", "",
        other_acl(public_subnet, _IN, _OUT, _ANSWERS_IN, _ANSWERS_OUT),
    ),
    Scenario(
        "an ACL of the endpoints' subnet that lets the task in", "",
        all_of(_ENDPOINTS_ELSEWHERE, other_acl(lambda made: made.subnets[2], _IN, _ANSWERS_OUT)),
    ),
    Scenario("endpoints of a hub", "", hub("s3", "secretsmanager")),
    Scenario(
        "endpoints of another account by a Route 53 Profile", "",
        all_of(
            DHCP_OF_AWS, no_default_route, profile("arn:aws:ec2:us-east-1:999999999999:vpc-endpoint/vpce-9"),
        ),
    ),
    Scenario("an image that ECR imported already, and endpoints only", "", all_of(FIRST_PULL, after(cached))),
    Scenario("an image that ECR has to import, and a NAT gateway", "", all_of(_HUB, cache_rule("docker-hub"))),
    Scenario(
        "an image of ECR, for which no cache rule is", "",
        all_of(BY_ENDPOINTS, _HUB, cache_rule("quay"), after(cached)),
    ),
    Scenario(
        "an image of ECR, and pull through cache rules that may not be read", "",
        all_of(BY_ENDPOINTS, _HUB, denied("ecr", "DescribePullThroughCacheRules"), after(cached)),
    ),
    Scenario("VPC Block Public Access for what comes in", "", public_access("block-ingress")),
    Scenario("a VPC that is excluded from it", "", public_access("block-bidirectional", "allow-egress")),
)  # fmt: skip

WARNINGS = (
    Scenario(
        "an image that ECR has to import, and endpoints only", _PUBLIC,
        FIRST_PULL, "imports it at the first pull, which needs a route to the internet",
    ),
    Scenario(
        "a deleted NAT gateway that nothing needs", "network-path.way-out",
        all_of(
            dhcp("AmazonProvidedDNS"), forward_rule("corp.example."), vpc_attribute(EnableDnsHostnames=True),
            gateway_endpoint(), endpoints("secretsmanager"), nat_deleted,
        ),
        "a default route leads nowhere",
    ),
    Scenario(
        "a zone of a hub without an address", _S3,
        hub("secretsmanager", "s3", empty="s3"), "has no address for s3.us-east-1.amazonaws.com",
    ),
)  # fmt: skip

DOUBTS = (
    Scenario(
        "the exclusions denied", "network-path.way-out",
        all_of(PUBLIC_ACCESS_BLOCKED, denied("ec2", "DescribeVpcBlockPublicAccessExclusions")),
        "ec2:DescribeVpcBlockPublicAccessExclusions",
    ),
)  # fmt: skip
