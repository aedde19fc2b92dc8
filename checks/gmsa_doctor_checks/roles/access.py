"""Whether a role may do something, of its own policies (simulated) and the policy of the resource (read).

In one account either of the two may allow it, between two accounts both have to; a denial of any of them decides.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gmsa_doctor.authoring import Finding, Fix, Outcome, ShowsAs, Status, Stop, failed, passed, skipped, unknown, warned
from gmsa_doctor.clients.aws.iam import ContextEntry, Iam, SimulatedDecision
from gmsa_doctor.core.errors import ClientError, NotFound, ServiceError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.arn import ArnError, RoleArn, parse_role_arn
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, Ruling, rule
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.request_context import has_not, known_of_who_and_what

TRUST = "execution-role.trust"
_BOOLEAN = ("aws:SecureTransport", "aws:PrincipalIsAWSService", "aws:ViaAWSService")


@dataclass(frozen=True)
class AccessQuestion:
    """Whether the role may do this.

    ``hint`` is what a denial adds; ``evidence`` the check that really does it (empty: none); ``about`` names a policy
    that allows it, where evidence does not; ``context`` is what is known of the request, by condition key. ``policy``
    is what people call the resource's policy (empty: it can have none), ``show`` the command that shows it;
    ``foreign``: the resource is of another account; ``who`` is what people call the role.
    """

    role: RoleArn
    action: str
    resource: str
    what: str
    context: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    evidence: str = ""
    about: str = ""
    shows_as: ShowsAs | None = None
    policy: str = ""
    show: str = ""
    foreign: bool = False
    who: str = "the execution role"


Policy = Ruling | ClientError | None
"""What a resource's policy says, or why it cannot be read; None: such a resource has none."""


def in_our_account(text: str, caller: Outcome[Caller]) -> RoleArn:
    """IAM tells about roles of the caller's own account only."""
    try:
        arn = parse_role_arn(text)
    except ArnError as error:
        raise Stop(skipped(f"IAM was not asked: {text} is no ARN of a role: {error.reason}")) from error
    if caller.value and caller.value.account != arn.account:
        text = f"IAM was not asked: the role is of account {arn.account}, our credentials of {caller.value.account}"
        raise Stop(skipped(text, fix=Fix(f"Give --profile for credentials of account {arn.account}.")))
    return arn


def simulate(
    iam: Iam, arn: RoleArn, actions: Sequence[str], resources: Sequence[str], context: Mapping[str, str]
) -> tuple[SimulatedDecision, ...]:
    """What IAM says for each action on each resource."""
    known = {**known_of_who_and_what(arn, resources), **context}
    entries = tuple(
        ContextEntry(key, "boolean" if key in _BOOLEAN else "string", (value,)) for key, value in known.items()
    )
    try:
        return iam.simulate(str(arn), tuple(actions), tuple(resources), entries)
    except NotFound as error:
        raise Stop(skipped(f"there is no role {arn.name}: see {TRUST}", because=(TRUST,))) from error


def side_by_side(
    simulation: Callable[[], tuple[SimulatedDecision, ...]], policy: Callable[[], Policy]
) -> tuple[tuple[SimulatedDecision, ...], Policy]:
    """Ask both at the same time. The policy's error is part of the answer; that of the simulation is raised."""
    (_, decisions), (_, found) = each((simulation, policy), lambda ask: ask())
    if isinstance(decisions, ClientError):
        raise decisions
    return decisions, found  # type: ignore[return-value]  # the second one gives a Policy


def ruling(text: str | None, asked: AccessQuestion) -> Ruling:
    """What the text of the resource's policy says to the question. Raises ServiceError for what is no policy."""
    given = {**known_of_who_and_what(asked.role, (asked.resource,)), **asked.context}
    context = {"s3:tlsversion": ("1.2", "1.3"), **{key.lower(): (value,) for key, value in given.items()}}
    try:
        return rule(text, PolicyRequest(asked.role, asked.action, asked.resource, context))
    except PolicyError as error:
        raise ServiceError(f"{asked.policy} cannot be read: {error}", "MalformedPolicy") from error


def of_another_account(policy: Policy) -> bool:
    """S3 gives a bucket's policy to the owner's account only, and says so to those who else may read it.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html
    """
    return isinstance(policy, ServiceError) and policy.code == "MethodNotAllowed"


