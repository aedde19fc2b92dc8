"""The policy of a resource (a bucket, a secret, a key), and its evaluation for a role's request.

Three answers: yes, no, and None if it depends on something unknown about the request, such as its VPC endpoint.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from operator import eq, ge, gt, le, lt
from typing import Any

from gmsa_doctor.formats.aws.arn import RoleArn

Answer = bool | None
_Judged = tuple[Answer, Mapping[str, Any]]
"""Whether a statement applies to the request, and the statement."""
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = {"*": "\ue000", "?": "\ue001", "$": "\ue002"}
"""Policy variables for literal characters, and their placeholders until the comparison."""


class PolicyError(ValueError):
    """A text is not a policy document."""


@dataclass(frozen=True)
class PolicyRequest:
    """A role's request.

    ``context`` is what is known of the request: condition keys in lower case, each with its possible values. A key that
    is not in it is unknown; the request may have it, unless it is in ``absent``.
    """

    role: RoleArn
    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]]
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Ruling:
    """The evaluation of a resource's policy for a request.

    ``allows``: the role itself is allowed; ``delegates``: its account is allowed, so the role's own policies must also
    allow it. ``open_to_all``: everyone is allowed. ``denied_by``: the Sid of the statement that denies, or may deny.
    ``deny_keys`` and ``allow_keys``: the condition keys on which a None depends. ``facts``: values of tested keys that
    were looked up; ``error``: why others are not known.
    """

    denies: Answer = False
    allows: Answer = False
    delegates: Answer = False
    open_to_all: bool = False
    denied_by: str = ""
    deny_keys: tuple[str, ...] = ()
    allow_keys: tuple[str, ...] = ()
    facts: str = ""
    error: str = ""


def rule(text: str | None, request: PolicyRequest) -> Ruling:
    """Evaluate a policy; None is no policy. Raises PolicyError."""
    denials, allows, delegates = list[_Judged](), list[_Judged](), list[_Judged]()
    for statement in statements(text):
        applies = _all(part(statement, request) for part in (_about_action, _about_resource, _conditions))
        role, account = _principal(statement, request.role)
        if statement.get("Effect") == "Deny":
            denials.append((_all((applies, _any((role, account)))), statement))
        elif statement.get("Effect") == "Allow":
            allows.append((_all((applies, role)), statement))
            delegates.append((_all((applies, account)), statement))
    denies = _any(answer for answer, _ in denials)
    sids = (str(statement.get("Sid", "")) for answer, statement in denials if answer is denies)
    return Ruling(
        denies=denies,
        allows=_any(answer for answer, _ in allows),
        delegates=_any(answer for answer, _ in delegates),
        open_to_all=any(
            answer is not False and "*" in _aws_entries(statement.get("Principal")) for answer, statement in allows
        ),
        denied_by="" if denies is False else next(sids),
        deny_keys=_keys(denials),
        allow_keys=_keys([*allows, *delegates]),
    )


def rule_identity(policies: Mapping[str, str], request: PolicyRequest) -> Ruling:
    """Evaluate the policies of a role, by name; ``denied_by`` is the name of one. Raises PolicyError."""
    denials, allows, names = list[_Judged](), list[_Judged](), list[str]()
    for name, text in policies.items():
        for statement in statements(text):
            applies = _all(part(statement, request) for part in (_about_action, _about_resource, _conditions))
            if statement.get("Effect") == "Deny":
                denials.append((applies, statement))
                names.append(name)
            elif statement.get("Effect") == "Allow":
                allows.append((applies, statement))
    denies = _any(answer for answer, _ in denials)
    by = (name for (answer, _), name in zip(denials, names, strict=True) if answer is denies)
    return Ruling(
        denies=denies,
        allows=_any(answer for answer, _ in allows),
        denied_by="" if denies is False else next(by),
        deny_keys=_keys(denials),
        allow_keys=_keys(allows),
    )


def statements(text: str | None) -> tuple[Mapping[str, Any], ...]:
    """The statements of a policy document. Raises PolicyError."""
    if text is None:
        return ()
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise PolicyError("it is not JSON") from error
    if not isinstance(document, dict) or "Statement" not in document:
        raise PolicyError("it has no Statement")
    found = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    if not all(isinstance(statement, dict) for statement in found):
        raise PolicyError("a Statement is not an object")
    conditions = [statement.get("Condition") or {} for statement in found]
    if not all(isinstance(keys, dict) and all(isinstance(key, dict) for key in keys.values()) for keys in conditions):
        raise PolicyError("a Condition is not an object of objects")
    return tuple(found)


def fits(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with ``*`` and ``?``, case-sensitively."""
    return _wildcards(pattern, text, {"?": "."})


