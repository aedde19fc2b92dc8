"""The services that we read from, against the embedded AWS."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.ecr import Ecr
from gmsa_doctor.clients.aws.ecs import Ecs
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.logs import Logs
from gmsa_doctor.clients.aws.organizations import Organizations
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.clients.aws.s3 import DOCUMENT_LIMIT, S3, Bucket, S3Object
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager, SecretText
from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import Aws, AwsClient, operations
from gmsa_doctor.clients.aws.ssm import Ssm
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.core.errors import Denied, NotFound, ServiceError
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.aws.hosted_zone import read_hosted_zone
from tests.lab.aws import ACCOUNT, EmbeddedAws

Call = Callable[[Aws], object]
VPC = "vpc-0123456789abcdef0"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/services/web"
POLICY = f"arn:aws:iam::{ACCOUNT}:policy/read"


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def vpc(aws: EmbeddedAws) -> str:
    return str(aws.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


@pytest.fixture
def subnets(aws: EmbeddedAws, vpc: str) -> tuple[str, ...]:
    made = [
        aws.client("ec2").create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")
        for n, zone in enumerate("ab")
    ]
    return tuple(subnet_entry["Subnet"]["SubnetId"] for subnet_entry in made)


# All of them --------------------------------------------------------------------------------------------

CALLS: list[tuple[str, str, Call]] = [
    ("sts:GetCallerIdentity", "sts:GetCallerIdentity", lambda aws: Sts(aws).caller()),
    ("ecs:ListClusters", "ecs:ListClusters", lambda aws: Ecs(aws).clusters()),
    ("ecs:ListServices", "ecs:ListServices", lambda aws: Ecs(aws).services("demo")),
    ("ecs:DescribeServices", "ecs:DescribeServices", lambda aws: Ecs(aws).describe_service("web", "demo")),
    (
        "ecs:DescribeServices",
        "ecs:DescribeServices",
        lambda aws: Ecs(aws).describe_services("demo", ("web",)),
    ),
    (
        "ecs:DescribeServiceRevisions",
        "ecs:DescribeServiceRevisions",
        lambda aws: Ecs(aws).service_revisions((f"arn:aws:ecs:us-east-1:{ACCOUNT}:service-revision/demo/web/1",)),
    ),
    ("ecs:DescribeClusters", "ecs:DescribeClusters", lambda aws: Ecs(aws).describe_cluster("demo")),
    ("ecs:DescribeTasks", "ecs:DescribeTasks", lambda aws: Ecs(aws).describe_task("t", "demo")),
    ("ecs:ListTasks", "ecs:ListTasks", lambda aws: Ecs(aws).task_arns("demo", "web", "STOPPED")),
    ("ecs:ListTasks", "ecs:ListTasks", lambda aws: Ecs(aws).family_task_arns("demo", "web", "STOPPED")),
    ("ecs:ListTasks", "ecs:ListTasks", lambda aws: Ecs(aws).stopped_in_cluster("demo")),
    ("ecs:DescribeTasks", "ecs:DescribeTasks", lambda aws: Ecs(aws).described_tasks(("t",), "demo")),
    (
        "ecs:ListContainerInstances",
        "ecs:ListContainerInstances",
        lambda aws: Ecs(aws).container_instance_arns("demo"),
    ),
    (
        "ecs:DescribeContainerInstances",
        "ecs:DescribeContainerInstances",
        lambda aws: Ecs(aws).described_container_instances(("arn:1",), "demo"),
    ),
    ("ecs:DescribeTaskDefinition", "ecs:DescribeTaskDefinition", lambda aws: Ecs(aws).describe_task_definition("web")),
    ("s3:HeadBucket", "s3:ListBucket", lambda aws: S3(aws).bucket("credspecs")),
    ("s3:HeadObject", "s3:GetObject", lambda aws: S3(aws).expect_owner("credspecs", "web.json", ACCOUNT)),
    ("s3:GetObject", "s3:GetObject", lambda aws: S3(aws).get("credspecs", "web.json")),
    ("s3:GetBucketPolicy", "s3:GetBucketPolicy", lambda aws: S3(aws).policy("credspecs")),
    ("ssm:GetParameter", "ssm:GetParameter", lambda aws: Ssm(aws).parameter("/web")),
    ("ssm:GetParameter", "ssm:GetParameter", lambda aws: Ssm(aws).get("/web")),
    ("secretsmanager:GetSecretValue", "secretsmanager:GetSecretValue", lambda aws: SecretsManager(aws).get("web")),
    ("secretsmanager:DescribeSecret", "secretsmanager:DescribeSecret", lambda aws: SecretsManager(aws).describe("web")),
    (
        "secretsmanager:GetResourcePolicy",
        "secretsmanager:GetResourcePolicy",
        lambda aws: SecretsManager(aws).policy("web"),
    ),
    ("iam:GetRole", "iam:GetRole", lambda aws: Iam(aws).role(ROLE)),
    ("iam:ListRolePolicies", "iam:ListRolePolicies", lambda aws: Iam(aws).inline_policies(ROLE)),
    ("iam:GetRolePolicy", "iam:GetRolePolicy", lambda aws: Iam(aws).inline_policy(ROLE, "read")),
    ("iam:ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", lambda aws: Iam(aws).attached_policies(ROLE)),
    ("iam:GetPolicy", "iam:GetPolicy", lambda aws: Iam(aws).default_version(POLICY)),
    ("iam:GetPolicyVersion", "iam:GetPolicyVersion", lambda aws: Iam(aws).policy_version(POLICY, "v1")),
    ("iam:GetInstanceProfile", "iam:GetInstanceProfile", lambda aws: Iam(aws).role_of_profile("instance-profile/web")),
    (
        "iam:SimulatePrincipalPolicy",
        "iam:SimulatePrincipalPolicy",
        lambda aws: Iam(aws).simulate(ROLE, ("s3:GetObject",), ("arn:aws:s3:::credspecs/web.json",), ()),
    ),
    ("kms:DescribeKey", "kms:DescribeKey", lambda aws: Kms(aws).key("alias/gmsa")),
    ("kms:GetKeyPolicy", "kms:GetKeyPolicy", lambda aws: Kms(aws).policy("1234abcd-12ab-34cd-56ef-1234567890ab")),
    (
        "kms:ListGrants",
        "kms:ListGrants",
        lambda aws: Kms(aws).grants("1234abcd-12ab-34cd-56ef-1234567890ab", "web"),
    ),
    ("ecr:GetRepositoryPolicy", "ecr:GetRepositoryPolicy", lambda aws: Ecr(aws).policy("web", ACCOUNT)),
    *(
        (f"ecr:{name}", f"ecr:{name}", call)
        for name, call in {
            "BatchGetImage": lambda aws: Ecr(aws).manifest("web", ACCOUNT, "1"),
            "GetDownloadUrlForLayer": lambda aws: Ecr(aws).config("web", ACCOUNT, "sha256:abc"),
            "DescribePullThroughCacheRules": lambda aws: Ecr(aws).cache_rules(ACCOUNT),
            "DescribeImages": lambda aws: Ecr(aws).has_image("web", "1", ACCOUNT),
        }.items()
    ),
    ("logs:DescribeLogGroups", "logs:DescribeLogGroups", lambda aws: Logs(aws).has_group("/ecs/web")),
    ("logs:GetLogEvents", "logs:GetLogEvents", lambda aws: Logs(aws).newest_events("/ecs/web", "web/web/t", None, 9)),
    ("ec2:DescribeSubnets", "ec2:DescribeSubnets", lambda aws: Ec2(aws).subnets(("subnet-1", "subnet-2"))),
    ("ec2:DescribeVpcs", "ec2:DescribeVpcs", lambda aws: Ec2(aws).vpc(VPC)),
    (
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcAttribute",
        lambda aws: Ec2(aws).vpc_attribute(VPC, "enableDnsSupport"),
    ),
    ("ec2:DescribeDhcpOptions", "ec2:DescribeDhcpOptions", lambda aws: Ec2(aws).dhcp_options("dopt-1")),
    ("ec2:DescribeRouteTables", "ec2:DescribeRouteTables", lambda aws: Ec2(aws).route_tables(VPC)),
    (
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        "ec2:DescribeVpcBlockPublicAccessExclusions",
        lambda aws: Ec2(aws).public_access_exclusions(),
    ),
    ("ec2:DescribeNatGateways", "ec2:DescribeNatGateways", lambda aws: Ec2(aws).nat_gateways(VPC)),
    ("ec2:DescribeVpcEndpoints", "ec2:DescribeVpcEndpoints", lambda aws: Ec2(aws).vpc_endpoints(VPC)),
    ("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroups", lambda aws: Ec2(aws).security_groups(("sg-1",))),
    ("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroups", lambda aws: Ec2(aws).default_security_group(VPC)),
    (
        "ec2:GetManagedPrefixListEntries",
        "ec2:GetManagedPrefixListEntries",
        lambda aws: Ec2(aws).prefix_list_entries("pl-1"),
    ),
    ("ec2:DescribeNetworkAcls", "ec2:DescribeNetworkAcls", lambda aws: Ec2(aws).network_acls(VPC)),
    (
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeNetworkInterfaces",
        lambda aws: Ec2(aws).network_interfaces(("10.0.0.5",)),
    ),
    (
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeNetworkInterfaces",
        lambda aws: Ec2(aws).network_interface("eni-1"),
    ),
    (
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DescribeVpcPeeringConnections",
        lambda aws: Ec2(aws).peering_connections(("pcx-1",)),
    ),
    ("ec2:DescribeInstances", "ec2:DescribeInstances", lambda aws: Ec2(aws).described_instances(("i-1",))),
    ("ds:DescribeDirectories", "ds:DescribeDirectories", lambda aws: DirectoryService(aws).directories()),
    (
        "route53resolver:ListResolverRuleAssociations",
        "route53resolver:ListResolverRuleAssociations",
        lambda aws: Route53Resolver(aws).rules_of_vpc(VPC),
    ),
    (
        "route53resolver:ListResolverRules",
        "route53resolver:ListResolverRules",
        lambda aws: Route53Resolver(aws).rules(),
    ),
    (
        "route53resolver:GetResolverRule",
        "route53resolver:GetResolverRule",
        lambda aws: Route53Resolver(aws).rule("rslvr-rr-1"),
    ),
    (
        "route53resolver:GetResolverEndpoint",
        "route53resolver:GetResolverEndpoint",
        lambda aws: Route53Resolver(aws).endpoint("rslvr-out-1"),
    ),
    (
        "route53resolver:ListFirewallRuleGroupAssociations",
        "route53resolver:ListFirewallRuleGroupAssociations",
        lambda aws: Route53Resolver(aws).firewalls_of_vpc(VPC),
    ),
    (
        "route53resolver:ListFirewallRules",
        "route53resolver:ListFirewallRules",
        lambda aws: Route53Resolver(aws).firewall_rules("rslvr-frg-0"),
    ),
    (
        "route53resolver:ListFirewallDomainLists",
        "route53resolver:ListFirewallDomainLists",
        lambda aws: Route53Resolver(aws).firewall_lists(),
    ),
    (
        "route53resolver:ListFirewallDomains",
        "route53resolver:ListFirewallDomains",
        lambda aws: Route53Resolver(aws).firewall_domains("rslvr-fdl-0-0"),
    ),
    (
        "route53:ListHostedZonesByVPC",
        "route53:ListHostedZonesByVPC",
        lambda aws: Route53(aws).zones_of_vpc(VPC, "us-east-1"),
    ),
    ("route53:ListResourceRecordSets", "route53:ListResourceRecordSets", lambda aws: Route53(aws).records("Z1")),
    (
        "route53profiles:ListProfileAssociations",
        "route53profiles:ListProfileAssociations",
        lambda aws: Route53Profiles(aws).profiles_of_vpc(VPC),
    ),
    (
        "route53profiles:ListProfileResourceAssociations",
        "route53profiles:ListProfileResourceAssociations",
        lambda aws: Route53Profiles(aws).resources("rp-1"),
    ),
    ("rds:DescribeDBInstances", "rds:DescribeDBInstances", lambda aws: Rds(aws).instance("sql")),
    (
        "organizations:DescribeOrganization",
        "organizations:DescribeOrganization",
        lambda aws: Organizations(aws).organization(),
    ),
    (
        "organizations:DescribeAccount",
        "organizations:DescribeAccount",
        lambda aws: Organizations(aws).path(ACCOUNT),
    ),
]
WITH_A_BODY = [call for call in CALLS if not call[0].startswith("s3:Head")]


def test_the_declared_operations_and_actions_are_those_of_the_calls() -> None:
    declared = [(operation.name, operation.action) for kind in AWS_CLIENTS for operation in operations(kind)]
    assert declared == [(name, action) for name, action, _ in CALLS]


@pytest.mark.parametrize("kind", AWS_CLIENTS)
def test_each_operation_exists_and_only_reads(kind: type[AwsClient]) -> None:
    known = kind(Aws()).api.meta.service_model.operation_names
    for declared in operations(kind):
        service, _, name = declared.name.partition(":")
        assert service == kind.service
        assert name in known
        assert name.startswith(("Get", "BatchGet", "List", "Describe", "Head", "Simulate"))


@pytest.mark.parametrize(("name", "action", "call"), CALLS)
def test_each_method_makes_the_call_that_it_declares_and_no_other(
    name: str, action: str, call: Call, aws: EmbeddedAws
) -> None:
    service, _, operation = name.partition(":")
    aws.fail_with(service, "*", "Odd", "no")
    with pytest.raises(ServiceError) as caught:
        call(Aws())
    head = operation.startswith("Head")  # has no body: the status is all
    assert caught.value.text == f"{action}: {'400: Bad Request' if head else 'Odd: no'}"
    # botocore looks for the region of a bucket whose object answers HEAD with 400
    assert [call for call in aws.calls if call != ("s3", "HeadBucket") or operation != "HeadObject"] == [
        (service, operation)
    ]


@pytest.mark.parametrize(("name", "action", "call"), WITH_A_BODY)
def test_each_method_reports_a_denial_with_its_action(name: str, action: str, call: Call, aws: EmbeddedAws) -> None:
    service, _, operation = name.partition(":")
    aws.deny(service, operation)
    with pytest.raises(Denied) as caught:
        call(Aws())
    assert caught.value.action == action
    assert f"is not authorized to perform: {action}" in caught.value.aws_text


# STS and ECS --------------------------------------------------------------------------------------------


def test_the_caller_has_account_and_arn() -> None:
    caller = Sts(Aws()).caller()
    assert caller["Account"] == ACCOUNT
    assert caller["Arn"].startswith(f"arn:aws:sts::{ACCOUNT}:")


def a_task_definition(aws: EmbeddedAws) -> str:
    container = {"name": "web", "image": "registry.example/web:1", "memory": 64}
    answer = aws.client("ecs").register_task_definition(family="webapp", containerDefinitions=[container])
    return str(answer["taskDefinition"]["taskDefinitionArn"])


def test_a_service_and_its_cluster_are_described(aws: EmbeddedAws) -> None:
    arn = a_task_definition(aws)
    aws.client("ecs").create_cluster(clusterName="demo")
    aws.client("ecs").create_service(cluster="demo", serviceName="web", taskDefinition=arn, desiredCount=1)
    ecs = Ecs(Aws())
    service = ecs.describe_service("web", "demo")
    assert (service["serviceName"], service["taskDefinition"]) == ("web", arn)
    assert ecs.describe_service(service["serviceArn"], service["clusterArn"])["serviceName"] == "web"
    cluster = ecs.describe_cluster("demo")
    assert (cluster["clusterName"], cluster["clusterArn"]) == ("demo", service["clusterArn"])


@pytest.mark.parametrize("reference", ["webapp", "webapp:1", "arn"])
def test_a_task_definition_is_described_by_family_revision_and_arn(reference: str, aws: EmbeddedAws) -> None:
    arn = a_task_definition(aws)
    found = Ecs(Aws()).describe_task_definition(arn if reference == "arn" else reference)
    assert (found["taskDefinitionArn"], found["revision"]) == (arn, 1)
    assert [container["name"] for container in found["containerDefinitions"]] == ["web"]


def test_a_family_means_its_latest_revision(aws: EmbeddedAws) -> None:
    a_task_definition(aws)
    second = a_task_definition(aws)
    assert Ecs(Aws()).describe_task_definition("webapp")["taskDefinitionArn"] == second


def test_a_missing_service_is_distinguished_from_a_missing_cluster(aws: EmbeddedAws) -> None:
    with pytest.raises(NotFound) as caught:
        Ecs(Aws()).describe_service("web", "demo")
    assert caught.value.code == "ClusterNotFoundException"
    with pytest.raises(NotFound, match=r"^no cluster demo$") as caught:
        Ecs(Aws()).describe_cluster("demo")
    assert caught.value.code == "ClusterNotFoundException"
    aws.client("ecs").create_cluster(clusterName="demo")
    with pytest.raises(NotFound, match=r"^no service web in cluster demo$") as caught:
        Ecs(Aws()).describe_service("web", "demo")
    assert caught.value.code == "ServiceNotFoundException"


def test_a_missing_task_definition_is_reported_in_ecss_words() -> None:
    with pytest.raises(ServiceError, match=r"ClientException: Unable to describe task definition"):
        Ecs(Aws()).describe_task_definition("webapp:7")


# S3 -----------------------------------------------------------------------------------------------------


def a_bucket(aws: EmbeddedAws, name: str, region: str = "us-east-1") -> Any:
    client = aws.client("s3", region)
    where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=name, **where)
    return client


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_bucket_has_a_region(region: str, aws: EmbeddedAws) -> None:
    a_bucket(aws, "credspecs", region)
    assert S3(Aws(region="us-east-1")).bucket("credspecs").region == region


def test_a_missing_bucket_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        S3(Aws()).bucket("no-such-bucket")
    assert caught.value.code == "404"


def refusal(status: int, headers: dict[str, str]) -> dict[str, Any]:
    """Give the arguments of a stub for S3's answer to HEAD."""
    return {
        "service_error_code": str(status),
        "http_status_code": status,
        "response_meta": {"HTTPHeaders": headers},
    }


