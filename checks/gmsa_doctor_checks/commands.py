"""Quotes names in the commands of a fix, so that a pasted command names exactly the thing and does nothing else.

Names come from AWS, AD, DNS and files. `<placeholders>` are quoted too: a shell would treat them as redirections.
"""

from __future__ import annotations

import re
import shlex

from gmsa_doctor.given.shared_values import CredSpecLocation

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./\\:-]*")
"""What PowerShell reads as one string without quotes; a leading digit could make it a number, a dash an option."""

_SINGLE_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")
"""All of these end a single-quoted PowerShell string, unless doubled. Source: about_Quoting_Rules and, for the
typographic ones, EscapeSingleQuotedStringContent in System.Management.Automation.Language.CodeGeneration."""


STOP_SERVICE = "aws ecs update-service --cluster '<cluster>' --service '<service>' --desired-count 0"
"""Stops a service that ECS would otherwise start again and again, each time with a logon."""


def posix(text: str) -> str:
    """``text`` as one word of a POSIX shell command (aws, dig, jq, nc, gmsa-doctor)."""
    return shlex.quote(text)


def powershell(text: str) -> str:
    """``text`` as one argument of a PowerShell command, in which ``$`` and backticks have no effect."""
    if _PLAIN.fullmatch(text):
        return text
    return "'" + _SINGLE_QUOTES.sub(r"\g<0>\g<0>", text) + "'"


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


LIST_ECS_ROLES = (
    'aws iam list-roles --output table --query "Roles[?contains(to_string(AssumeRolePolicyDocument), '
    "'ecs-tasks.amazonaws.com')].Arn\""
)
"""The command that lists the roles whose trust policy names ECS tasks."""


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