def _wildcards(pattern: str, text: str, known: Mapping[str, str]) -> bool:
    """Whether a text matches a pattern with ``*``; ``known`` has the expressions for other special characters.

    Each part between two ``*`` matches at its first occurrence, without backtracking (an atomic group), so that many
    ``*`` do not take exponential time.
    """
    parts = ("".join(known.get(char, re.escape(char)) for char in part) for part in re.split(r"\*+", pattern))
    first, *rest = parts
    middle, last = rest[:-1], rest[-1:]
    expression = first + "".join(f"(?>.*?{part})" for part in middle) + "".join(f".*{part}" for part in last)
    return re.fullmatch(expression, text, re.DOTALL) is not None


# Three answers --------------------------------------------------------------------------------------


def _all(answers: Iterable[Answer]) -> Answer:
    found = list(answers)
    return False if False in found else None if None in found else True


def _any(answers: Iterable[Answer]) -> Answer:
    found = list(answers)
    return True if True in found else None if None in found else False


def _not(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _in_every_case(answers: Iterable[Answer]) -> Answer:
    """The answer, if it is the same for all possible values."""
    found = set(answers)
    return found.pop() if len(found) == 1 else None


# The parts of a statement ---------------------------------------------------------------------------


def _about_action(statement: Mapping[str, Any], request: PolicyRequest) -> Answer:
    wanted = request.action.lower()
    patterns = _texts(statement.get("NotAction", statement.get("Action", ())))
    named = any(fits(pattern.lower(), wanted) for pattern in patterns)
    return named is ("NotAction" not in statement)


def _about_resource(statement: Mapping[str, Any], request: PolicyRequest) -> Answer:
    """Some policies have no Resource: they apply to the resource that they are attached to."""
    if "Resource" not in statement and "NotResource" not in statement:
        return True
    patterns = _texts(statement.get("NotResource", statement.get("Resource", ())))
    named = _any(_in_every_case_of(pattern, request.resource, _fits_pattern, request) for pattern in patterns)
    return named if "NotResource" not in statement else _not(named)


def _principal(statement: Mapping[str, Any], role: RoleArn) -> tuple[Answer, Answer]:
    """Whether a statement applies to the role, and whether it applies to its account."""
    if "NotPrincipal" in statement:
        about_role, account = _named(statement["NotPrincipal"], role)
        # A role is only excluded if role, session and account are all listed; for a partial list the answer is unknown.
        listed = _any((about_role, account))
        return (True if listed is False else None), False
    return _named(statement.get("Principal"), role)


def _named(principal: Any, role: RoleArn) -> tuple[Answer, Answer]:
    entries = _aws_entries(principal)
    session = f"arn:{role.partition}:sts::{role.account}:assumed-role/{role.name}/"
    about_role = _any(
        True if entry in ("*", str(role)) else None if entry.startswith(session) else False for entry in entries
    )
    account = any(entry in (role.account, f"arn:{role.partition}:iam::{role.account}:root") for entry in entries)
    return about_role, account


def _aws_entries(principal: Any) -> list[str]:
    if principal == "*":
        return ["*"]
    return _texts(principal.get("AWS", ())) if isinstance(principal, dict) else []


# Conditions -----------------------------------------------------------------------------------------


def _conditions(statement: Mapping[str, Any], request: PolicyRequest) -> Answer:
    conditions = statement.get("Condition") or {}
    if not isinstance(conditions, dict):
        return None
    return _all(
        _condition(operator, key.lower(), _texts(values), request)
        for operator, keys in conditions.items()
        for key, values in (keys.items() if isinstance(keys, dict) else [("", ())])
    )


def _condition(operator: str, key: str, wanted: list[str], request: PolicyRequest) -> Answer:
    possible = request.context.get(key)
    name = operator.rpartition(":")[2].removesuffix("IfExists").lower()
    negated = "not" in name
    if possible is None:
        return _without_key(operator, wanted, negated=negated) if key in request.absent else None
    if name == "null":
        return "false" in map(str.lower, wanted)
    compare = _COMPARE.get(name.replace("not", "", 1) if negated else name)
    if compare is None:
        return None
    answers = [_any(_in_every_case_of(pattern, value, compare, request) for pattern in wanted) for value in possible]
    answer = _in_every_case(answers)
    return _not(answer) if negated else answer


def _without_key(operator: str, wanted: list[str], *, negated: bool) -> bool:
    """Whether a condition holds for a request that lacks its key.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    if operator.lower() == "null":
        return "true" in map(str.lower, wanted)
    if operator.lower().startswith("foranyvalue:"):
        return False
    return negated or operator.endswith("IfExists") or operator.lower().startswith("forallvalues:")


def _in_every_case_of(
    pattern: str, found: str, compare: Callable[[str, str], Answer], request: PolicyRequest
) -> Answer:
    """Compare with the pattern after its variables are replaced, for each of their possible values."""
    patterns = [pattern]
    for name in dict.fromkeys(_VARIABLE.findall(pattern)):
        key = name.partition(",")[0].strip().lower()
        values = (_LITERAL[name],) if name in _LITERAL else request.context.get(key)
        if values is None:
            return None
        patterns = [text.replace(f"${{{name}}}", value) for text in patterns for value in values]
    return _in_every_case(compare(text, found) for text in patterns)


def _fits_pattern(pattern: str, text: str) -> bool:
    """As :func:`fits`; placeholders of literal characters are not wildcards."""
    as_itself = {mark: re.escape(char) for char, mark in _LITERAL.items()}
    return _wildcards(pattern, text, {"?": ".", **as_itself})


def _plain(text: str) -> str:
    for char, mark in _LITERAL.items():
        text = text.replace(mark, char)
    return text


def _same_arn(pattern: str, text: str) -> bool:
    """Compare each of the six parts separately: a wildcard does not match across the first five colons."""
    parts, found = pattern.split(":", 5), text.split(":", 5)
    return len(parts) == len(found) and all(map(_fits_pattern, parts, found))


def _in_network(network: str, found: str) -> Answer:
    try:
        return ip_address(found) in ip_network(network, strict=False)
    except ValueError:
        return None


def _ordered(compare: Callable[[float, float], bool]) -> Callable[[str, str], Answer]:
    """Compare numbers, or dates in ISO 8601 or seconds since 1970."""

    def ordered(wanted: str, found: str) -> Answer:
        try:
            return compare(_number(found), _number(wanted))
        except ValueError:
            return None

    return ordered


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_ORDERS = {"lessthan": lt, "lessthanequals": le, "greaterthan": gt, "greaterthanequals": ge, "equals": eq}
_COMPARE: dict[str, Callable[[str, str], Answer]] = {
    "stringequals": lambda wanted, found: _plain(wanted) == found,
    "stringequalsignorecase": lambda wanted, found: _plain(wanted).lower() == found.lower(),
    "stringlike": _fits_pattern,
    "arnequals": _same_arn,
    "arnlike": _same_arn,
    "bool": lambda wanted, found: wanted.lower() == found.lower(),
    "ipaddress": _in_network,
    **{f"{kind}{name}": _ordered(order) for kind in ("numeric", "date") for name, order in _ORDERS.items()},
}


def _keys(answers: Iterable[tuple[Answer, Mapping[str, Any]]]) -> tuple[str, ...]:
    """The condition keys of the undecided statements; Principal or NotPrincipal for those without conditions."""
    found: list[str] = []
    for answer, statement in answers:
        if answer is None:
            conditions = statement.get("Condition") or {}
            keys = [key for part in conditions.values() if isinstance(part, dict) for key in part]
            found += keys or (["NotPrincipal"] if "NotPrincipal" in statement else ["Principal"])
    return tuple(dict.fromkeys(found))


def _texts(value: Any) -> list[str]:
    """A value or a list of values; policies may have true and 1.2 without quotes."""
    values = value if isinstance(value, list | tuple) else [value]
    scalars = (item for item in values if isinstance(item, str | bool | int | float))
    return [str(scalar).lower() if isinstance(scalar, bool) else str(scalar) for scalar in scalars]
