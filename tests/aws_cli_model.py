"""Whether commands of the AWS CLI are operations of AWS's API, with options that exist."""

import re
import shlex
from collections.abc import Iterable

import botocore.session
from botocore import xform_name

SESSION = botocore.session.get_session()
GLOBAL = {"region", "query", "output", "cli-input-json", "no-cli-pager"}
API_OF = {"s3api": "s3", "deploy": "codedeploy"}
CUSTOM = {"s3"}
"""Services of the AWS CLI that are not an API."""


def calls_in(commands: Iterable[str]) -> list[list[str]]:
    """Give the words of each call of the AWS CLI, in pipes and substitutions as well."""
    calls = []
    for command in commands:
        for part in re.split(r"\$\(|\s\|\s|\s&&\s", command):
            if part.startswith("aws "):
                lexer = shlex.shlex(part.split(" > ")[0].rstrip(")"), posix=True, punctuation_chars=False)
                lexer.whitespace_split = True
                calls.append(list(lexer))
    return calls


def require_known(call: list[str]) -> None:
    """Fail unless it is an operation, with options that exist, and all that it requires."""
    _, service, operation, *words = call
    if service in CUSTOM or operation in ("wait", "deploy", "get-login-password"):
        return
    model = SESSION.get_service_model(API_OF.get(service, service))
    names = {xform_name(name, "-"): name for name in model.operation_names}
    assert operation in names, f"{service} {operation}"
    shape = model.operation_model(names[operation]).input_shape
    assert shape
    members = {xform_name(name, "-"): name for name in shape.members}
    booleans = {f"no-{name}" for name, member in shape.members.items() if member.type_name == "boolean"}
    options = {word[2:].partition("=")[0] for word in words if word.startswith("--")} - GLOBAL
    unknown = {name for name in options if name not in members} - {xform_name(name, "-") for name in booleans}
    assert unknown <= _own_options(service, operation), f"{service} {operation}: {unknown}"
    if not any(word.startswith("--cli-input-json") for word in words):
        assert {xform_name(name, "-") for name in shape.required_members} <= options | _implied(service)


def names_its_region(call: list[str]) -> bool:
    """Return whether the call names a region exactly if the service has regions."""
    _, service, _, *words = call
    return ("--region" in words) is (service not in ("iam", "organizations", "sso"))


def _own_options(service: str, operation: str) -> set[str]:
    """Give the options that the AWS CLI adds to the API's, as far as fixes use them."""
    if (service, operation) in (
        ("ec2", "authorize-security-group-egress"),
        ("ec2", "authorize-security-group-ingress"),
    ):
        return {"protocol", "port", "cidr", "source-group"}
    if service == "ec2" and operation in ("create-network-acl-entry", "replace-network-acl-entry"):
        return {"ingress", "egress"}
    return {"outfile"} if (service, operation) == ("s3api", "get-object") else set()


def _implied(service: str) -> set[str]:
    """Give the members with a default in the AWS CLI: `--ingress` stands for `egress` as well."""
    return {"protocol", "egress"} if service == "ec2" else set()
