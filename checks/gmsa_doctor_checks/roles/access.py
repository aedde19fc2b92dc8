"""What the role's own policies (simulated) and the policy of the resource (read) make of an access question.

Within one account either of the two may allow it, between two accounts both have to; a denial by any of them decides.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Status, failed, passed, skipped, unknown, warned
from gmsa_doctor.clients.aws.iam import SimulatedDecision
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.iam_policy_document import Ruling
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.request_context import has_not
from gmsa_doctor_checks.roles.simulation import AccessQuestion, Decisions, ResourcePolicy


def judge(
    question: AccessQuestion, decisions: Decisions, policy: ResourcePolicy, *, policy_required: bool = False
) -> Finding:
    """The finding about a resource that either the role's policies or its own may allow.

    ``policy_required``: of a KMS key, which nobody may use whom its own policy does not allow it, or to whose account.
    Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
    """
    decision = _settled(question, decisions, policy)
    if isinstance(decision, Finding):
        return decision
    allowed = decision.decision == "allowed"
    if question.foreign:
        return _by_both(question, policy) if allowed else _not_allowed(question, decision, policy)
    if policy is None:
        return passed(_allowed(question)) if allowed else _not_allowed(question, decision, policy)
    if isinstance(policy, ClientError):
        name = question.policy_name
        if policy_required:
            gap = f"whether {name} allows {question.action} to {question.role.name} is not known"
        elif allowed:
            gap = f"{_allowed(question)} by its own policies, but {name} may deny it"
        else:
            gap = f"{_reason(question, decision)}, and whether {name} does is not known"
        return replace(policy.finding(), summary=f"{gap}: {policy.text}")
    return _by_either(question, decision, policy, policy_required)


def _by_either(question: AccessQuestion, decision: SimulatedDecision, policy: Ruling, policy_required: bool) -> Finding:
    """The finding about a resource of the role's account, whose policy could be read."""
    name, action, role = question.policy_name, question.action, question.role
    allowed = decision.decision == "allowed"
    if decision.boundary is False:  # it limits what a policy allows to the role, but not what it allows to everybody
        if policy.allows is False or policy_required or not policy.open_to_all:
            return _not_allowed(question, decision, policy)
        reason = _reason(question, decision)
        text = f"{reason}; {name} allows it to everybody, and which of them counts is not certain"
        return unknown(text, fix=_look(question))
    if allowed and not policy_required:
        return _unless_denied(question, policy, _allowed(question))
    if policy.allows or (allowed and policy.delegates):
        by = "" if allowed else f", by {name}"
        with_key = f"{action} with the key of {question.resource_name} is allowed to {role.name}{by}"
        by_policy = f"{name} allows {action} on {question.resource} to {role.name}"
        return _unless_denied(question, policy, with_key if policy_required else by_policy)
    if policy.allows is None or (allowed and policy.delegates is None):
        return _depends(question, policy)
    if not allowed:
        return _not_allowed(question, decision, policy)
    return _failure(
        question,
        f"{name} allows {action} neither to the role nor to its account",
        observed=f"{action} allowed by the role's policies, not by {name}",
        expected=f"a statement that allows {action} to {role}",
        fix=_policy_fix(question, f"Add a statement to {name} that allows {action} to {role}."),
    )


def _settled(question: AccessQuestion, decisions: Decisions, policy: ResourcePolicy) -> Finding | SimulatedDecision:
    """The finding where the other policy does not count any more; else what the role's own policies say."""
    role, action = question.role.name, question.action
    if isinstance(policy, Ruling) and policy.denies:
        name = question.policy_name
        return _failure(
            question,
            f"{name} denies {action}{_sid(policy)}",
            observed=f"a Deny in {name}{_sid(policy)}",
            expected=f"no Deny of {action} for {question.role}",
            fix=_policy_fix(question, f"Except {question.role} from the Deny in {name}, or take it out."),
        )
    asked = (action, question.resource)
    decision = next((decision for decision in decisions if (decision.action, decision.resource) == asked), None)
    if decision is None:
        return unknown(f"IAM's answer says nothing about {action} on {question.resource}", fix=_look(question))
    missing = [key for key in decision.missing if not has_not(key, action, question.context)]
    if missing:
        return unknown(
            f"whether {role} may {action} depends on what the simulation cannot know: {', '.join(missing)}",
            observed=f"{decision.decision} without {', '.join(missing)}",
            fix=_look(question, missing),
        )
    if decision.organizations is False:  # it denies, too, what an SCP allows on a condition, such as on the region
        # Source: https://github.com/aws/aws-sdk/issues/102
        return warned(
            f"a policy of the organization (SCP) does not allow {action} on {question.resource} to {role}, "
            "says IAM's simulation, which cannot judge SCPs with conditions",
            observed=f"{decision.decision} of {action}, AllowedByOrganizations: false",
            expected=f"{action} allowed by the organization's policies",
            fix=Fix(
                "Ask who manages the organization whether its SCPs allow that to the role, or let gmsa-doctor run try "
                "it with the role's own permissions.",
                (_simulate_command(question),),
            ),
        )
    if decision.decision == "explicitDeny":
        return _not_allowed(question, decision, policy)
    return decision


