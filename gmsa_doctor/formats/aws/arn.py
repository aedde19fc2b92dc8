"""Amazon Resource Names, and what people write in their place.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html and, for each kind, the
service authorization reference. Unknown partitions and regions are accepted: AWS adds new ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

_PARTITION = re.compile(r"aws(-[a-z0-9]+)*")
_SERVICE = re.compile(r"[a-z0-9-]+")
_REGION = re.compile(r"[a-z]{2,}(-[a-z0-9]+)+")
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_SUFFIX = re.compile(r"(?s)(.+)-([A-Za-z0-9]{6})")
_S3_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3[.-](?:dualstack\.)?(?:[a-z0-9-]+\.)?amazonaws\.com(?:\.cn)?")


class ArnProblem(StrEnum):
    """Why a text is not the ARN that is wanted."""

    EMPTY = "empty"
    WHITE_SPACE = "white-space"
    """White space around it."""
    S3_URL = "s3-url"
    """``s3://bucket/key`` instead of an ARN."""
    WEB_URL = "web-url"
    """``https://…`` instead of an ARN."""
    NOT_AN_ARN = "not-an-arn"
    PARTITION = "partition"
    SERVICE = "service"
    """No service named, or an ARN of another service than the one wanted."""
    REGION = "region"
    ACCOUNT = "account"
    RESOURCE = "resource"
    """The part after the account is missing or of another kind."""
    NO_BUCKET = "no-bucket"
    NO_KEY = "no-key"
    REGION_OR_ACCOUNT = "region-or-account"
    """An S3 object's ARN with a region or account; both stay empty there."""
    ACCESS_POINT = "access-point"
    JSON_KEY = "json-key"
    """A secret's ARN with ``:key:stage:version``, as ECS's ``secrets`` take it."""


class ArnError(ValueError):
    """A text is not the ARN that is wanted. The message does not repeat the text.

    ``suggestion`` is the ARN that was most likely meant, where that can be told.
    """

    def __init__(self, problem: ArnProblem, reason: str, suggestion: str | None = None) -> None:
        super().__init__(reason)
        self.problem = problem
        self.reason = reason
        self.suggestion = suggestion


@dataclass(frozen=True)
class Arn:
    """The parts of an ARN; ``region`` and ``account`` are empty where the kind has none."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


@dataclass(frozen=True)
class S3ObjectArn:
    """``arn:<partition>:s3:::<bucket>/<key>``; the key may hold spaces, colons and non-ASCII."""

    partition: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:s3:::{self.bucket}/{self.key}"

    @property
    def breaks_hand_over(self) -> bool:
        """Whether the key holds ``#``, at which the ECS agent and the daemon split what they hand over."""
        return "#" in self.bucket + self.key

    @property
    def is_test_marker(self) -> bool:
        """Whether the daemon takes it for its own test: an empty ticket, and no error."""
        return "functionaltestcfspec" in self.bucket + "/" + self.key


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
        """The parameter's name: one in a hierarchy starts with a slash, which its ARN merges."""
        return f"/{self.path}" if "/" in self.path else self.path


@dataclass(frozen=True)
class SecretArn:
    """``arn:<partition>:secretsmanager:<region>:<account>:secret:<name>``.

    ``name`` is as the ARN has it, with the hyphen and six characters that Secrets Manager appends.
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
        match = _SUFFIX.fullmatch(self.name)
        return match[1] if match else self.name

    @property
    def suffix(self) -> str | None:
        """The six characters that Secrets Manager appended; None if they seem to be left off.

        A name of the user's own that ends in a hyphen and six letters cannot be told apart.
        """
        match = _SUFFIX.fullmatch(self.name)
        return match[2] if match else None

    @property
    def may_lack_its_suffix(self) -> bool:
        """Whether the name's end may be the user's own, as in ``gmsa-secret``.

        Of Secrets Manager's own, one in 26 has no capital letter either.
        """
        return self.suffix is None or self.suffix == self.suffix.lower()


@dataclass(frozen=True)
class RoleArn:
    """An IAM role, or (``session`` set) a session of one. ``path`` is ``/`` or ``/a/b/``.

    The ARN of a session does not tell the role's path: it is ``/`` then.
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
    _refuse_what_is_no_arn(text)
    parts = text.split(":", 5)
    if len(parts) < 6:
        raise ArnError(ArnProblem.NOT_AN_ARN, f"it has {len(parts)} parts between colons, an ARN has six")
    _, partition, service, region, account, resource = parts
    if not _PARTITION.fullmatch(partition):
        raise ArnError(ArnProblem.PARTITION, "its partition is not aws, aws-cn, aws-us-gov or another of AWS")
    if not _SERVICE.fullmatch(service):
        raise ArnError(ArnProblem.SERVICE, "it names no service")
    if region and not _REGION.fullmatch(region):
        raise ArnError(ArnProblem.REGION, "its region is not of the form of us-east-1")
    if account and account != "aws" and not _ACCOUNT.fullmatch(account):
        raise ArnError(ArnProblem.ACCOUNT, "its account is not a number of 12 digits")
    if not resource:
        raise ArnError(ArnProblem.RESOURCE, "it names no resource")
    return Arn(partition, service, region, account, resource)