def judge(asked: AccessQuestion, decisions: Sequence[SimulatedDecision], policy: Policy) -> Finding:
    """The finding about a resource that either the role's policies or its own may allow."""
    decision = _settled(asked, decisions, policy)
    if isinstance(decision, Finding):
        return decision
    if decision.decision == "allowed":
        return _allowed(asked, policy)
    if asked.foreign or policy is None:
        return _not_allowed(asked, decision, policy)
    return _of_the_resource(asked, decision, policy)


def judge_with_key(asked: AccessQuestion, decisions: Sequence[SimulatedDecision], policy: Policy) -> Finding:
    """The finding about a KMS key: without its own policy nothing is allowed.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
    """
    decision = _settled(asked, decisions, policy)
    if isinstance(decision, Finding):
        return decision
    allowed = decision.decision == "allowed"
    if asked.foreign or policy is None:
        return _allowed(asked, policy) if allowed else _not_allowed(asked, decision, policy)
    if isinstance(policy, ClientError):
        text = f"whether {asked.policy} allows {asked.action} to {asked.role.name} is not known: {policy.text}"
        return replace(policy.finding(), summary=text)
    if decision.boundary is False:  # it limits what the key's policy allows to the role
        return _not_allowed(asked, decision, policy)
    if policy.allows or (allowed and policy.delegates):
        by = "" if allowed else f", by {asked.policy}"
        fine = passed(f"{asked.action} with the key of {asked.what} is allowed to {asked.role.name}{by}")
        return _perhaps_denied(asked, policy) or fine
    if policy.allows is None or (allowed and policy.delegates is None):
        return _depends(asked, policy)
    if not allowed:
        return _not_allowed(asked, decision, policy)
    return failed(
        f"{asked.who} {asked.role.name} may not read {asked.what}: {asked.policy} allows {asked.action} neither "
        "to the role nor to its account",
        observed=f"{asked.action} allowed by the role's policies, not by {asked.policy}",
        expected=f"a statement that allows {asked.action} to {asked.role}",
        fix=Fix(f"Add a statement to {asked.policy} that allows {asked.action} to {asked.role}.", _shown(asked)),
        shows_as=asked.shows_as,
        overruled_by=asked.evidence or None,
    )


def _settled(
    asked: AccessQuestion, decisions: Sequence[SimulatedDecision], policy: Policy
) -> Finding | SimulatedDecision:
    """The finding, where the other side does not count any more; else what the role's own policies say."""
    if isinstance(policy, Ruling) and policy.denies:
        return _denied_by_resource(asked, policy)
    decision = next((one for one in decisions if (one.action, one.resource) == (asked.action, asked.resource)), None)
    if decision is None:
        return unknown(f"IAM's answer says nothing about {asked.action} on {asked.resource}", fix=_look(asked))
    missing = [one for one in decision.missing if not has_not(one, asked.action, asked.context)]
    if missing:
        return unknown(
            f"whether {asked.role.name} may {asked.action} depends on what the simulation cannot know: "
            f"{', '.join(missing)}",
            observed=f"{decision.decision} without {', '.join(missing)}",
            fix=_look(asked, missing),
        )
    if decision.organizations is False:
        return _perhaps_not_in_the_organization(asked, decision)
    if decision.decision == "explicitDeny":
        return _not_allowed(asked, decision, policy)
    return decision


def _perhaps_not_in_the_organization(asked: AccessQuestion, decision: SimulatedDecision) -> Finding:
    """The simulation denies, too, what an SCP allows on a condition, such as that on the region.

    Source: https://github.com/aws/aws-sdk/issues/102
    """
    return warned(
        f"a policy of the organization (SCP) does not allow {asked.action} on {asked.resource} to {asked.role.name}, "
        "says IAM's simulation, which cannot judge SCPs with conditions",
        observed=f"{decision.decision} of {asked.action}, AllowedByOrganizations: false",
        expected=f"{asked.action} allowed by the organization's policies",
        fix=Fix(
            "Ask who manages the organization whether its SCPs allow that to the role, or let gmsa-doctor run try it "
            "with the role's own permissions.",
            (_simulated_again(asked),),
        ),
    )


