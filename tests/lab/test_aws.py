import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.lab.aws_errors import Problem, encode
from tests.lab.aws_requests import Request

Call = Callable[[Any], Any]
PROTOCOLS: list[tuple[str, str, Call]] = [
    ("ecs", "ListClusters", lambda ecs: ecs.list_clusters()),
    ("secretsmanager", "ListSecrets", lambda client: client.list_secrets()),
    ("ssm", "GetParameters", lambda ssm: ssm.get_parameters(Names=["x"])),
    ("ds", "DescribeDirectories", lambda ds: ds.describe_directories()),
    ("route53resolver", "ListResolverRules", lambda client: client.list_resolver_rules()),
    ("kms", "ListKeys", lambda kms: kms.list_keys()),
    ("logs", "DescribeLogGroups", lambda logs: logs.describe_log_groups()),
    ("sts", "GetCallerIdentity", lambda sts: sts.get_caller_identity()),
    ("iam", "ListRoles", lambda iam: iam.list_roles()),
    ("rds", "DescribeDBInstances", lambda rds: rds.describe_db_instances()),
    ("ec2", "DescribeVpcs", lambda ec2: ec2.describe_vpcs()),
    ("route53", "ListHostedZones", lambda client: client.list_hosted_zones()),
    (
        "route53",
        "ListHostedZonesByVPC",
        lambda client: client.list_hosted_zones_by_vpc(VPCId="vpc-1", VPCRegion="us-east-1"),
    ),
    ("s3", "ListBuckets", lambda s3: s3.list_buckets()),
    ("s3", "ListObjectsV2", lambda s3: s3.list_objects_v2(Bucket="credspecs")),
    ("s3", "GetBucketLocation", lambda s3: s3.get_bucket_location(Bucket="credspecs")),
    ("s3", "GetObject", lambda s3: s3.get_object(Bucket="credspecs", Key="a folder/käse.json")),
]
HEADS: list[tuple[str, str, Call]] = [
    ("s3", "HeadBucket", lambda s3: s3.head_bucket(Bucket="credspecs")),
    ("s3", "HeadObject", lambda s3: s3.head_object(Bucket="credspecs", Key="a folder/käse.json")),
]
each_protocol = pytest.mark.parametrize(("service", "operation", "call"), PROTOCOLS)
each_call = pytest.mark.parametrize(("service", "operation", "call"), PROTOCOLS + HEADS)


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session("AKIAIOSFODNN7EXAMPLE", "none")


@pytest.fixture
def client(aws: EmbeddedAws, session: boto3.Session) -> Callable[[str], Any]:
    """Make clients such as the program's own, and a bucket for them."""
    s3 = aws.client("s3", "eu-west-1")
    s3.create_bucket(Bucket="credspecs", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="credspecs", Key="a folder/käse.json", Body=b"{}")
    config = Config(retries={"max_attempts": 0}, read_timeout=20, proxies={})
    make: Any = session.client

    def make_client(service: str) -> Any:
        return make(service, region_name="us-east-1", endpoint_url=aws.endpoint, config=config)

    return make_client