@pytest.mark.parametrize("status", [400, 403, 301])
def test_an_unreadable_bucket_has_its_region_in_a_header(status: int) -> None:
    s3 = S3(Aws())
    with Stubber(s3.api) as stub:
        stub.add_client_error("head_bucket", **refusal(status, {"x-amz-bucket-region": "eu-west-1"}))
        assert s3.bucket("credspecs").region == "eu-west-1"


def test_an_unreadable_bucket_may_have_no_region(aws: EmbeddedAws) -> None:
    a_bucket(aws, "credspecs")
    aws.deny("s3", "HeadBucket")
    assert S3(Aws()).bucket("credspecs") == Bucket(None)


@pytest.mark.parametrize("key", ["web.json", "a folder/käse & more+.json", "web.json/"])
def test_an_object_is_read_by_any_key(key: str, aws: EmbeddedAws) -> None:
    a_bucket(aws, "credspecs").put_object(Bucket="credspecs", Key=key, Body=b"{}\n")
    assert S3(Aws()).get("credspecs", key) == S3Object(3, b"{}\n")


@pytest.mark.parametrize("more", [-1, 0, 1, 5000])
def test_a_large_object_is_read_up_to_the_limit_with_its_size(more: int, aws: EmbeddedAws) -> None:
    body = bytes(n % 251 for n in range(DOCUMENT_LIMIT + more))
    a_bucket(aws, "credspecs").put_object(Bucket="credspecs", Key="big", Body=body)
    assert S3(Aws()).get("credspecs", "big") == S3Object(len(body), body[:DOCUMENT_LIMIT])