def _allowed(asked: AccessQuestion, policy: Policy) -> Finding:
    """The role's own policies allow it."""
    ours = f"{asked.action} on {asked.resource} is allowed to {asked.role.name}"
    if asked.foreign:
        return _of_another_account(asked, policy, ours)
    if isinstance(policy, ClientError):
        finding = policy.finding()
        return replace(finding, summary=f"{ours} by its own policies, but {asked.policy} may deny it: {policy.text}")
    return _perhaps_denied(asked, policy) or passed(ours)


def _of_another_account(asked: AccessQuestion, policy: Policy, ours: str) -> Finding:
    if isinstance(policy, ClientError):
        return skipped(
            f"{ours} by its own policies; {asked.policy}, which has to allow it as well, is another account's: "
            f"{policy.text}",
            fix=Fix("Ask the owner of that account, or let gmsa-doctor run try it with the role's own permissions."),
        )
    allows = None if policy is None else policy.allows or policy.delegates
    if policy is None or allows:
        return _perhaps_denied(asked, policy) or passed(f"{ours}, by {asked.policy} of the other account too")
    if policy.allows is None or policy.delegates is None:
        return _depends(asked, policy)
    return failed(
        f"{asked.who} {asked.role.name} may not read {asked.what}: it is another account's, and {asked.policy} "
        f"does not allow {asked.action} to the role or its account",
        observed=f"allowed by the role's policies, not by {asked.policy}",
        expected=f"{asked.action} allowed by both",
        fix=Fix(f"Let the other account allow {asked.action} to {asked.role} in {asked.policy}.", _shown(asked)),
        shows_as=asked.shows_as,
        overruled_by=asked.evidence or None,
    )


def _of_the_resource(asked: AccessQuestion, decision: SimulatedDecision, policy: Ruling | ClientError) -> Finding:
    """The role's own policies do not allow it: within an account the resource's may."""
    if isinstance(policy, ClientError):
        return replace(
            policy.finding(),
            summary=f"{why(asked, decision)}, and whether {asked.policy} does is not known: {policy.text}",
        )
    if decision.boundary is False and policy.allows is not False and policy.open_to_all:
        return unknown(
            f"{why(asked, decision)}; {asked.policy} allows it to everybody, and which of them counts is not certain",
            fix=_look(asked),
        )
    if decision.boundary is False or policy.allows is False:  # a boundary limits what a policy allows to the role
        return _not_allowed(asked, decision, policy)
    if policy.allows is None:
        return _depends(asked, policy)
    allowed = passed(f"{asked.policy} allows {asked.action} on {asked.resource} to {asked.role.name}")
    return _perhaps_denied(asked, policy) or allowed


def _perhaps_denied(asked: AccessQuestion, policy: Ruling | None) -> Finding | None:
    if policy is None or policy.denies is not None:
        return None
    keys = ", ".join(policy.deny_keys)
    return warned(
        f"{asked.policy} denies {asked.action}{_sid(policy)} on a condition that cannot be judged here: {keys}",
        observed=f"a Deny on {keys}",
        expected="a condition that is not true for the task's requests",
        fix=Fix(f"Look whether the task's requests fall under that Deny: {_where_to_look(policy)}.", _shown(asked)),
    )


def _where_to_look(policy: Ruling) -> str:
    return _hints(policy.deny_keys) or "they are the role's requests, of the task's network"


def _hints(keys: Sequence[str]) -> str:
    """What decides the conditions that are common."""
    known = {
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
        "aws:resourceaccount": "the bucket must be of that account, which S3 tells who may list it (s3:ListBucket)",
        "s3:resourceaccount": "the bucket must be of that account, which S3 tells who may list it (s3:ListBucket)",
        "notprincipal": "NotPrincipal excepts a role only if its sessions and its account are listed as well",
    }
    return "; ".join(known[key.lower()] for key in keys if key.lower() in known)


def _depends(asked: AccessQuestion, policy: Ruling) -> Finding:
    keys = ", ".join(policy.allow_keys)
    return unknown(
        f"{asked.policy} allows {asked.action} on conditions that cannot be judged here: {keys}",
        observed=f"an Allow on {keys}",
        fix=Fix("Look at that policy, or let gmsa-doctor run ask with the role's own permissions.", _shown(asked)),
    )


