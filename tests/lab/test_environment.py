import json
import time
from pathlib import Path

import pytest

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Created, Environment, healthy, task_definition_file

DC = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))


@pytest.fixture
def environment() -> Environment:
    return healthy(DC)


def secret_of(aws: EmbeddedAws, created: Created) -> dict[str, object]:
    client = aws.client("secretsmanager", created.region)
    answer: dict[str, object] = client.get_secret_value(SecretId=created.secret_arn)
    return answer


def test_its_parts_refer_to_each_other(aws: EmbeddedAws, environment: Environment) -> None:
    created = create(environment, aws)
    ecs, s3 = aws.client("ecs"), aws.client("s3")
    service = ecs.describe_services(cluster="demo", services=["healthy"])["services"][0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    container = definition["containerDefinitions"][0]
    assert container["credentialSpecs"] == [f"credentialspecdomainless:{created.credspec_arn}"]
    network = service["networkConfiguration"]["awsvpcConfiguration"]
    assert (network["subnets"], network["securityGroups"]) == ([created.subnets[0]], [created.security_group])
    credspec = json.loads(s3.get_object(Bucket=environment.bucket, Key=environment.key)["Body"].read())
    plugin = credspec["ActiveDirectoryConfig"]["HostAccountConfig"]["PluginInput"]
    assert plugin == {"CredentialArn": created.secret_arn}
    assert json.loads(str(secret_of(aws, created)["SecretString"])) == environment.secret


def test_the_vpc_uses_the_domains_dns(aws: EmbeddedAws, environment: Environment) -> None:
    created = create(environment, aws)
    ec2 = aws.client("ec2")
    assert ec2.describe_vpcs(VpcIds=[created.vpc])["Vpcs"][0]["DhcpOptionsId"] == created.dhcp_options
    (options,) = ec2.describe_dhcp_options(DhcpOptionsIds=[created.dhcp_options])["DhcpOptions"]
    values = {item["Key"]: [value["Value"] for value in item["Values"]] for item in options["DhcpConfigurations"]}
    assert values == {"domain-name": [DC.domain], "domain-name-servers": [DC.ip]}
    (directory,) = aws.client("ds").describe_directories()["DirectoryDescriptions"]
    assert (directory["Name"], directory["DnsIpAddrs"]) == (DC.domain, [DC.ip])


def test_the_vpc_may_keep_the_set_default(aws: EmbeddedAws, environment: Environment) -> None:
    environment.dhcp = None
    environment.directory = None
    created = create(environment, aws)
    vpc = aws.client("ec2").describe_vpcs(VpcIds=[created.vpc])["Vpcs"][0]
    assert vpc["DhcpOptionsId"] == created.dhcp_options == "default"
    assert aws.client("ds").describe_directories()["DirectoryDescriptions"] == []


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("eu-west-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_it_may_be_in_any_region(aws: EmbeddedAws, environment: Environment, region: str, partition: str) -> None:
    environment.region = region
    created = create(environment, aws)
    assert created.partition == partition
    for arn in (created.credspec_arn, created.secret_arn, created.service_arn):
        assert arn.startswith(f"arn:{partition}:")


def test_the_bucket_and_the_secret_may_be_in_another_region(aws: EmbeddedAws, environment: Environment) -> None:
    environment.bucket_region = "eu-west-1"
    environment.secret_region = "eu-west-1"
    created = create(environment, aws)
    bucket = aws.client("s3").head_bucket(Bucket=environment.bucket)
    assert bucket["BucketRegion"] == "eu-west-1"
    assert created.secret_arn.startswith("arn:aws:secretsmanager:eu-west-1:")


def test_contents_may_be_bytes_or_missing(aws: EmbeddedAws, environment: Environment) -> None:
    environment.credspec = b'\xff\xfe{secret_arn}\x00"'
    environment.secret = b"binary"
    created = create(environment, aws)
    stored = aws.client("s3").get_object(Bucket=environment.bucket, Key=environment.key)["Body"].read()
    assert stored == b"\xff\xfe" + created.secret_arn.encode() + b'\x00"'
    assert secret_of(aws, created)["SecretBinary"] == b"binary"

    aws.reset()
    environment.credspec = environment.secret = environment.service = None
    created = create(environment, aws)
    assert aws.client("s3").list_objects_v2(Bucket=environment.bucket)["KeyCount"] == 0
    assert aws.client("secretsmanager").list_secrets()["SecretList"] == []
    assert created.service_arn == ""


def test_several_may_live_in_one_cluster(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)
    environment.name, environment.secret_name, environment.key = "second", "gmsa/second", "second.json"
    create(environment, aws)
    services = aws.client("ecs").list_services(cluster="demo")["serviceArns"]
    assert [arn.rpartition("/")[2] for arn in services] == ["healthy", "second"]


def test_a_test_may_change_it_afterwards(aws: EmbeddedAws, environment: Environment) -> None:
    seen: list[Created] = []
    environment.after.append(lambda _, created: seen.append(created))
    assert seen == [create(environment, aws)] or seen[0].vpc


def test_making_it_is_fast_and_not_recorded(aws: EmbeddedAws, environment: Environment) -> None:
    create(environment, aws)  # makes the clients
    aws.reset()
    begin = time.monotonic()
    create(environment, aws)
    assert time.monotonic() - begin < 1
    assert aws.calls == []


def test_two_environments_share_nothing(environment: Environment) -> None:
    environment.container["credentialSpecs"] = []
    assert healthy(DC).container["credentialSpecs"] != []


def test_the_file_is_what_describe_task_definition_prints(environment: Environment) -> None:
    definition = json.loads(task_definition_file(environment))["taskDefinition"]
    assert definition["taskDefinitionArn"].endswith(":task-definition/webapp:1")
    container = definition["containerDefinitions"][0]
    assert container["credentialSpecs"] == [f"credentialspecdomainless:{environment.credspec_arn}"]


def test_the_command_names_the_service(environment: Environment) -> None:
    assert environment.command == [
        "check", "--cluster", "demo", "--service", "healthy", "--dns-server", DC.ip
    ]  # fmt: skip