def test_an_empty_object_has_no_bytes(aws: EmbeddedAws) -> None:
    a_bucket(aws, "credspecs").put_object(Bucket="credspecs", Key="empty", Body=b"")
    assert S3(Aws()).get("credspecs", "empty") == S3Object(0, b"")
    aws.fail_with("s3", "GetObject", "InvalidRange", "The requested range is not satisfiable", 416)
    assert S3(Aws()).get("credspecs", "empty") == S3Object(0, b"")


def test_a_missing_object_is_distinguished_from_a_missing_bucket(aws: EmbeddedAws) -> None:
    a_bucket(aws, "credspecs")
    s3 = S3(Aws())
    for bucket, code in (("credspecs", "NoSuchKey"), ("no-such-bucket", "NoSuchBucket")):
        with pytest.raises(NotFound) as caught:
            s3.get(bucket, "web.json")
        assert caught.value.code == code


def test_an_invalid_bucket_name_is_not_sent(aws: EmbeddedAws) -> None:
    with pytest.raises(ServiceError) as caught:
        S3(Aws()).get("A B", "web.json")
    assert caught.value.code == "ParamValidationError"
    assert aws.calls == []


# Parameter Store and Secrets Manager --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["String", "SecureString"])
def test_a_parameter_is_decrypted(kind: str, aws: EmbeddedAws) -> None:
    aws.client("ssm").put_parameter(Name="/gmsa/web", Type=kind, Value='{"a": 1}')
    assert Ssm(Aws()).get("/gmsa/web") == '{"a": 1}'