def _allowed(question: AccessQuestion) -> str:
    return f"{question.action} on {question.resource} is allowed to {question.role.name}"


def _by_both(question: AccessQuestion, policy: ResourcePolicy) -> Finding:
    """The role's own policies allow it; the resource is another account's, whose policy has to allow it too."""
    name, allowed = question.policy_name, _allowed(question)
    if isinstance(policy, ClientError):
        return skipped(
            f"{allowed} by its own policies; {name}, which has to allow it as well, is another account's: "
            f"{policy.text}",
            fix=Fix("Ask the owner of that account, or let gmsa-doctor run try it with the role's own permissions."),
        )
    if policy is None or policy.allows or policy.delegates:
        return _unless_denied(question, policy, f"{allowed}, by {name} of the other account too")
    if policy.allows is None or policy.delegates is None:
        return _depends(question, policy)
    return _failure(
        question,
        f"it is another account's, and {name} does not allow {question.action} to the role or its account",
        observed=f"allowed by the role's policies, not by {name}",
        expected=f"{question.action} allowed by both",
        fix=_policy_fix(question, f"Let the other account allow {question.action} to {question.role} in {name}."),
    )


def _unless_denied(question: AccessQuestion, policy: Ruling | None, allowed: str) -> Finding:
    """A pass; a warning where the resource's policy may deny it."""
    if policy is None or policy.denies is not None:
        return passed(allowed)
    keys = ", ".join(policy.deny_keys)
    hints = _hints(policy.deny_keys) or "they are the role's requests, of the task's network"
    name = f"{question.policy_name} denies {question.action}{_sid(policy)}"
    return warned(
        f"{name} on a condition that cannot be judged here: {keys}",
        observed=f"a Deny on {keys}",
        expected="a condition that is not true for the task's requests",
        fix=_policy_fix(question, f"Look whether the task's requests fall under that Deny: {hints}."),
    )


_OF_THE_BUCKET = "the bucket must be of that account, which S3 tells who may list it (s3:ListBucket)"
_HINTS = {
    "aws:sourcevpce": "they come through the VPC endpoint that the route table or the private DNS of the task's "
    "subnets leads to",
    "aws:sourcevpc": "they come from the task's VPC, if it has an endpoint for the service",
    "aws:vpcsourceip": "they come from the task's address, if its VPC has an endpoint for the service",
    "aws:sourceip": "they come from the NAT gateway's or the task's public address; through a VPC endpoint this "
    "key is not set",
    "aws:principalorgid": "the role's account must be in that organization",
    "aws:principalorgpaths": "the role's account must be in that part of the organization",
    "aws:resourceorgid": "the resource's account must be in that organization",
    "aws:resourceorgpaths": "the resource's account must be in that part of the organization",
    "aws:resourceaccount": _OF_THE_BUCKET,
    "s3:resourceaccount": _OF_THE_BUCKET,
    "notprincipal": "NotPrincipal excepts a role only if its sessions and its account are listed as well",
}


def _hints(keys: Sequence[str]) -> str:
    """What decides the common condition keys."""
    return "; ".join(_HINTS[key.lower()] for key in keys if key.lower() in _HINTS)


