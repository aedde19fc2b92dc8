"""From options, and from what an existing service answers, to complete answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.formats.documents import names
from gmsa_doctor.setup.answers import Answers

_USER_LIMIT = 20
"""Characters of a user's sAMAccountName (MS-SAMR 3.1.1.6)."""
_GMSA_LIMIT = 15
"""Characters of a new gMSA's name without ``$``.

Source: https://github.com/dsccommunity/ActiveDirectoryDsc/wiki/ADManagedServiceAccount
"""
_OWN = {
    "the service's CredSpec, or its ARN, names": ("gmsa", "domain", "bucket", "key", "secret"),
    "the service, or its task definition, has": (
        "family",
        "execution_role",
        "image",
        "log_group",
        "subnets",
        "security_groups",
    ),
    "the subnets are in": ("vpc",),
    "the AWS credentials are for": ("account",),
}
"""What exists already and is not changed by the plan, so that no option can name another."""
REQUIRED = {
    "gmsa": "the gMSA's name",
    "domain": "the DNS name of its AD domain",
    "cluster": "the ECS cluster",
    "service": "the ECS service",
    "image": "the container's image",
    "bucket": "the S3 bucket of the CredSpec",
    "subnets": "the task's subnets",
    "security_groups": "the task's security groups",
    "ad_dns": "the addresses of the AD's DNS servers",
    "region": "the AWS region",
    "account": "the AWS account",
    "vpc": "the VPC of the subnets",
}
"""What nothing else can stand in for."""


def answers_of(given: Mapping[str, Any], found: Mapping[str, Any]) -> Answers:
    """The answers: options, otherwise the service's own names, otherwise defaults. Raises UsageError."""
    known = {**found, **{name: value for name, value in given.items() if value}}
    _require_own(given, found)
    missing = [name for name in REQUIRED if not known.get(name)]
    if missing:
        texts = ", ".join(f"--{name.replace('_', '-')} ({REQUIRED[name]})" for name in missing)
        raise UsageError(f"required, since there is no service that answers it: {texts}")
    known = {**_defaults(known), **known}
    _require_names(known)
    if not found.get("gmsa") and len(known["gmsa"]) > _GMSA_LIMIT:
        raise UsageError(f"--gmsa {known['gmsa']}: the name of a gMSA has at most {_GMSA_LIMIT} characters")
    fields = {name: known[name] for name in Answers.__dataclass_fields__ if name in known}
    return Answers(**{**fields, "domain": str(known["domain"]).lower()})


def _require_own(given: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Raises UsageError for an option that contradicts what exists."""
    for reason, fields in _OWN.items():
        for name in fields:
            own, option = found.get(name), given.get(name)
            if option and own is not None and not _is_same(name, own, option):
                flag = f"--{name.replace('_', '-')}"
                raise UsageError(f"{flag} {_text(option)}: {reason} {_text(own) or 'none'}; drop {flag}")
    if given.get("public_address") and found.get("public_address") is False:
        raise UsageError("--assign-public-ip: the service assigns no public IP address; drop --assign-public-ip")


def _is_same(name: str, own: Any, option: Any) -> bool:
    if isinstance(own, tuple):
        return set(own) == set(option)
    return bool(own.lower() == option.lower() if name in ("gmsa", "domain") else own == option)


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else ",".join(value)


def _defaults(known: Mapping[str, Any]) -> dict[str, Any]:
    gmsa, service = known["gmsa"], known["service"]
    return {
        "user": f"svc-{gmsa}"[:_USER_LIMIT],
        "group": f"{gmsa}-readers",
        "container": service,
        "family": service,
        "execution_role": f"{service}-execution",
        "key": f"{gmsa}_CredSpec.json",
        "secret": f"gmsa/{gmsa}",
        "log_group": f"/ecs/{service}",
    }


def _require_names(known: Mapping[str, Any]) -> None:
    if names.account_name_defects(known["gmsa"]):
        name = names.bare_account_name(known["gmsa"])
        raise UsageError(f"--gmsa {known['gmsa']}: give the name without $ and without a domain, such as {name}")
    if defect := names.domain_name_defect(known["domain"], needs_dot=True):
        raise UsageError(f"--domain {known['domain']}: {defect}; give the DNS name of the AD domain")
    if names.user_name_form(known["user"]) is not names.UserNameForm.BARE or len(known["user"]) > _USER_LIMIT:
        raise UsageError(f"--user {known['user']}: give a sAMAccountName of at most {_USER_LIMIT} characters")
    if re.search(r'["/\\\[\]:;|=,+*?<>@\x00-\x1f]', known["group"]):
        raise UsageError(f"--group {known['group']}: no group has such a name; give its sAMAccountName")
    for name, pattern in _PATTERNS.items():
        known_as = known.get(name) or ()
        for value in known_as if isinstance(known_as, tuple) else (known_as,):
            if not re.fullmatch(pattern, value):
                raise UsageError(f"--{name.replace('_', '-')} {value}: AWS accepts no such name")


_NAME = r"[A-Za-z0-9_-]{1,255}"
_PATTERNS = {
    "cluster": _NAME,
    "service": _NAME,
    "family": _NAME,
    "container": _NAME,
    "image": r"[^\s\"'\\]{1,255}",
    "execution_role": r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    "bucket": r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    "key": r"[^\x00-\x1f#]{0,899}[^\x00-\x1f#/]",
    "secret": r"[A-Za-z0-9/_+=.@-]{1,512}",
    "log_group": r"[A-Za-z0-9_/.#-]{0,512}",
    "subnets": r"subnet-[0-9a-f]+",
    "security_groups": r"sg-[0-9a-f]+",
    "vpc": r"vpc-[0-9a-f]+",
    "account": r"[0-9]{12}",
    "region": r"[a-z]{2,}(-[a-z]+)+-[0-9]+",
    "resolver_endpoint": r"rslvr-out-[0-9a-z]+",
    "ad_security_group": r"sg-[0-9a-f]+",
}
"""What the names may hold. Sources: the API references of Amazon ECS, IAM, S3, Secrets Manager and CloudWatch Logs."""
