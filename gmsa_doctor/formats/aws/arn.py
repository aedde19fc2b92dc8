"""Amazon Resource Names, and what people write instead of them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html and, for each kind, the service
authorization reference. Unknown partitions and regions are accepted: AWS adds new ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from gmsa_doctor.formats.aws.partitions import dns_suffixes, known_partition_of, partition_of_host

_PARTITION = re.compile(r"aws(-[a-z0-9]+)*")
_SERVICE = re.compile(r"[a-z0-9-]+")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_SUFFIX = re.compile(r"(?s).+-([A-Za-z0-9]{6})")
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:dualstack\.)?(?:(?P<region>[a-z0-9-]+)\.)?")
"""The start of an S3 host name; the partition's suffix follows."""


class ArnError(ValueError):
    """A text is not an ARN of the expected kind. The message does not repeat the text.

    ``suggestion`` is the ARN that was probably meant, if it can be determined.
    """

    def __init__(self, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.suggestion = suggestion


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN; ``region`` and ``account`` are empty for kinds without them."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True)
class S3ObjectArn:
    """``arn:<partition>:s3:::<bucket>/<key>``; the key may contain spaces, colons and non-ASCII characters."""

    partition: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}/{self.key}"

    @property
    def breaks_hand_over(self) -> bool:
        """Whether it contains ``#``, at which the ECS agent and the daemon split the ARN."""
        return "#" in self.bucket + self.key

    @property
    def is_test_marker(self) -> bool:
        """Whether the daemon treats it as its own test: it then creates an empty ticket, without an error."""
        return "functionaltestcfspec" in f"{self.bucket}/{self.key}"


@dataclass(frozen=True)
class SsmParameterArn:
    """``arn:<partition>:ssm:<region>:<account>:parameter/<path>``."""

    partition: str
    region: str
    account: str
    path: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:ssm:{self.region}:{self.account}:parameter/{self.path}"

    @property
    def name(self) -> str:
        """The parameter's name. In a hierarchy it starts with a slash, which is not repeated in the ARN."""
        return f"/{self.path}" if "/" in self.path else self.path


@dataclass(frozen=True)
class SecretArn:
    """``arn:<partition>:secretsmanager:<region>:<account>:secret:<name>``.

    ``name`` is as in the ARN, with the hyphen and six characters that Secrets Manager appends.
    """

    partition: str
    region: str
    account: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}:secret:{self.name}"

    @property
    def friendly_name(self) -> str:
        """The name that the secret was created with, as far as the ARN shows it."""
        return self.name[:-7] if self.suffix else self.name

    @property
    def suffix(self) -> str | None:
        """The six characters that Secrets Manager appended; None if they seem to be missing.

        A name that itself ends in a hyphen and six letters cannot be distinguished.
        """
        match = _SUFFIX.fullmatch(self.name)
        return match[1] if match else None

    @property
    def may_lack_its_suffix(self) -> bool:
        """Whether the end of the name may belong to the name itself, as in ``gmsa-secret``.

        Of the suffixes by Secrets Manager, one in 26 has no capital letter either.
        """
        return self.suffix is None or self.suffix == self.suffix.lower()


@dataclass(frozen=True)
class RoleArn:
    """An IAM role, or a session of one if ``session`` is set. ``path`` is ``/`` or ``/a/b/``.

    The ARN of a session does not contain the role's path; it is ``/`` then.
    """

    partition: str
    account: str
    name: str
    path: str = "/"
    session: str | None = None

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"


def parse_arn(text: str) -> Arn:
    """The parts of any ARN. Raises ArnError."""
    _require_arn(text)
    parts = text.split(":", 5)
    if len(parts) < 6:
        raise ArnError(f"it has {len(parts)} parts between colons; an ARN has six")
    _, partition, service, region, account, resource = parts
    if not _PARTITION.fullmatch(partition):
        raise ArnError("its partition is not aws, aws-cn, aws-us-gov or another AWS partition")
    if not _SERVICE.fullmatch(service):
        raise ArnError("its service is missing or invalid")
    if region and not _REGION.fullmatch(region):
        raise ArnError("its region does not have the form us-east-1")
    if (own := known_partition_of(region)) and own.name != partition:
        right = str(Arn(own.name, service, region, account, resource))
        raise ArnError(f"it is for partition {partition}, but the region {region} is in partition {own.name}", right)
    if account and account != "aws" and not _ACCOUNT.fullmatch(account):
        raise ArnError("its account is not a 12-digit number")
    if not resource:
        raise ArnError("its resource is missing")
    return Arn(partition, service, region, account, resource)


