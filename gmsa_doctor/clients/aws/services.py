"""The AWS services that we read from, one client a service. Get, List, Describe, Head and Simulate only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.aws.ec2 import Ec2 as Ec2
from gmsa_doctor.clients.aws.ecr_and_logs import Ecr, Logs
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.rds import Rds
from gmsa_doctor.clients.aws.route53_profiles import Route53Profiles
from gmsa_doctor.clients.aws.session import AwsClient, error_code, operation
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.core.hidden import Hidden

DOCUMENT_LIMIT = 64 * 1024
"""Bytes of an object that are fetched at most: sixteen times what Credentials Fetcher accepts."""


class Sts(AwsClient):
    """AWS Security Token Service."""

    service = "sts"

    @operation("sts:GetCallerIdentity")
    def caller(self) -> dict[str, Any]:
        """Who we are: Account, Arn, UserId."""
        return dict(self.api.get_caller_identity())


class Ecs(AwsClient):
    """Amazon ECS."""

    service = "ecs"

    @operation("ecs:DescribeServices")
    def describe_service(self, service: str, cluster: str) -> dict[str, Any]:
        """A service as ECS describes it. Raises NotFound for an unknown service or cluster."""
        answer = self.api.describe_services(cluster=cluster, services=[service])
        if not answer["services"]:
            raise NotFound(f"no service {service} in cluster {cluster}", "ServiceNotFoundException")
        return dict(answer["services"][0])

    @operation("ecs:DescribeClusters")
    def describe_cluster(self, cluster: str) -> dict[str, Any]:
        """A cluster as ECS describes it, for its default capacity providers."""
        answer = self.api.describe_clusters(clusters=[cluster])
        if not answer["clusters"]:
            raise NotFound(f"no cluster {cluster}", "ClusterNotFoundException")
        return dict(answer["clusters"][0])

    @operation("ecs:DescribeTasks")
    def describe_task(self, task: str, cluster: str) -> dict[str, Any]:
        """A task as ECS describes it; a stopped one is known for an hour. Raises NotFound for an unknown one."""
        answer = self.api.describe_tasks(cluster=cluster, tasks=[task])
        if not answer["tasks"]:
            raise NotFound(f"no task {task} in cluster {cluster}", "TaskNotFoundException")
        return dict(answer["tasks"][0])

    def container_instances(self, cluster: str) -> list[dict[str, Any]]:
        """The active container instances of a cluster, with their attributes."""
        arns = self.container_instance_arns(cluster)
        groups = [arns[n : n + 100] for n in range(0, len(arns), 100)]  # as many as one call describes
        return [one for group in groups for one in self.described_container_instances(group, cluster)]

    @operation("ecs:ListContainerInstances")
    def container_instance_arns(self, cluster: str) -> tuple[str, ...]:
        """The ARNs of a cluster's active container instances."""
        pages = self.api.get_paginator("list_container_instances").paginate(cluster=cluster, status="ACTIVE")
        return tuple(arn for page in pages for arn in page["containerInstanceArns"])

    @operation("ecs:DescribeContainerInstances")
    def described_container_instances(self, arns: tuple[str, ...], cluster: str) -> list[dict[str, Any]]:
        """Container instances, at most a hundred; those that are gone since are left out."""
        return list(
            self.api.describe_container_instances(cluster=cluster, containerInstances=list(arns))["containerInstances"]
        )

    @operation("ecs:DescribeTaskDefinition")
    def describe_task_definition(self, task_definition: str) -> dict[str, Any]:
        """A task definition by FAMILY, FAMILY:REVISION or ARN."""
        answer = self.api.describe_task_definition(taskDefinition=task_definition)
        return dict(answer["taskDefinition"])