def test_a_missing_parameter_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        Ssm(Aws()).get("/gmsa/web")
    assert caught.value.code == "ParameterNotFound"


def test_a_secret_is_returned_hidden_with_its_version(aws: EmbeddedAws) -> None:
    made = aws.client("secretsmanager").create_secret(Name="web", SecretString="Pa55word")
    found = SecretsManager(Aws()).get(made["ARN"])
    assert found == SecretText(Hidden("Pa55word"), made["VersionId"])
    assert "Pa55word" not in repr(found)


def test_the_current_version_of_a_secret_is_the_default(aws: EmbeddedAws) -> None:
    client = aws.client("secretsmanager")
    client.create_secret(Name="web", SecretString="old")
    version = client.put_secret_value(SecretId="web", SecretString="new")["VersionId"]
    assert SecretsManager(Aws()).get("web") == SecretText(Hidden("new"), version)


def test_another_version_of_a_secret_is_selected_by_stage_or_id(aws: EmbeddedAws) -> None:
    client = aws.client("secretsmanager")
    old = client.create_secret(Name="web", SecretString="old")["VersionId"]
    new = client.put_secret_value(SecretId="web", SecretString="new")["VersionId"]
    secrets = SecretsManager(Aws())
    assert secrets.get("web", "AWSPREVIOUS") == SecretText(Hidden("old"), old)
    assert secrets.get("web", None, old) == SecretText(Hidden("old"), old)
    assert secrets.versions() == {}, "only the current ones tell whether the secret has changed"
    secrets.get("web")
    assert secrets.versions() == {"web": new}