def _denied_by_resource(asked: AccessQuestion, policy: Ruling) -> Finding:
    return failed(
        f"{asked.who} {asked.role.name} may not read {asked.what}: {asked.policy} denies {asked.action}{_sid(policy)}",
        observed=f"a Deny in {asked.policy}{_sid(policy)}",
        expected=f"no Deny of {asked.action} for {asked.role}",
        fix=Fix(f"Except {asked.role} from the Deny in {asked.policy}, or take it out.", _shown(asked)),
        shows_as=asked.shows_as,
        overruled_by=asked.evidence or None,
    )


def _sid(policy: Ruling) -> str:
    return f" ({policy.denied_by})" if policy.denied_by else ""


def _shown(asked: AccessQuestion) -> tuple[str, ...]:
    return (asked.show,) if asked.show else ()


def _not_allowed(asked: AccessQuestion, decision: SimulatedDecision, policy: Policy) -> Finding:
    neither = f"; {asked.policy} does not allow it either" if isinstance(policy, Ruling) and not asked.foreign else ""
    return failed(
        f"{asked.who} {asked.role.name} may not read {asked.what}: {why(asked, decision)}{asked.hint}",
        observed=f"{decision.decision} of {asked.action} on {asked.resource}, simulated with the role's policies"
        f"{neither}",
        expected=f"{asked.action} allowed on {asked.resource}",
        fix=allow(asked, decision),
        shows_as=asked.shows_as,
        overruled_by=asked.evidence or None,
    )


def why(asked: AccessQuestion, decision: SimulatedDecision) -> str:
    """What of the role's policies stands in the way."""
    if decision.boundary is False:
        return f"its permissions boundary does not allow {asked.action}"
    if decision.decision == "explicitDeny":
        by = f" ({', '.join(decision.policies)})" if decision.policies else ""
        return f"a policy denies {asked.action}{by}"
    return f"no policy of it allows {asked.action}"


def _look(asked: AccessQuestion, keys: Sequence[str] = ()) -> Fix:
    role = posix(asked.role.name)
    hints = _hints(keys)
    commands = [
        f"aws iam list-role-policies --role-name {role}",
        f"aws iam list-attached-role-policies --role-name {role}",
    ]
    if any("org" in one.lower() for one in keys):
        commands.append("aws organizations describe-organization --query Organization.Id")
    return Fix(
        f"Look at the conditions in the role's policies{': ' if hints else ''}{hints}{';' if hints else ','} or let "
        "gmsa-doctor run ask with the role's own permissions.",
        tuple(commands),
    )


def allow(asked: AccessQuestion, decision: SimulatedDecision) -> Fix:
    """How to let the role do it."""
    again = _simulated_again(asked)
    if decision.boundary is False:
        text = "Allow it in the role's permissions boundary as well."
    elif decision.decision == "explicitDeny":
        text = "Take the Deny out of the policy, or except this resource from it."
    else:
        name = f"{asked.about or asked.evidence.partition('.')[0]}-{asked.action.partition(':')[2]}"
        put = put_policy(asked.role, name, (asked.action,), asked.resource)
        return Fix(f"Allow {asked.action} on {asked.resource} to {asked.who}.", (put, again))
    return Fix(f"{text} It is about {asked.action} on {asked.resource}.", (again,))


def _simulated_again(asked: AccessQuestion) -> str:
    return (
        f"aws iam simulate-principal-policy --policy-source-arn {posix(str(asked.role))} "
        f"--action-names {asked.action} --resource-arns {posix(asked.resource)}"
    )


def put_policy(role: RoleArn, name: str, actions: tuple[str, ...], *resources: str) -> str:
    """The command that adds a policy to the role.

    It would replace one of the same name, which another service may live on: the name tells what is allowed.
    """
    told = hashlib.sha256(" ".join((*actions, *resources)).encode()).hexdigest()[:8]
    statement = {
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": resources[0] if len(resources) == 1 else list(resources),
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return (
        f"aws iam put-role-policy --role-name {posix(role.name)} --policy-name gmsa-{name}-{told} "
        f"--policy-document {posix(document)}"
    )


def worst(findings: Sequence[Finding]) -> Finding:
    """The one that decides among several."""
    order = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.SKIPPED, Status.PASS)
    return min(findings, key=lambda one: order.index(one.status))