def error_of(call: Call, client: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(client)
    response = caught.value.response
    return (
        response["Error"]["Code"],
        response["Error"]["Message"],
        response["ResponseMetadata"]["HTTPStatusCode"],
    )


@each_call
def test_each_call_is_recorded(
    aws: EmbeddedAws, client: Callable[[str], Any], service: str, operation: str, call: Call
) -> None:
    call(client(service))
    assert aws.calls == [(service, operation)]


@each_protocol
def test_each_call_can_be_denied(
    aws: EmbeddedAws, client: Callable[[str], Any], service: str, operation: str, call: Call
) -> None:
    aws.deny(service, operation)
    code, message, _ = error_of(call, client(service))
    assert code in {"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"}
    assert f"is not authorized to perform: {service}:" in message


@each_protocol
def test_each_call_can_be_throttled(
    aws: EmbeddedAws, client: Callable[[str], Any], service: str, operation: str, call: Call
) -> None:
    aws.throttle(service, operation)
    code, _, _ = error_of(call, client(service))
    assert code in {"ThrottlingException", "Throttling", "RequestLimitExceeded", "SlowDown"}


@each_protocol
def test_each_call_can_fail_with_an_error_of_choice(
    aws: EmbeddedAws, client: Callable[[str], Any], service: str, operation: str, call: Call
) -> None:
    aws.fail_with(service, operation, "DecryptionFailure", "no <key>", 418)
    assert error_of(call, client(service)) == ("DecryptionFailure", "no <key>", 418)


@pytest.mark.parametrize(("service", "operation", "call"), HEADS)
def test_a_denied_head_has_no_body_and_so_no_reason(
    aws: EmbeddedAws, client: Callable[[str], Any], service: str, operation: str, call: Call
) -> None:
    aws.deny(service, operation)
    assert error_of(call, client(service)) == ("403", "Forbidden", 403)


def test_a_fault_can_be_limited_to_a_resource_and_in_number(aws: EmbeddedAws, client: Callable[[str], Any]) -> None:
    aws.fail_with("s3", "*", "SlowDown", resource="a folder/käse", times=1)
    s3 = client("s3")
    s3.head_bucket(Bucket="credspecs")
    with pytest.raises(ClientError):
        s3.get_object(Bucket="credspecs", Key="a folder/käse.json")
    s3.get_object(Bucket="credspecs", Key="a folder/käse.json")


def test_a_fault_can_be_limited_to_who_calls(aws: EmbeddedAws, client: Callable[[str], Any]) -> None:
    aws.deny("sts", "GetCallerIdentity", role="AKIAIOSFODNN7EXAMPLE")
    with pytest.raises(ClientError):
        client("sts").get_caller_identity()
    answer = client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/web", RoleSessionName="test")
    by_role = aws.client_with(answer["Credentials"], "sts")
    assert by_role.get_caller_identity()["Arn"] == "arn:aws:sts::123456789012:assumed-role/web/test"
    assert aws.calls_by("web") == [("sts", "GetCallerIdentity")]
    aws.throttle("sts", "*", role="web")
    with pytest.raises(ClientError):
        by_role.get_caller_identity()


def test_a_call_can_hang_until_the_reset(aws: EmbeddedAws, client: Callable[[str], Any]) -> None:
    aws.hang("sts", "GetCallerIdentity")
    sts = client("sts")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(sts.get_caller_identity)
        with pytest.raises(TimeoutError):
            answer.result(timeout=0.3)
        aws.reset()
        assert isinstance(answer.exception(), ClientError)
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_each_answer_can_be_delayed(aws: EmbeddedAws, client: Callable[[str], Any]) -> None:
    sts = client("sts")
    aws.delay = 0.2
    begin = time.monotonic()
    sts.get_caller_identity()
    assert time.monotonic() - begin >= 0.2


def test_the_labs_own_calls_are_neither_recorded_nor_spoiled(aws: EmbeddedAws) -> None:
    aws.deny("sts", "*")
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert aws.calls == []


def test_a_reset_forgets_everything(aws: EmbeddedAws, client: Callable[[str], Any]) -> None:
    aws.deny("s3", "ListBuckets")
    aws.reset()
    assert client("s3").list_buckets()["Buckets"] == []
    assert aws.calls == [("s3", "ListBuckets")]


def test_head_bucket_tells_the_buckets_region(client: Callable[[str], Any]) -> None:
    assert client("s3").head_bucket(Bucket="credspecs")["BucketRegion"] == "eu-west-1"


def test_a_subprocess_finds_its_way_with_the_environment(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-in-the-lab")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    program = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=aws.environ(), capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "123456789012\n", done.stderr
    assert aws.calls == [("sts", "GetCallerIdentity")]


def test_a_developers_profile_does_not_disturb_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-in-the-lab")
    with embedded_aws() as aws:
        assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert os.environ["AWS_PROFILE"] == "not-in-the-lab"


def test_errors_have_a_form_for_the_newer_protocol_too() -> None:
    request = Request("ds", "DescribeDirectories", "smithy-rpc-v2-cbor", "POST", "", "")
    headers, body = encode(request, Problem("Code", "text"))
    assert ("smithy-protocol", "rpc-v2-cbor") in headers
    assert body == b"\xa2\x79\x00\x06__type\x79\x00\x04Code\x79\x00\x07message\x79\x00\x04text"