def test_a_binary_secret_has_no_text(aws: EmbeddedAws) -> None:
    made = aws.client("secretsmanager").create_secret(Name="web", SecretBinary=b"Pa55word")
    assert SecretsManager(Aws()).get("web") == SecretText(None, made["VersionId"])


def test_a_secret_is_described_without_its_value(aws: EmbeddedAws) -> None:
    made = aws.client("secretsmanager").create_secret(Name="web", SecretString="Pa55word")
    described = SecretsManager(Aws()).describe("web")
    assert (described["ARN"], described["Name"]) == (made["ARN"], "web")
    assert "Pa55word" not in str(described)
    assert aws.calls == [("secretsmanager", "DescribeSecret")]


def test_a_missing_secret_and_one_without_a_value_are_not_found(aws: EmbeddedAws) -> None:
    secrets = SecretsManager(Aws())
    for call in (secrets.get, secrets.describe):
        with pytest.raises(NotFound) as caught:
            call("web")
        assert caught.value.code == "ResourceNotFoundException"
    aws.client("secretsmanager").create_secret(Name="novalue")
    with pytest.raises(NotFound, match=r"AWSCURRENT"):
        secrets.get("novalue")
    assert secrets.describe("novalue")["Name"] == "novalue"


def test_a_secret_scheduled_for_deletion_is_not_missing(aws: EmbeddedAws) -> None:
    aws.client("secretsmanager").create_secret(Name="web", SecretString="Pa55word")
    aws.client("secretsmanager").delete_secret(SecretId="web")
    with pytest.raises(ServiceError) as caught:
        SecretsManager(Aws()).get("web")
    assert caught.value.code == "InvalidRequestException"
    assert SecretsManager(Aws()).describe("web")["DeletedDate"]


