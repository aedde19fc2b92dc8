"""Whether a role's trust policy allows a service to assume it. A condition that cannot be evaluated here gives None.

Sources: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html,
https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html,
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/CWE_IAM_role.html and
https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.formats.aws.commands import ECS_TASKS
from gmsa_doctor.formats.aws.iam_policy_document import fits, statements

_ACTION = "sts:assumerole"
_COMPARING = re.compile(r"(StringEquals|StringLike|ArnEquals|ArnLike)(IfExists)?")
_WILDCARD = re.compile(r"[*?]")
"""A character that `StringEquals` takes as it is, so that the comparison is never true.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""
_ONE_CLUSTER = re.compile(r"cluster/[\w-]+", re.ASCII)
_BY_A_SERVICE = "aws:principalisawsservice"
"""True for a service. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""


@dataclass(frozen=True)
class TrustSource:
    """Where a service assumes the role; ``region`` is None if it is unknown.

    ``arn``: the value of `aws:SourceArn` as documented; None for ECS, where it is not.
    """

    partition: str
    account: str
    region: str | None
    service: str = ECS_TASKS
    arn: str | None = None

    def is_principal(self, name: str) -> bool:
        """Whether a principal is the service, also by the name that it has in a region (`states.us-east-1.…`)."""
        own = self.service.removesuffix(".amazonaws.com")
        return re.fullmatch(rf"{re.escape(own)}(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", name, re.ASCII) is not None


@dataclass(frozen=True)
class RoleTrust:
    """Whether the service may assume the role: True, False, or None if it depends on ``conditions``.

    ``services`` are the principals that the policy names; ``denied``: a statement denies it.
    """

    allows: bool | None
    services: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    denied: bool = False

    @property
    def reason(self) -> str:
        """Why it does not allow it."""
        if self.denied:
            return "a statement denies it"
        if self.conditions:
            return f"the condition on {', '.join(self.conditions)} in its trust policy is not true here"
        return f"its trust policy names {', '.join(self.services) or 'no service'}"


def read_trust(text: str, source: TrustSource) -> RoleTrust:
    """Evaluate a trust policy. Raises ValueError if the text is not one."""
    found = statements(text)
    services = tuple(dict.fromkeys(name for statement in found for name in _services(statement)))
    applying = [
        (statement.get("Effect"), statement.get("Condition") or {})
        for statement in found
        if _is_about(statement, source)
    ]
    answers = [(effect, _holds(condition, source)) for effect, condition in applying]
    conditions = tuple(dict.fromkeys(key for _, condition in applying for keys in condition.values() for key in keys))
    if ("Deny", True) in answers:
        return RoleTrust(False, services, denied=True)
    if ("Allow", True) in answers and ("Deny", None) not in answers:
        return RoleTrust(True, services)
    is_open = ("Allow", None) in answers or ("Allow", True) in answers
    return RoleTrust(None if is_open else False, services, conditions)


def _is_about(statement: Mapping[str, Any], source: TrustSource) -> bool:
    """Whether the statement applies to the service and to sts:AssumeRole."""
    if "NotPrincipal" in statement or "Principal" not in statement:
        return False
    principal_matches = statement["Principal"] == "*" or any(
        name == "*" or source.is_principal(name) for name in _services(statement)
    )
    actions = _texts(statement.get("NotAction", statement.get("Action", ())))
    return principal_matches and any(matches(action, _ACTION) for action in actions) is ("NotAction" not in statement)


def _services(statement: Mapping[str, Any]) -> tuple[str, ...]:
    principal = statement.get("Principal")
    return tuple(_texts(principal.get("Service", ()))) if isinstance(principal, dict) else ()


def _holds(condition: Mapping[str, Mapping[str, Any]], source: TrustSource) -> bool | None:
    """Whether all keys hold: False if one does not, otherwise None if one cannot be evaluated."""
    answers = [
        _key_holds(operator, key.lower(), values, source)
        for operator, keys in condition.items()
        for key, values in keys.items()
    ]
    return False if False in answers else None if None in answers else True


def _key_holds(operator: str, key: str, values: Any, source: TrustSource) -> bool | None:
    if operator in ("Bool", "BoolIfExists") and key == _BY_A_SERVICE:
        return any(str(value).lower() == "true" for value in _many(values))
    if not _COMPARING.fullmatch(operator):
        return None
    patterns = [text for text in _texts(values) if not (operator.startswith("StringEquals") and _WILDCARD.search(text))]
    if key == "aws:sourceaccount":
        return any(matches(pattern, source.account) for pattern in patterns)
    if key == "aws:sourcearn":
        holds = _is_source if source.arn else _of_ecs_here
        answers = [holds(pattern, source) for pattern in patterns]
        return True if True in answers else None if None in answers else False
    return None


def _of_ecs_here(pattern: str, source: TrustSource) -> bool | None:
    """A pattern for one cluster is never true; for others, the exact ARN that ECS passes is not documented.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    if pattern == "*":
        return True
    parts = pattern.split(":", 5)
    wanted = ("arn", source.partition, "ecs", source.region or "", source.account)
    if not all(matches(part, text) for part, text in zip(parts, wanted, strict=False) if text):
        return False
    if _ONE_CLUSTER.fullmatch(parts[-1]):
        return False
    return True if len(parts) == 6 and parts[5] == "*" and source.region else None


def _is_source(pattern: str, source: TrustSource) -> bool | None:
    """Whether a pattern fits the source's ARN. Of EventBridge Scheduler that is the schedule's group.

    For others, what follows the account may differ from the ARN that is known.
    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
    """
    arn = str(source.arn)
    if matches(pattern, arn):
        return True
    parts = zip(pattern.split(":", 5)[:5], arn.split(":", 5)[:5], strict=False)
    is_here = "*" in pattern.partition(":")[0] or all(matches(part, text) for part, text in parts)
    return None if is_here and ":scheduler:" not in arn else False


def matches(pattern: str, text: str) -> bool:
    """Whether a text matches an IAM pattern, regardless of case."""
    return fits(pattern.lower(), text.lower())


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _texts(value: Any) -> list[str]:
    return [text for text in _many(value) if isinstance(text, str)]