def _refuse_what_is_no_arn(text: str) -> None:
    bare = text.strip()
    if not bare:
        raise ArnError(ArnProblem.EMPTY, "it is empty")
    if bare != text:
        raise ArnError(ArnProblem.WHITE_SPACE, "it has white space around it", bare)
    scheme = text.partition(":")[0].lower()
    if scheme == "s3" and text[3:].startswith("//"):
        bucket, slash, key = text[5:].partition("/")
        meant = f"arn:aws:s3:::{bucket}/{key}" if bucket and slash and key else None
        raise ArnError(ArnProblem.S3_URL, "it is an s3:// URL, not an ARN", meant)
    if scheme in ("http", "https"):
        raise ArnError(ArnProblem.WEB_URL, "it is a web address, not an ARN", _of_web_address(text))
    if not text.startswith("arn:"):
        raise ArnError(ArnProblem.NOT_AN_ARN, "it does not start with arn:")


def _of_web_address(text: str) -> str | None:
    """The ARN of the object behind a web address of S3; query and fragment (signatures) are left out."""
    try:
        url = urlsplit(text)
        host = (url.hostname or "").lower()
    except ValueError:
        return None
    match = _S3_HOST.fullmatch(host)
    if not match:
        return None
    bucket, key = match["bucket"], unquote(url.path.removeprefix("/"))
    if not bucket:
        bucket, _, key = key.partition("/")
    partition = "aws-cn" if host.endswith(".cn") else "aws"
    return f"arn:{partition}:s3:::{bucket}/{key}" if bucket and key else None


def parse_s3_object_arn(text: str) -> S3ObjectArn:
    """The ARN of an S3 object. Raises ArnError."""
    arn = _of_service(text, "s3", "an S3 object")
    bucket, slash, key = arn.resource.partition("/")
    if arn.resource.startswith(("accesspoint/", "accesspoint:")):
        raise ArnError(ArnProblem.ACCESS_POINT, "it is the ARN of an S3 access point, not of an object")
    meant = f"arn:{arn.partition}:s3:::{arn.resource}"
    if arn.region or arn.account:
        reason = "it has a region or an account, which the ARN of an S3 object leaves empty"
        raise ArnError(ArnProblem.REGION_OR_ACCOUNT, reason, meant if bucket and key else None)
    if not bucket:
        raise ArnError(ArnProblem.NO_BUCKET, "it names no bucket")
    if not slash or not key:
        raise ArnError(ArnProblem.NO_KEY, "it names a bucket, and no object in it")
    if ":" in bucket or any(map(str.isspace, bucket)):
        raise ArnError(ArnProblem.RESOURCE, "its bucket name holds a colon or white space")
    return S3ObjectArn(arn.partition, bucket, key)


def parse_ssm_parameter_arn(text: str) -> SsmParameterArn:
    """The ARN of a parameter of SSM. Raises ArnError."""
    arn = _in_account(_of_service(text, "ssm", "an SSM parameter"))
    kind, _, path = arn.resource.partition("/")
    if kind != "parameter" or not path:
        raise ArnError(ArnProblem.RESOURCE, "it names no parameter after parameter/")
    return SsmParameterArn(arn.partition, arn.region, arn.account, path)


def parse_secret_arn(text: str) -> SecretArn:
    """The ARN of a Secrets Manager secret. Raises ArnError.

    The ``:key:stage:version`` that ECS's ``secrets`` append is a mistake here.
    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    arn = _in_account(_of_service(text, "secretsmanager", "a Secrets Manager secret"))
    kind, _, rest = arn.resource.partition(":")
    name, colon, _ = rest.partition(":")
    if kind != "secret" or not name:
        raise ArnError(ArnProblem.RESOURCE, "it names no secret after secret:")
    secret = SecretArn(arn.partition, arn.region, arn.account, name)
    if colon:
        reason = "it goes on after the secret's name, with a JSON key or a version"
        raise ArnError(ArnProblem.JSON_KEY, reason, str(secret))
    return secret


def parse_role_arn(text: str) -> RoleArn:
    """The ARN of an IAM role, or of a session of one (``assumed-role``). Raises ArnError."""
    arn = parse_arn(text)
    if not arn.account:
        raise ArnError(ArnProblem.ACCOUNT, "it names no account")
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
        raise ArnError(ArnProblem.SERVICE, f"it is an ARN of {arn.service}, not of an IAM role")
    raise ArnError(ArnProblem.RESOURCE, "it names no role")


def _of_service(text: str, service: str, wanted: str) -> Arn:
    arn = parse_arn(text)
    if arn.service != service:
        raise ArnError(ArnProblem.SERVICE, f"it is an ARN of {arn.service}, not of {wanted}")
    return arn


def _in_account(arn: Arn) -> Arn:
    if not arn.region:
        raise ArnError(ArnProblem.REGION, "it names no region")
    if not _ACCOUNT.fullmatch(arn.account):
        raise ArnError(ArnProblem.ACCOUNT, "it names no account")
    return arn