# VPC ----------------------------------------------------------------------------------------------------


def test_subnets_and_their_vpc_are_returned(subnets: tuple[str, ...], vpc: str) -> None:
    ec2 = Ec2(Aws())
    assert [subnet_entry["SubnetId"] for subnet_entry in ec2.subnets(subnets[:1])] == [subnets[0]]
    both = ec2.subnets(subnets)
    assert {(subnet_entry["SubnetId"], subnet_entry["VpcId"]) for subnet_entry in both} == {
        (subnet, vpc) for subnet in subnets
    }
    assert (ec2.vpc(vpc)["VpcId"], ec2.vpc(vpc)["DhcpOptionsId"]) == (vpc, "default")


def test_dhcp_options_are_returned_by_key_with_all_values(aws: EmbeddedAws) -> None:
    configurations = [
        {"Key": "domain-name", "Values": ["corp.example"]},
        {"Key": "domain-name-servers", "Values": ["10.0.0.2", "10.0.0.1"]},
    ]
    answer = aws.client("ec2").create_dhcp_options(DhcpConfigurations=configurations)
    assert Ec2(Aws()).dhcp_options(answer["DhcpOptions"]["DhcpOptionsId"]) == {
        "domain-name": ("corp.example",),
        "domain-name-servers": ("10.0.0.2", "10.0.0.1"),
    }


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda ec2: ec2.vpc(VPC), "InvalidVpcID.NotFound"),
        (lambda ec2: ec2.subnets(("subnet-0123456789abcdef0",)), "InvalidSubnetID.NotFound"),
        (lambda ec2: ec2.dhcp_options("dopt-0123456789abcdef0"), "InvalidDhcpOptionID.NotFound"),
    ],
)
def test_resources_that_do_not_exist_are_not_found(call: Callable[[Ec2], object], code: str) -> None:
    with pytest.raises(NotFound) as caught:
        call(Ec2(Aws()))
    assert caught.value.code == code


