"""Whether a role's trust policy lets ECS tasks assume it. Pure; a condition that cannot be judged here gives None.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

ECS_TASKS = "ecs-tasks.amazonaws.com"
_NAMES = (ECS_TASKS, f"{ECS_TASKS}.cn")
_ACTION = "sts:assumerole"
_COMPARING = re.compile(r"(StringEquals|StringLike|ArnEquals|ArnLike)(IfExists)?")
_BY_A_SERVICE = "aws:principalisawsservice"
"""True for ECS. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""


@dataclass(frozen=True)
class TrustSource:
    """Where ECS assumes the role for a task; ``region`` is None where it is not known."""

    partition: str
    account: str
    region: str | None


@dataclass(frozen=True)
class RoleTrust:
    """What the policy says to ECS: True, False, or None where it depends on ``conditions``.

    ``services`` are those that it names; ``denied``: a statement denies it.
    """

    allows: bool | None
    services: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    denied: bool = False


def read_trust(text: str, source: TrustSource) -> RoleTrust:
    """Judge a trust policy. Raises ValueError for what is none."""
    document = json.loads(text)
    if not isinstance(document, dict) or "Statement" not in document:
        raise ValueError("there is no Statement in it")
    statements = _many(document["Statement"])
    if not all(isinstance(one, dict) for one in statements):
        raise ValueError("a Statement is not an object")
    about_us = [one for one in statements if _about_ecs(one)]
    answers = [(one.get("Effect"), _condition(one.get("Condition") or {}, source)) for one in about_us]
    services = tuple(dict.fromkeys(name for one in statements for name in _services(one)))
    conditions = tuple(
        dict.fromkeys(key for one in about_us for keys in (one.get("Condition") or {}).values() for key in _keys(keys))
    )
    if ("Deny", True) in answers:
        return RoleTrust(False, services, denied=True)
    if ("Allow", True) in answers and ("Deny", None) not in answers:
        return RoleTrust(True, services)
    if ("Allow", None) in answers or ("Allow", True) in answers:
        return RoleTrust(None, services, conditions)
    return RoleTrust(False, services, conditions)


def _about_ecs(statement: Mapping[str, Any]) -> bool:
    if "NotPrincipal" in statement or "Principal" not in statement:
        return False
    everybody = statement["Principal"] == "*"
    return (everybody or any(name in (*_NAMES, "*") for name in _services(statement))) and _about_assuming(statement)


def _about_assuming(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement:
        return not any(matches(one, _ACTION) for one in _texts(statement["NotAction"]))
    return any(matches(one, _ACTION) for one in _texts(statement.get("Action", ())))


def _services(statement: Mapping[str, Any]) -> tuple[str, ...]:
    principal = statement.get("Principal")
    return tuple(_texts(principal.get("Service", ()))) if isinstance(principal, dict) else ()


def _condition(condition: Any, source: TrustSource) -> bool | None:
    """All of them must hold: one that does not decides, then one that cannot be judged."""
    answers: list[bool | None] = []
    for operator, keys in condition.items() if isinstance(condition, dict) else [("", {})]:
        if operator in ("Bool", "BoolIfExists") and isinstance(keys, dict):
            answers += [_is_true(values) if key.lower() == _BY_A_SERVICE else None for key, values in keys.items()]
            continue
        judged = _COMPARING.fullmatch(operator) is not None and isinstance(keys, dict)
        answers += [_compared(key, _texts(values), source) for key, values in keys.items()] if judged else [None]
    return False if False in answers else None if None in answers else True


def _is_true(values: Any) -> bool:
    return any(str(one).lower() == "true" for one in _many(values))


def _compared(key: str, values: Iterable[str], source: TrustSource) -> bool | None:
    if key.lower() == "aws:sourceaccount":
        return any(matches(one, source.account) for one in values)
    if key.lower() == "aws:sourcearn":
        answers = [_of_ecs_here(one, source) for one in values]
        return True if True in answers else None if None in answers else False
    return None


def _of_ecs_here(pattern: str, source: TrustSource) -> bool | None:
    """AWS's pages say to end it in a wildcard: what precisely ECS names there is not documented."""
    if pattern == "*":
        return True
    parts = pattern.split(":", 5)
    wanted = ("arn", source.partition, "ecs", source.region or "", source.account)
    known = [(part, one) for part, one in zip(parts, wanted, strict=False) if one]
    if not all(matches(part, one) for part, one in known):
        return False
    return True if len(parts) == 6 and parts[5] == "*" and source.region else None


def matches(pattern: str, text: str) -> bool:
    """Whether a text fits a pattern of IAM's, without case."""
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.IGNORECASE | re.DOTALL) is not None


def _keys(keys: Any) -> Iterable[str]:
    return keys if isinstance(keys, dict) else ()


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _texts(value: Any) -> list[str]:
    return [one for one in (list(value) if isinstance(value, list | tuple) else [value]) if isinstance(one, str)]
