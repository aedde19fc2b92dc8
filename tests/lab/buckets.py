"""What moto lacks of S3's buckets: owners in other accounts, and policies that are returned but not enforced.

moto enforces every Deny of a bucket's policy, whatever its conditions.
"""

from dataclasses import dataclass, field

from tests.lab.aws_errors import Refused
from tests.lab.aws_requests import Request


@dataclass
class Buckets:
    """Both by the bucket's name."""

    owners: dict[str, str] = field(default_factory=dict)
    """The accounts of buckets that are not the lab's own."""
    policies: dict[str, str] = field(default_factory=dict)
    """JSON texts, in the place of what moto keeps."""

    def clear(self) -> None:
        """Forget all."""
        self.owners.clear()
        self.policies.clear()

    def answer(self, request: Request, account: str) -> bytes | None:
        """Give the answer, or None for what moto is to answer. Raises Refused."""
        if request.service != "s3":
            return None
        bucket = request.text.partition("\n")[0].partition("?")[0].strip("/").partition("/")[0]
        owner = self.owners.get(bucket, account)
        if request.expected_owner not in ("", owner):
            raise Refused("AccessDenied", "Access Denied", 403)
        if request.operation != "GetBucketPolicy":
            return None
        if owner != account:
            raise Refused("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
        text = self.policies.get(bucket)
        return None if text is None else text.encode()