def test_terminated_instances_are_left_out(aws: EmbeddedAws, subnets: tuple[str, ...]) -> None:
    run = aws.client("ec2").run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2, SubnetId=subnets[0])
    ids = [instance["InstanceId"] for instance in run["Instances"]]
    asked = (*ids, *(f"i-{number:017x}" for number in range(220)))
    assert sorted(instance["InstanceId"] for instance in Ec2(Aws()).instances(asked)) == sorted(ids)
    assert aws.calls == [("ec2", "DescribeInstances")] * 2


def test_a_denial_names_a_few_of_many_resources(aws: EmbeddedAws) -> None:
    aws.deny("ecs", "DescribeTasks")
    with pytest.raises(Denied) as caught:
        Ecs(Aws()).described_tasks(tuple(f"t-{number}" for number in range(90)), "demo")
    assert caught.value.resource == "t-0, t-1, t-2, t-3, t-4 and 85 more"


def test_one_missing_subnet_among_others_is_not_found(subnets: tuple[str, ...]) -> None:
    with pytest.raises(NotFound) as caught:
        Ec2(Aws()).subnets((*subnets, "subnet-0123456789abcdef0"))
    assert caught.value.code == "InvalidSubnetID.NotFound"


# Directory Service --------------------------------------------------------------------------------------


def test_all_directories_are_returned(aws: EmbeddedAws, vpc: str, subnets: tuple[str, ...]) -> None:
    assert DirectoryService(Aws()).directories() == []
    for name in ("corp.example", "lab.example"):
        aws.client("ds").create_microsoft_ad(
            Name=name, Password="Adm1n-Passw0rd!", VpcSettings={"VpcId": vpc, "SubnetIds": list(subnets)}
        )
    found = DirectoryService(Aws()).directories()
    assert {rule["Name"] for rule in found} == {"corp.example", "lab.example"}
    assert {rule["VpcSettings"]["VpcId"] for rule in found} == {vpc}


def test_directories_are_requested_page_by_page() -> None:
    client = DirectoryService(Aws())
    pages = [(None, [1, 2], "second"), ("second", [], "third"), ("third", [3], None)]
    with Stubber(client.api) as stub:
        for token, numbers, following in pages:
            answer = {"DirectoryDescriptions": [{"Name": f"d{n}.example"} for n in numbers]}
            more = {"NextToken": following} if following else {}
            stub.add_response("describe_directories", answer | more, {"NextToken": token} if token else {})
        assert [directory["Name"] for directory in client.directories()] == ["d1.example", "d2.example", "d3.example"]
        stub.assert_no_pending_responses()


# Route 53 -----------------------------------------------------------------------------------------------


def rules(aws: EmbeddedAws, vpc: str, subnets: tuple[str, ...], count: int) -> list[str]:
    """Make forwarding rules for c0.example, c1.example …, each associated with the VPC."""
    ec2, resolver = aws.client("ec2"), aws.client("route53resolver")
    group = ec2.create_security_group(GroupName="dns", Description="dns", VpcId=vpc)["GroupId"]
    endpoint = resolver.create_resolver_endpoint(
        CreatorRequestId="endpoint",
        SecurityGroupIds=[group],
        Direction="OUTBOUND",
        IpAddresses=[{"SubnetId": subnet} for subnet in subnets],
    )["ResolverEndpoint"]["Id"]
    made: list[str] = []
    for n in range(count):
        rule = resolver.create_resolver_rule(
            CreatorRequestId=f"rule {n}",
            Name=f"rule-{n}",
            RuleType="FORWARD",
            DomainName=f"c{n}.example",
            TargetIps=[{"Ip": "10.0.0.53", "Port": 53}],
            ResolverEndpointId=endpoint,
        )["ResolverRule"]["Id"]
        resolver.associate_resolver_rule(ResolverRuleId=rule, Name=f"association-{n}", VPCId=vpc)
        made.append(str(rule))
    return made