@dataclass(frozen=True)
class S3Object:
    """An S3 object: its size in bytes, its first :data:`DOCUMENT_LIMIT` bytes, and its KMS key, if it has one.

    ``bucket_key``: KMS has encrypted a key of the bucket, not one of the object.
    """

    size: int
    body: bytes
    key: str = ""
    bucket_key: bool = False


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket. ``owned``: it is certain that the account which was expected owns it."""

    region: str | None
    owned: bool = False


class S3(AwsClient):
    """Amazon S3."""

    service = "s3"

    @operation("s3:HeadBucket", "s3:ListBucket")
    def bucket(self, bucket: str, owner: str | None = None) -> Bucket:
        """A bucket, also one that we may not read: S3 names its region in each answer.

        ``owner`` is the account that is expected to own it.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
        """
        import botocore.exceptions

        expected = {"ExpectedBucketOwner": owner} if owner else {}
        certain = bool(owner)
        try:
            response = self.api.head_bucket(Bucket=bucket, **expected)
        except botocore.exceptions.ClientError as error:
            response, certain = error.response, False
            if error_code(error) in ("404", "NoSuchBucket"):
                raise
        headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        region: str | None = response.get("BucketRegion") or headers.get("x-amz-bucket-region")
        return Bucket(region, certain)

    @operation("s3:HeadObject", "s3:GetObject")
    def expect_owner(self, bucket: str, key: str, owner: str) -> None:
        """Ask for an object of a bucket that an account is to own. Raises Denied, which also says that it does not."""
        self.api.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=owner)

    @operation("s3:GetObject")
    def get(self, bucket: str, key: str) -> S3Object:
        """An object. Raises NotFound with the code NoSuchKey or NoSuchBucket."""
        import botocore.exceptions

        try:
            answer = self.api.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{DOCUMENT_LIMIT - 1}")
        except botocore.exceptions.ClientError as error:
            if error_code(error) == "InvalidRange":  # an empty object has no first byte
                return S3Object(0, b"")
            raise
        body = answer["Body"].read(DOCUMENT_LIMIT)
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        size = int(total) if total.isdigit() else len(body)
        return S3Object(size, body, answer.get("SSEKMSKeyId", ""), answer.get("BucketKeyEnabled", False))

    @operation("s3:GetBucketPolicy")
    def policy(self, bucket: str) -> str | None:
        """The JSON text of a bucket's policy; None if it has none.

        Raises ServiceError with the code MethodNotAllowed for a bucket of another account.
        """
        import botocore.exceptions

        try:
            return str(self.api.get_bucket_policy(Bucket=bucket)["Policy"])
        except botocore.exceptions.ClientError as error:
            if error_code(error) == "NoSuchBucketPolicy":
                return None
            raise


@dataclass(frozen=True)
class Parameter:
    """A parameter: its type, and its value, which is encrypted where the type is SecureString."""

    type: str
    value: str


class Ssm(AwsClient):
    """AWS Systems Manager Parameter Store."""

    service = "ssm"

    @operation("ssm:GetParameter")
    def parameter(self, name: str) -> Parameter:
        """A parameter, not decrypted: as the ECS agent reads a CredSpec."""
        found = self.api.get_parameter(Name=name, WithDecryption=False)["Parameter"]
        return Parameter(str(found["Type"]), str(found["Value"]))

    @operation("ssm:GetParameter")
    def get(self, name: str) -> str:
        """The value of a parameter, decrypted."""
        return str(self.api.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])


@dataclass(frozen=True)
class SecretText:
    """A version of a secret. ``text`` is None for a binary secret."""

    text: Hidden[str] | None
    version: str


class SecretsManager(AwsClient):
    """AWS Secrets Manager."""

    service = "secretsmanager"

    @operation("secretsmanager:GetSecretValue")
    def get(self, arn: str, stage: str | None = None, version: str | None = None) -> SecretText:
        """The value of a secret: the current one, unless a stage or a version is named."""
        named = {"VersionStage": stage, "VersionId": version}
        answer = self.api.get_secret_value(SecretId=arn, **{key: value for key, value in named.items() if value})
        text = answer.get("SecretString")
        return SecretText(None if text is None else Hidden(text), answer.get("VersionId", ""))

    def versions(self) -> dict[str, str]:
        """The current versions of the secrets that have been read, by what they were asked for."""
        known = [(key, one.value) for key, one in self._answers.items() if one.known and isinstance(key, tuple)]
        found = {key: value for key, value in known if len(key[1]) == 1}
        return {str(key[1][0]): value.version for key, value in found.items() if isinstance(value, SecretText)}

    @operation("secretsmanager:DescribeSecret")
    def describe(self, arn: str) -> dict[str, Any]:
        """A secret without its value."""
        return dict(self.api.describe_secret(SecretId=arn))

    @operation("secretsmanager:GetResourcePolicy")
    def policy(self, arn: str) -> str | None:
        """The JSON text of a secret's own policy; None if it has none."""
        text: str | None = self.api.get_resource_policy(SecretId=arn).get("ResourcePolicy")
        return text or None


class DirectoryService(AwsClient):
    """AWS Directory Service."""

    service = "ds"

    @operation("ds:DescribeDirectories")
    def directories(self) -> list[dict[str, Any]]:
        """All directories of the account in the region, those shared with it included."""
        found: list[dict[str, Any]] = []
        answer = self.api.describe_directories()
        found += answer["DirectoryDescriptions"]
        while token := answer.get("NextToken"):
            answer = self.api.describe_directories(NextToken=token)
            found += answer["DirectoryDescriptions"]
        return found


class Route53Resolver(AwsClient):
    """Amazon Route 53 Resolver."""

    service = "route53resolver"

    @operation("route53resolver:ListResolverRuleAssociations")
    def rules_of_vpc(self, vpc: str) -> list[dict[str, Any]]:
        """The associations of rules with a VPC: ResolverRuleId, Status, StatusMessage."""
        pages = self.api.get_paginator("list_resolver_rule_associations").paginate(
            Filters=[{"Name": "VPCId", "Values": [vpc]}]
        )
        return [one for page in pages for one in page["ResolverRuleAssociations"]]

    @operation("route53resolver:GetResolverRule")
    def rule(self, id: str) -> dict[str, Any]:
        """A rule: DomainName, RuleType (FORWARD, SYSTEM, RECURSIVE, DELEGATE), TargetIps, ResolverEndpointId."""
        return dict(self.api.get_resolver_rule(ResolverRuleId=id)["ResolverRule"])

    @operation("route53resolver:GetResolverEndpoint")
    def endpoint(self, id: str) -> dict[str, Any]:
        """An endpoint: Status, StatusMessage, HostVPCId, SecurityGroupIds."""
        return dict(self.api.get_resolver_endpoint(ResolverEndpointId=id)["ResolverEndpoint"])


class Route53(AwsClient):
    """Amazon Route 53 hosted zones."""

    service = "route53"

    @operation("route53:ListHostedZonesByVPC")
    def zones_of_vpc(self, vpc: str, region: str) -> list[str]:
        """The names of the private hosted zones that are associated with a VPC, without the last dot."""
        names: list[str] = []
        more: dict[str, str] = {}
        while True:
            answer = self.api.list_hosted_zones_by_vpc(VPCId=vpc, VPCRegion=region, **more)
            names += [zone["Name"].rstrip(".") for zone in answer["HostedZoneSummaries"]]
            if not answer.get("NextToken"):
                return names
            more = {"NextToken": answer["NextToken"]}


AWS_CLIENTS = (
    Sts,
    Ecs,
    S3,
    Ssm,
    SecretsManager,
    Iam,
    Kms,
    Ecr,
    Logs,
    Ec2,
    DirectoryService,
    Route53Resolver,
    Route53,
    Route53Profiles,
    Rds,
)
