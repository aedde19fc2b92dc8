"""What only `gmsa-doctor fleet` uses of AWS: the regions of an account, and the bucket with the reports of a run."""

from __future__ import annotations

from gmsa_doctor.clients.aws.assumed_role import RoleEntry
from gmsa_doctor.clients.aws.organizations import OrganizationAccounts
from gmsa_doctor.clients.aws.session import AwsClient, error_code, none_if, operation


class Regions(AwsClient):
    """The regions of the account."""

    service = "ec2"

    @operation("ec2:DescribeRegions")
    def regions(self) -> dict[str, bool]:
        """All regions of the partition, and whether the account has enabled each.

        Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
        """
        found = self.api.describe_regions(AllRegions=True)["Regions"]
        return {str(region["RegionName"]): region.get("OptInStatus") != "not-opted-in" for region in found}


class RunBucket(AwsClient):
    """Amazon S3, for the reports of a fleet (``--output-dir s3://…``)."""

    service = "s3"

    @operation("s3:GetObject", fresh=True)
    def get(self, bucket: str, key: str) -> bytes | None:
        """The object, or None if there is none."""
        answer = none_if("NoSuchKey", lambda: self.api.get_object(Bucket=bucket, Key=key))
        return answer and bytes(answer["Body"].read())

    @operation("s3:PutObject", fresh=True)
    def put(self, bucket: str, key: str, body: bytes) -> None:
        """Write the object."""
        self.api.put_object(Bucket=bucket, Key=key, Body=body)

    @operation("s3:PutObject", fresh=True)
    def create(self, bucket: str, key: str, body: bytes) -> bool:
        """Write an object unless there is one; whether it was written.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        import botocore.exceptions

        try:
            self.api.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except botocore.exceptions.ClientError as error:
            if error_code(error) in ("PreconditionFailed", "ConditionalRequestConflict"):  # there is one, or will be
                return False
            raise
        return True

    @operation("s3:ListObjectsV2", "s3:ListBucket", fresh=True)
    def keys(self, bucket: str, prefix: str) -> tuple[str, ...]:
        """The keys of the objects with this prefix."""
        pages = self.each_page("list_objects_v2", Bucket=bucket, Prefix=prefix)
        return tuple(item["Key"] for page in pages for item in page.get("Contents", ()))  # absent if there is none


FLEET_CLIENTS = (OrganizationAccounts, RoleEntry, RunBucket)
"""The clients of the account from which the others are entered."""
MEMBER_CLIENTS = (Regions,)
"""The clients of each account, in addition to those of ``check``."""
