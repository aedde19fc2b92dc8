"""IAM's SimulatePrincipalPolicy, which moto lacks: evaluates the policies of a role in moto.

As AWS does it: a Deny wins; without an Allow, or where the permissions boundary or the organization's policy holds
none, it is an implicit deny; a condition on a key that the call does not have is not met (but with `...IfExists`, a
negated operator or `Null`), and the key is missing.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and, for conditions,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from tests.lab.aws_errors import Refused
from tests.lab.aws_requests import Request

Statement = Mapping[str, Any]
Context = Mapping[str, list[str]]
_XMLNS = "https://iam.amazonaws.com/doc/2010-05-08/"


@dataclass
class _Question:
    action: str
    resource: str
    context: Context
    missing: list[str] = field(default_factory=list)


def answer(request: Request, organization: Iterable[Statement] | None, *, all_keys: bool = False) -> bytes | None:
    """Give the XML of the answer, or None for what moto is to answer. Raises Refused.

    `organization` are the statements of the organization's policy (SCP), if there is one. `all_keys`: as AWS does it,
    keys are missing that statements about other actions ask for, too. Source: https://github.com/boto/boto3/issues/3111
    """
    if (request.service, request.operation) != ("iam", "SimulatePrincipalPolicy"):
        return None
    given = parse_qs(request.body.decode(), keep_blank_values=True)
    role = _role(given["PolicySourceArn"][0])
    identity, boundary = _policies(role)
    context = {
        _one(given, f"{prefix}.ContextKeyName").lower(): _members(given, f"{prefix}.ContextKeyValues")
        for prefix in _prefixes(given, "ContextEntries")
    }
    asked_for = _keys([one for each in (*identity.values(), boundary or ()) for one in each]) if all_keys else []
    others = [key for key in asked_for if key.lower() not in context]
    results = [
        _result(_Question(action, resource, context, list(others)), identity, boundary, organization)
        for action in _members(given, "ActionNames")
        for resource in _members(given, "ResourceArns") or ["*"]
    ]
    content = f"<IsTruncated>false</IsTruncated>{_list('EvaluationResults', results)}"
    name = "SimulatePrincipalPolicy"
    text = f'<{name}Response xmlns="{_XMLNS}"><{name}Result>{content}</{name}Result></{name}Response>'
    return text.encode()


def _keys(statements: Iterable[Statement]) -> list[str]:
    conditions = (keys for one in statements for keys in one.get("Condition", {}).values())
    return list(dict.fromkeys(key for keys in conditions for key in keys))


def allowed(statements: Iterable[Statement], action: str, resource: str | None, context: Context) -> bool:
    """Return whether the statements of a policy allow an action; None for the resource: on any."""
    found = set()
    for one in statements:
        question = _Question(action, resource or "", context)
        fits = _matches(one, question) if resource is not None else _named(one, "Action", action.lower(), str.lower)
        found |= {one["Effect"]} if fits else set()
    return found == {"Allow"}


def _role(arn: str) -> Any:
    from moto.iam.models import iam_backends

    _, partition, _, _, account, resource = arn.split(":", 5)
    name = resource.rpartition("/")[2]
    found = [one for one in iam_backends[account][partition].roles.values() if one.name == name]
    if not found:
        raise Refused("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    return found[0]


def _policies(role: Any) -> tuple[dict[str, list[Statement]], list[Statement] | None]:
    """Give the statements of a role's policies by their names, and those of its boundary."""
    from moto.iam.models import iam_backends

    identity = {name: _statements(document) for name, document in role.policies.items()}
    identity |= {one.name: _managed(one) for one in role.managed_policies.values()}
    if not role.permissions_boundary_arn:
        return identity, None
    _, partition, _, _, account, _ = role.permissions_boundary_arn.split(":", 5)
    return identity, _managed(iam_backends[account][partition].managed_policies[role.permissions_boundary_arn])


def _managed(policy: Any) -> list[Statement]:
    return next(_statements(one.document) for one in policy.versions if one.is_default_version)


def _statements(document: str | Mapping[str, Any]) -> list[Statement]:
    parsed = json.loads(document) if isinstance(document, str) else document
    return _many(parsed["Statement"])


