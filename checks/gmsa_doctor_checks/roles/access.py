"""What a role's own policies (simulated) and the resource's policy (read) decide about an access question.

Within one account, either may allow it; across accounts, both must. A Deny in either wins.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Status, failed, passed, skipped, unknown, warned
from gmsa_doctor.clients.aws.iam import SimulatedDecision
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.iam_policy_document import Ruling
from gmsa_doctor_checks.roles.policy_fixes import RUN, allow, edit_policy, hints, inspect, policy_fix, simulate_command
from gmsa_doctor_checks.roles.simulation import AccessQuestion, Decisions, ResourcePolicy


def judge(
    question: AccessQuestion, decisions: Decisions, policy: ResourcePolicy, *, policy_required: bool = False
) -> Finding:
    """The finding about a resource that the role's policies or its own policy may allow.

    ``policy_required``: for a KMS key, whose policy must allow the role or its account.
    Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
    """
    decision = _settled(question, decisions, policy)
    if isinstance(decision, Finding):
        return decision
    allowed = decision.decision == "allowed"
    if (policy is None or question.foreign) and not allowed:
        return _not_allowed(question, decision, policy)
    if policy is None:
        return passed(_allowed(question, decision))
    if isinstance(policy, ClientError):
        return _without_policy(question, decision, policy, policy_required)
    return _with_policy(question, decision, policy, policy_required)


def _with_policy(
    question: AccessQuestion, decision: SimulatedDecision, policy: Ruling, policy_required: bool
) -> Finding:
    name, action, role = question.policy_name, question.action, question.role
    allowed = decision.decision == "allowed"
    if decision.boundary is False:  # it limits what a policy allows for the role, but not what it allows for everyone
        if policy.allows is False or policy_required or not policy.open_to_all:
            return _not_allowed(question, decision, policy)
        text = f"{name} allows everyone; whether that overrides the permissions boundary is uncertain"
        return unknown(f"{_reason(question, decision)}, but {text}", fix=inspect(question))
    if allowed and not (policy_required or question.foreign):
        return _unless_denied(question, policy, _allowed(question, decision))
    answers = (policy.allows, policy.delegates if allowed else False)
    if True in answers and decision.may_deny:
        keys = ", ".join(decision.may_deny)
        text = f"{name} allows {action}, but a policy of {role.name} denies it on conditions that cannot be evaluated"
        return unknown(f"{text}: {keys}", fix=inspect(question, decision.may_deny))
    if True in answers:
        by = "" if allowed else f", by {name}"
        text = f"{name} allows {action} on {question.resource} for {role.name}"
        if question.foreign:
            text = f"{_allowed(question, decision)}, also by {name} in the other account"
        elif policy_required:
            text = f"{action} with the key of {question.resource_name} is allowed for {role.name}{by}"
        return _unless_denied(question, policy, text)
    if None in answers:
        keys = ", ".join(policy.allow_keys)
        return unknown(
            f"{name} allows {action} on conditions that cannot be evaluated here: {keys}{_error(policy)}",
            observed=f"an Allow on {keys}",
            fix=policy_fix(question, f"Check the conditions in that policy, or {RUN}."),
        )
    if not allowed:
        return _not_allowed(question, decision, policy)
    elsewhere = "it belongs to another account, and " if question.foreign else ""
    return _failure(
        question,
        f"{elsewhere}{name} allows {action} for neither the role nor its account",
        observed=f"{action} allowed by the role's policies, not by {name}{_facts(policy)}",
        expected=f"a statement in {name} that allows {action} for {role}",
        fix=edit_policy(question, f"Add a statement to {name} that allows {action} for {role}."),
    )


def _without_policy(
    question: AccessQuestion, decision: SimulatedDecision, error: ClientError, policy_required: bool
) -> Finding:
    name, allowed = question.policy_name, decision.decision == "allowed"
    if question.foreign:
        own = f"{_allowed(question, decision)} by its own policies"
        text = f"{own}; {name} must allow it too, but belongs to another account"
        return skipped(f"{text}: {error.text}", fix=Fix(f"Ask the owner of that account, or {RUN}."))
    if policy_required:
        text = f"it is unknown whether {name} allows {question.action} for {question.role.name}"
    elif allowed:
        text = f"{_allowed(question, decision)} by its own policies, but {name} may deny it"
    else:
        text = f"{_reason(question, decision)}, and it is unknown whether {name} does"
    return replace(error.finding(), summary=f"{text}: {error.text}")


def _settled(question: AccessQuestion, decisions: Decisions, policy: ResourcePolicy) -> Finding | SimulatedDecision:
    """A final finding, or the decision of the role's policies, which the resource's policy may still change."""
    role, action = question.role.name, question.action
    if isinstance(policy, Ruling) and policy.denies:
        name = question.policy_name
        return _failure(
            question,
            f"{name} denies {action}{_sid(policy)}",
            observed=f"a Deny in {name}{_sid(policy)}{_facts(policy)}",
            expected=f"no Deny of {action} for {question.role}",
            fix=edit_policy(question, f"Exclude {question.role} from the Deny in {name}, or remove the Deny."),
        )
    wanted = (action, question.resource)
    decision = next((decision for decision in decisions if (decision.action, decision.resource) == wanted), None)
    if decision is None:
        text = f"IAM's simulator returned no decision about {action} on {question.resource}"
        return unknown(text, fix=inspect(question))
    if decision.organizations is False:
        return _by_organization(question, decision)
    if decision.missing:
        missing = ", ".join(decision.missing)
        return unknown(
            f"{action} for {role} depends on condition keys that the simulation cannot know: {missing}"
            f"{_because_of(decision)}",
            observed=f"{decision.decision} without {missing}",
            fix=inspect(question, decision.missing),
        )
    if decision.decision == "explicitDeny":
        return _not_allowed(question, decision, policy)
    return decision


def _by_organization(question: AccessQuestion, decision: SimulatedDecision) -> Finding:
    """A failure, unless an SCP may test condition keys that are not known: the simulator evaluates them.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    action, role, account = question.action, question.role.name, question.role.account
    observed = f"{decision.decision} of {action}, AllowedByOrganizations: false"
    expected = f"{action} allowed by the organization's SCPs"
    fix = Fix(
        f"In the management account of the organization, find the SCP that denies {action} or does not allow it "
        f"(commands 1 and 2, also for each parent), and allow {action} on {question.resource} for {question.role}. "
        "Test with command 3.",
        (
            f"aws organizations list-policies-for-target --target-id {account} --filter SERVICE_CONTROL_POLICY",
            f"aws organizations list-parents --child-id {account}",
            simulate_command(question),
        ),
    )
    if not decision.unknown_in_scp:
        text = f"a service control policy (SCP) of the organization does not allow {action}"
        return _failure(question, text, observed=observed, expected=expected, fix=fix)
    keys = ", ".join(decision.unknown_in_scp)
    return warned(
        f"IAM's simulator says that an SCP blocks {action} on {question.resource} for {role}; this is a false alarm if "
        f"an SCP has a condition on {keys}, whose values in the task's requests are not known{_because_of(decision)}",
        observed=observed,
        expected=expected,
        fix=replace(fix, text=f"{fix.text} Or {RUN}."),
    )