def test_all_rules_of_a_vpc_are_listed_over_several_pages(aws: EmbeddedAws, vpc: str, subnets: tuple[str, ...]) -> None:
    made = rules(aws, vpc, subnets, 25)
    found = [association["ResolverRuleId"] for association in Route53Resolver(Aws()).rules_of_vpc(vpc)]
    assert sorted(found) == sorted(made)
    assert len(aws.calls) > 1
    assert set(aws.calls) == {("route53resolver", "ListResolverRuleAssociations")}


def test_the_rules_of_another_vpc_are_not_listed(aws: EmbeddedAws, vpc: str, subnets: tuple[str, ...]) -> None:
    rules(aws, vpc, subnets, 1)
    assert Route53Resolver(Aws()).rules_of_vpc(VPC) == []


def test_a_rule_has_a_domain_a_type_and_targets(aws: EmbeddedAws, vpc: str, subnets: tuple[str, ...]) -> None:
    (made,) = rules(aws, vpc, subnets, 1)
    rule = Route53Resolver(Aws()).rule(made)
    assert (rule["DomainName"], rule["RuleType"]) == ("c0.example.", "FORWARD")
    assert [target["Ip"] for target in rule["TargetIps"]] == ["10.0.0.53"]


def test_a_missing_rule_is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        Route53Resolver(Aws()).rule("rslvr-rr-0123456789abcdef0")
    assert caught.value.code == "ResourceNotFoundException"


def test_the_private_zones_of_a_vpc_have_no_trailing_dot(aws: EmbeddedAws, vpc: str) -> None:
    for name in ("corp.example", "lab.example"):
        aws.client("route53").create_hosted_zone(
            Name=name,
            CallerReference=name,
            VPC={"VPCRegion": "us-east-1", "VPCId": vpc},
            HostedZoneConfig={"PrivateZone": True, "Comment": ""},
        )
    route53 = Route53(Aws())
    found = {zone.name for zone in map(read_hosted_zone, route53.zones_of_vpc(vpc, "us-east-1"))}
    assert found == {"corp.example", "lab.example"}
    assert route53.zones_of_vpc(VPC, "us-east-1") == []


def test_zones_are_requested_page_by_page() -> None:
    route53 = Route53(Aws())
    asked = {"VPCId": VPC, "VPCRegion": "eu-west-1"}
    owner = {"OwningAccount": ACCOUNT}
    with Stubber(route53.api) as stub:
        for token, number, following in ((None, 1, "second"), ("second", 2, None)):
            zone = {"HostedZoneId": f"Z{number}", "Name": f"z{number}.example.", "Owner": owner}
            answer = {"HostedZoneSummaries": [zone], "MaxItems": "1"}
            more = {"NextToken": following} if following else {}
            stub.add_response(
                "list_hosted_zones_by_vpc", answer | more, asked | ({"NextToken": token} if token else {})
            )
        assert [zone["Name"] for zone in route53.zones_of_vpc(VPC, "eu-west-1")] == ["z1.example.", "z2.example."]
        stub.assert_no_pending_responses()


# Whose a bucket is --------------------------------------------------------------------------------------


def test_a_bucket_is_owned_if_s3_accepts_the_expected_owner(aws: EmbeddedAws) -> None:
    aws.client("s3").create_bucket(Bucket="credspecs")
    aws.client("s3").put_object(Bucket="credspecs", Key="web.json", Body=b"{}")
    ours, theirs = S3(Aws()), S3(Aws())
    assert ours.bucket("credspecs", ACCOUNT).owned
    assert not ours.bucket("credspecs").owned
    ours.expect_owner("credspecs", "web.json", ACCOUNT)
    aws.buckets.owners["credspecs"] = "210987654321"
    assert not theirs.bucket("credspecs", ACCOUNT).owned
    with pytest.raises(Denied):
        theirs.expect_owner("credspecs", "web.json", ACCOUNT)
    with pytest.raises(ServiceError) as caught:
        theirs.policy("credspecs")
    assert caught.value.code == "MethodNotAllowed"


def test_policies_are_texts_or_none(aws: EmbeddedAws) -> None:
    aws.client("s3").create_bucket(Bucket="credspecs")
    secret = aws.client("secretsmanager").create_secret(Name="web", SecretString="{}")["ARN"]
    assert S3(Aws()).policy("credspecs") is None
    assert SecretsManager(Aws()).policy(secret) is None
    document = '{"Version": "2012-10-17", "Statement": []}'
    aws.client("s3").put_bucket_policy(Bucket="credspecs", Policy=document)
    aws.client("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=document)
    assert S3(Aws()).policy("credspecs") == document
    assert SecretsManager(Aws()).policy(secret) == document