def _result(
    question: _Question,
    identity: Mapping[str, list[Statement]],
    boundary: list[Statement] | None,
    organization: Iterable[Statement] | None,
) -> str:
    effects = {(name, one["Effect"]) for name, all_ in identity.items() for one in all_ if _matches(one, question)}
    of_scp = replace(question, missing=[])  # the keys of SCPs are not reported
    layers = [
        (tag, inner, {one["Effect"] for one in statements if _matches(one, asked)})
        for tag, inner, statements, asked in (
            ("PermissionsBoundaryDecisionDetail", "AllowedByPermissionsBoundary", boundary, question),
            ("OrganizationsDecisionDetail", "AllowedByOrganizations", organization, of_scp),
        )
        if statements is not None
    ]
    seen = {effect for _, effect in effects}
    decision = "allowed" if "Allow" in seen and all("Allow" in found for _, _, found in layers) else "implicitDeny"
    if "Deny" in seen or any("Deny" in found for _, _, found in layers):
        decision = "explicitDeny"
    decisive = "Deny" if decision == "explicitDeny" else "Allow"
    names = sorted(name for name, effect in effects if effect == decisive)
    details = [f"<{tag}>{_text(inner, str(found == {'Allow'}).lower())}</{tag}>" for tag, inner, found in layers]
    return "".join(
        (
            _text("EvalActionName", question.action),
            _text("EvalResourceName", question.resource),
            _text("EvalDecision", decision),
            _list("MatchedStatements", [_text("SourcePolicyId", name) for name in names]),
            _list("MissingContextValues", [escape(one) for one in dict.fromkeys(question.missing)]),
            *details,
        )
    )


def _matches(statement: Statement, question: _Question) -> bool:
    return (
        _named(statement, "Action", question.action.lower(), str.lower)
        and _named(statement, "Resource", question.resource, str)
        and all(
            _holds(operator, key, _many(values), question)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _named(statement: Statement, key: str, text: str, form: Callable[[str], str]) -> bool:
    if f"Not{key}" in statement:
        return not any(_fits(form(one), text) for one in _many(statement[f"Not{key}"]))
    return any(_fits(form(one), text) for one in _many(statement[key]))


_COMPARE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringLike": lambda wanted, found: _fits(wanted, found),
    "ArnEquals": lambda wanted, found: _fits(wanted, found),
    "ArnLike": lambda wanted, found: _fits(wanted, found),
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "IpAddress": lambda wanted, found: ip_address(found) in ip_network(wanted),
    "DateLessThan": lambda wanted, found: found < wanted,
    "DateGreaterThan": lambda wanted, found: found > wanted,
}


def _holds(operator: str, key: str, values: list[Any], question: _Question) -> bool:
    bare = operator.removesuffix("IfExists")
    found = question.context.get(key.lower())
    if found is None:
        question.missing.append(key)
    if bare == "Null":
        return str(found is None).lower() in [str(one).lower() for one in values]
    if found is None:
        return bare != operator or "Not" in bare
    compare = _COMPARE[bare.replace("Not", "", 1)]
    wanted = [_filled_in(str(one), question) for one in values]
    return any(compare(text, one) for text in wanted if text is not None for one in found) is not ("Not" in bare)


def _filled_in(text: str, question: _Question) -> str | None:
    """Put in what policy variables stand for; None where that is not known."""
    for name in re.findall(r"\$\{([^}]+)\}", text):
        known = question.context.get(name.lower())
        if known is None:
            question.missing.append(name)
            return None
        text = text.replace(f"${{{name}}}", known[0])
    return text


def _fits(pattern: str, text: str) -> bool:
    expression = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _prefixes(given: Mapping[str, list[str]], name: str) -> list[str]:
    numbers = {int(key.split(".")[2]) for key in given if key.startswith(f"{name}.member.")}
    return [f"{name}.member.{number}" for number in sorted(numbers)]


def _members(given: Mapping[str, list[str]], name: str) -> list[str]:
    start = f"{name}.member."
    keys = [key for key in given if key.startswith(start) and key.removeprefix(start).isdigit()]
    return [given[key][0] for key in sorted(keys, key=lambda key: int(key.removeprefix(start)))]


def _one(given: Mapping[str, list[str]], name: str) -> str:
    return given[name][0]


def _text(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>"


def _list(tag: str, items: Iterable[str]) -> str:
    return f"<{tag}>{''.join(f'<member>{one}</member>' for one in items)}</{tag}>"