def _because_of(decision: SimulatedDecision) -> str:
    return f" ({decision.error.text})" if decision.error else ""


_WITH_RCPS = ("s3", "secretsmanager", "kms", "ecr", "logs")
"""Services whose resources have resource control policies, which only the management account can read.

Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""


def _allowed(question: AccessQuestion, decision: SimulatedDecision) -> str:
    text = f"{question.action} on {question.resource} is allowed for {question.role.name}"
    in_organization = decision.organizations is not None and question.action.partition(":")[0] in _WITH_RCPS
    return f"{text} (resource control policies of the organization were not evaluated)" if in_organization else text


def _unless_denied(question: AccessQuestion, policy: Ruling, allowed: str) -> Finding:
    """A pass; a warning if the resource's policy may deny it."""
    if policy.denies is not None:
        return passed(allowed)
    keys = ", ".join(policy.deny_keys)
    where = hints(policy.deny_keys) or "they are made as the role, from the task's network"
    return warned(
        f"{question.policy_name} denies {question.action}{_sid(policy)} on a condition that cannot be evaluated here: "
        f"{keys}{_error(policy)}",
        observed=f"a Deny on {keys}",
        expected="a condition that is not true for the task's requests",
        fix=policy_fix(question, f"Check whether the Deny applies to the task's requests: {where}."),
    )


def _facts(policy: Ruling) -> str:
    """The values of the condition keys that decided, as far as they were looked up."""
    return f"; the task's requests have {policy.facts}" if policy.facts else ""


def _error(policy: Ruling) -> str:
    return f" ({policy.error})" if policy.error else ""


def _sid(policy: Ruling) -> str:
    return f" ({policy.denied_by})" if policy.denied_by else ""


def _not_allowed(question: AccessQuestion, decision: SimulatedDecision, policy: ResourcePolicy) -> Finding:
    action, resource = question.action, question.resource
    also = "" if decision.decision == "explicitDeny" else " either"
    neither = ""
    if isinstance(policy, Ruling) and not question.foreign:
        leaves = "leaves it to the role's policies" if policy.delegates else f"does not allow it{also}"
        neither = f"; {question.policy_name} {leaves}"
    return _failure(
        question,
        f"{_reason(question, decision)}{question.hint}",
        observed=f"IAM's policy simulator returns {decision.decision} for {action} on {resource}{neither}",
        expected=f"{action} allowed on {resource}",
        fix=allow(question, decision),
    )


def _failure(question: AccessQuestion, reason: str, *, observed: str, expected: str, fix: Fix) -> Finding:
    who, what = f"{question.role_kind} {question.role.name}", f"{question.verb} {question.resource_name}"
    return failed(
        f"{who} is not allowed to {what}: {reason}",
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
        return f"{_denied_by(decision)} {question.action}"
    return f"{_NO_POLICY} {question.action}"


def _denied_by(decision: SimulatedDecision) -> str:
    """The policies with a Deny, as far as IAM names them, and their verb."""
    if not decision.policies:
        return "a policy denies"
    if decision.policies[1:]:
        return f"the policies {' and '.join(decision.policies)} deny"
    return f"the policy {decision.policies[0]} denies"


_NO_POLICY = "none of its policies allows"


def is_not_granted(finding: Finding) -> bool:
    """Whether it fails because no policy of the role allows it: the fix is to add one."""
    return finding.status is Status.FAIL and _NO_POLICY in finding.summary
