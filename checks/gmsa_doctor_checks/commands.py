"""The commands of fixes that several checks share. Names and placeholders in them are quoted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gmsa_doctor.core.quoting import posix, powershell
from gmsa_doctor.given.shared_values import CredSpecLocation

__all__ = [
    "LIST_ECS_ROLES",
    "NEW_CREDSPEC",
    "START_SERVICE",
    "STOP_SERVICE",
    "edit_credspec",
    "edit_secret",
    "list_roles_of",
    "posix",
    "powershell",
    "pull",
    "push",
    "put_secret",
    "secret_changed",
]


_SERVICE = "aws ecs update-service --cluster '<cluster>' --service '<service>' --desired-count"
STOP_SERVICE = (
    "aws ecs describe-services --cluster '<cluster>' --services '<service>' --query 'services[].desiredCount' "
    f"&& {_SERVICE} 0"
)
"""Prints the desired count, then stops a service that ECS would start again and again, each time with a logon."""
START_SERVICE = f"{_SERVICE} '<desired count before>'"
"""Starts a service that :data:`STOP_SERVICE` stopped."""


def put_secret(arn: str) -> str:
    """The command that stores a new value in a secret."""
    return f"aws secretsmanager put-secret-value --secret-id {posix(arn)} --secret-string file://secret.json"


def secret_changed(arn: str) -> str:
    """The command that shows when a secret was last changed."""
    return f"aws secretsmanager describe-secret --secret-id {posix(arn)} --query LastChangedDate"


def edit_secret(arn: str, *, binary: bool = False) -> tuple[str, ...]:
    """The commands that change a secret's value in an editor: no password is in a command line.

    ``binary``: the value is in SecretBinary, which the AWS CLI prints in base64.
    """
    field, decode = ("SecretBinary", " | base64 -d") if binary else ("SecretString", "")
    get = f"aws secretsmanager get-secret-value --secret-id {posix(arn)} --query {field} --output text{decode}"
    return (f"(umask 077; {get} > secret.json)", '"${EDITOR:-vi}" secret.json', put_secret(arn), "rm secret.json")


def pull(images: Iterable[str], region: str) -> tuple[str, ...]:
    """The commands that pull images of Amazon ECR in a region.

    Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    """
    names = tuple(images)
    return (*_log_in(names, region), *(f"docker pull {posix(name)}" for name in names))


def push(images: Iterable[str], region: str) -> tuple[str, ...]:
    """The commands that push images to Amazon ECR in a region."""
    names = tuple(images)
    return (*_log_in(names, region), *(f"docker push {posix(name)}" for name in names))


def _log_in(images: Iterable[str], region: str) -> Iterator[str]:
    for host in dict.fromkeys(image.partition("/")[0] for image in images):
        password = f"aws ecr get-login-password --region {posix(region)}"
        yield f"{password} | docker login --username AWS --password-stdin {posix(host)}"


def list_roles_of(service: str) -> str:
    """The command that lists the roles whose trust policy names a service."""
    contains = f"contains(to_string(AssumeRolePolicyDocument), '{service}')"
    return f'aws iam list-roles --output table --query "Roles[?{contains}].Arn"'


LIST_ECS_ROLES = list_roles_of("ecs-tasks.amazonaws.com")


NEW_CREDSPEC = (
    "gmsa-doctor credspec --gmsa '<gMSA>' --domain '<AD domain>' --secret '<ARN of the secret>' --output credspec.json"
)
"""The command that writes a new CredSpec."""


def edit_credspec(location: CredSpecLocation, edit: str = '"${EDITOR:-vi}" credspec.json') -> tuple[str, ...]:
    """The commands that download the CredSpec, change it and upload it again; none for a file."""
    if location.bucket:
        name = posix(location.name)
        return (f"aws s3 cp {name} credspec.json", edit, f"aws s3 cp credspec.json {name}")
    if location.parameter:
        name = f"--name {posix(location.parameter)}"
        get = f"aws ssm get-parameter {name} --query Parameter.Value --output text > credspec.json"
        return (get, edit, f"aws ssm put-parameter {name} --type String --value file://credspec.json --overwrite")
    return ()