def _require_arn(text: str) -> None:
    bare = text.strip()
    if not bare:
        raise ArnError("it is empty")
    if bare != text:
        raise ArnError("it has white space around it", bare)
    scheme = text.partition(":")[0].lower()
    if scheme == "s3" and text[3:].startswith("//"):
        bucket, _, key = text[5:].partition("/")
        meant = f"arn:aws:s3:::{bucket}/{key}" if bucket and key else None
        raise ArnError("it is an s3:// URL, not an ARN", meant)
    if scheme in ("http", "https"):
        raise ArnError("it is a web address, not an ARN", _of_web_address(text))
    if not text.startswith("arn:"):
        raise ArnError("it does not start with arn:")


def _of_web_address(text: str) -> str | None:
    """The ARN of the object at an S3 web address, without query and fragment (signatures)."""
    try:
        url = urlsplit(text)
        host = (url.hostname or "").lower()
    except ValueError:
        return None
    suffix = next((suffix for suffix in dns_suffixes() if host.endswith(suffix)), "")
    match = _S3_HOST.fullmatch(host.removesuffix(suffix))
    if not (match and suffix):
        return None
    bucket, key = match["bucket"], unquote(url.path.removeprefix("/"))
    if not bucket:
        bucket, _, key = key.partition("/")
    partition = partition_of_host(match["region"], suffix)
    return f"arn:{partition}:s3:::{bucket}/{key}" if bucket and key else None


def parse_s3_object_arn(text: str) -> S3ObjectArn:
    """The ARN of an S3 object. Raises ArnError."""
    arn = _of_service(text, "s3", "an S3 object")
    bucket, _, key = arn.resource.partition("/")
    if arn.resource.startswith(("accesspoint/", "accesspoint:")):
        raise ArnError("it is the ARN of an S3 access point, not of an object")
    meant = f"arn:{arn.partition}:s3:::{arn.resource}"
    if arn.region or arn.account:
        reason = "it has a region or an account, which must be empty in the ARN of an S3 object"
        raise ArnError(reason, meant if bucket and key else None)
    if not bucket:
        raise ArnError("its bucket name is missing")
    if not key:
        raise ArnError("it has a bucket name but no object key")
    wrong = next((char for char in bucket if not (char.isascii() and (char.isalnum() or char in ".-_"))), None)
    if wrong is not None:  # S3's bucket naming rules, with the upper case and underscores of old buckets in us-east-1
        raise ArnError(f"its bucket name contains {wrong!r}")
    return S3ObjectArn(arn.partition, bucket, key)


def parse_ssm_parameter_arn(text: str) -> SsmParameterArn:
    """The ARN of an SSM parameter. Raises ArnError."""
    arn = _in_account(_of_service(text, "ssm", "an SSM parameter"))
    kind, _, path = arn.resource.partition("/")
    if kind != "parameter" or not path:
        raise ArnError("it has no parameter name after parameter/")
    return SsmParameterArn(arn.partition, arn.region, arn.account, path)


def parse_secret_arn(text: str) -> SecretArn:
    """The ARN of a Secrets Manager secret. Raises ArnError.

    The ``:key:stage:version`` in the ``secrets`` of a container is an error here.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    arn = _in_account(_of_service(text, "secretsmanager", "a Secrets Manager secret"))
    kind, _, rest = arn.resource.partition(":")
    name, colon, _ = rest.partition(":")
    if kind != "secret" or not name:
        raise ArnError("it has no secret name after secret:")
    secret = SecretArn(arn.partition, arn.region, arn.account, name)
    if colon:
        reason = "a JSON key or a version follows the secret's name"
        raise ArnError(reason, str(secret))
    return secret


def parse_role_arn(text: str) -> RoleArn:
    """The ARN of an IAM role, or of a session of one (``assumed-role``). Raises ArnError."""
    arn = parse_arn(text)
    if not arn.account:
        raise ArnError("its account is missing")
    kind, _, rest = arn.resource.partition("/")
    if arn.service == "sts" and kind == "assumed-role":
        name, _, session = rest.partition("/")
        if name and session:
            return RoleArn(arn.partition, arn.account, name, session=session)
    elif arn.service == "iam" and kind == "role" and not rest.endswith("/"):
        path, _, name = rest.rpartition("/")
        if name:
            return RoleArn(arn.partition, arn.account, name, f"/{path}/" if path else "/")
    elif arn.service not in ("iam", "sts"):
        raise ArnError(f"it is an ARN of {arn.service}, not of an IAM role")
    raise ArnError("its role name is missing")


def _of_service(text: str, service: str, kind: str) -> Arn:
    arn = parse_arn(text)
    if arn.service != service:
        raise ArnError(f"it is an ARN of {arn.service}, not of {kind}")
    return arn


def _in_account(arn: Arn) -> Arn:
    if not arn.region:
        raise ArnError("its region is missing")
    if not _ACCOUNT.fullmatch(arn.account):
        raise ArnError("its account is missing")
    return arn
