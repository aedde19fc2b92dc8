"""Amazon S3: buckets, objects and bucket policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, error_code, iso, none_if, operation

DOCUMENT_LIMIT = 64 * 1024
"""Bytes of an object to read at most: 16 times what Credentials Fetcher accepts."""

_NO_BUCKET = ("404", "NoSuchBucket")


@dataclass(frozen=True)
class S3Object:
    """An S3 object: its size in bytes, its first :data:`DOCUMENT_LIMIT` bytes, and its KMS key, if any.

    ``bucket_key``: it is encrypted with an S3 Bucket Key.
    """

    size: int
    body: bytes
    key: str = ""
    bucket_key: bool = False
    modified: str = field(default="", compare=False)
    """When it was written (ISO 8601)."""


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket. ``owned``: the expected account certainly owns it."""

    region: str | None
    owned: bool = False


class S3(AwsClient):
    """Amazon S3."""

    service = "s3"

    @operation("s3:HeadBucket", "s3:ListBucket")
    def bucket(self, bucket: str, owner: str | None = None) -> Bucket:
        """A bucket, even if access is denied or it is in another region: S3 returns its region then, too.

        ``owner``: the account that should own it.
        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
        """
        import botocore.exceptions

        expected = {"ExpectedBucketOwner": owner} if owner else {}
        certain = bool(owner)
        try:
            response = self.api.head_bucket(Bucket=bucket, **expected)
        except botocore.exceptions.ClientError as error:
            response, certain = error.response, False
            if error_code(error) != "403" and (error_code(error) in _NO_BUCKET or not _region(response)):
                raise
        return Bucket(_region(response), certain)

    @operation("s3:HeadObject", "s3:GetObject")
    def expect_owner(self, bucket: str, key: str, owner: str) -> None:
        """Request an object with an expected bucket owner. Raises Denied if another account owns the bucket, too."""
        self.api.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=owner)

    @operation("s3:GetObject")
    def get(self, bucket: str, key: str) -> S3Object:
        """An object. Raises NotFound with the code NoSuchKey or NoSuchBucket."""
        head = f"bytes=0-{DOCUMENT_LIMIT - 1}"
        answer = none_if("InvalidRange", lambda: self.api.get_object(Bucket=bucket, Key=key, Range=head))
        if answer is None:  # an empty object has no first byte
            return S3Object(0, b"")
        body = answer["Body"].read(DOCUMENT_LIMIT)
        total = str(answer.get("ContentRange", "")).rpartition("/")[2]
        size = int(total) if total.isdigit() else len(body)
        key, bucket_key = answer.get("SSEKMSKeyId", ""), answer.get("BucketKeyEnabled", False)
        return S3Object(size, body, key, bucket_key, iso(answer.get("LastModified")))

    @operation("s3:GetBucketPolicy")
    def policy(self, bucket: str) -> str | None:
        """The JSON text of a bucket's policy; None if it has none.

        Raises ServiceError with the code MethodNotAllowed for a bucket of another account.
        """
        answer = none_if("NoSuchBucketPolicy", lambda: self.api.get_bucket_policy(Bucket=bucket))
        return answer and str(answer["Policy"])


def _region(response: Mapping[str, Any]) -> str | None:
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region: str | None = response.get("BucketRegion") or headers.get("x-amz-bucket-region")
    return region