def _depends(question: AccessQuestion, policy: Ruling) -> Finding:
    keys = ", ".join(policy.allow_keys)
    return unknown(
        f"{question.policy_name} allows {question.action} on conditions that cannot be judged here: {keys}",
        observed=f"an Allow on {keys}",
        fix=_policy_fix(question, "Look at that policy, or let gmsa-doctor run ask with the role's own permissions."),
    )


def _sid(policy: Ruling) -> str:
    return f" ({policy.denied_by})" if policy.denied_by else ""


def _policy_fix(question: AccessQuestion, text: str) -> Fix:
    return Fix(text, (question.policy_command,) if question.policy_command else ())


def _not_allowed(question: AccessQuestion, decision: SimulatedDecision, policy: ResourcePolicy) -> Finding:
    action, resource = question.action, question.resource
    also = isinstance(policy, Ruling) and not question.foreign
    neither = f"; {question.policy_name} does not allow it either" if also else ""
    return _failure(
        question,
        f"{_reason(question, decision)}{question.hint}",
        observed=f"{decision.decision} of {action} on {resource}, simulated with the role's policies{neither}",
        expected=f"{action} allowed on {resource}",
        fix=_allow(question, decision),
    )


def _failure(question: AccessQuestion, reason: str, *, observed: str, expected: str, fix: Fix) -> Finding:
    return failed(
        f"{question.role_kind} {question.role.name} may not read {question.resource_name}: {reason}",
        observed=observed,
        expected=expected,
        fix=fix,
        shows_as=question.shows_as,
        overruled_by=question.evidence,
    )


def _reason(question: AccessQuestion, decision: SimulatedDecision) -> str:
    """Why the role's own policies do not allow it."""
    if decision.boundary is False:
        return f"its permissions boundary does not allow {question.action}"
    if decision.decision == "explicitDeny":
        by = f" ({', '.join(decision.policies)})" if decision.policies else ""
        return f"a policy denies {question.action}{by}"
    return f"{_NO_POLICY} {question.action}"


_NO_POLICY = "no policy of it allows"


def is_not_granted(finding: Finding) -> bool:
    """Whether it is a failure because no policy of the role allows it: then one that does is the fix."""
    return finding.status is Status.FAIL and _NO_POLICY in finding.summary


# Fixing ---------------------------------------------------------------------------------------------


def _look(question: AccessQuestion, keys: Sequence[str] = ()) -> Fix:
    role = posix(question.role.name)
    hints = _hints(keys)
    of_organization = any("org" in key.lower() for key in keys)
    return Fix(
        f"Look at the conditions in the role's policies{f': {hints};' if hints else ','} or let gmsa-doctor run ask "
        "with the role's own permissions.",
        (
            f"aws iam list-role-policies --role-name {role}",
            f"aws iam list-attached-role-policies --role-name {role}",
            *(["aws organizations describe-organization --query Organization.Id"] if of_organization else ()),
        ),
    )


def _allow(question: AccessQuestion, decision: SimulatedDecision) -> Fix:
    """How to let the role do it."""
    action, again = question.action, _simulate_command(question)
    if decision.boundary is False:
        text = "Allow it in the role's permissions boundary as well."
    elif decision.decision == "explicitDeny":
        text = "Take the Deny out of the policy, or except this resource from it."
    else:
        name = f"{question.fix_name or (question.evidence or '').partition('.')[0]}-{action.partition(':')[2]}"
        put = put_policy(question.role, name, (action,), question.resource)
        return Fix(f"Allow {action} on {question.resource} to {question.role_kind}.", (put, again))
    return Fix(f"{text} It is about {action} on {question.resource}.", (again,))


def _simulate_command(question: AccessQuestion) -> str:
    return (
        f"aws iam simulate-principal-policy --policy-source-arn {posix(str(question.role))} "
        f"--action-names {question.action} --resource-arns {posix(question.resource)}"
    )


def put_policy(role: RoleArn, name: str, actions: tuple[str, ...], *resources: str) -> str:
    """The command that adds a policy to the role.

    It would replace one of the same name, which another service may live on: a digest of what is allowed ends the name.
    """
    digest = hashlib.sha256(" ".join((*actions, *resources)).encode()).hexdigest()[:8]
    statement = {
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return (
        f"aws iam put-role-policy --role-name {posix(role.name)} --policy-name gmsa-{name}-{digest} "
        f"--policy-document {posix(document)}"
    )
