"""What the task execution role may do, told from outside: IAM is asked to simulate its policies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gmsa_doctor.clients.iam import ContextEntry, Decision, Iam
from gmsa_doctor.errors import Denied, NotFound
from gmsa_doctor.formats.arn import ArnError, RoleArn, parse_role_arn, parse_secret_arn
from gmsa_doctor.model import (
    Cause,
    Finding,
    Fix,
    Outcome,
    ShowsAs,
    Status,
    Stop,
    failed,
    passed,
    skipped,
    stands_behind,
    unknown,
)
from gmsa_doctor.registry import check
from gmsa_doctor.subject import Place
from gmsa_doctor.vantage import Caller
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.trust_policy import ECS_TASKS, Source, Trust, read_trust
from gmsa_doctor_checks.values import CredSpecLocation, CredSpecObject, ExecutionRole, SecretArn, SecretObject

_TRUST = "execution-role.trust"
_TRUST_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": ECS_TASKS}, "Action": "sts:AssumeRole"}],
}


# Who may assume it ----------------------------------------------------------------------------------


@check(
    _TRUST,
    title="ECS tasks may assume the execution role",
    docs=links.EXECUTION_ROLE,
    about="task/executionRoleArn",
)
def execution_role_trust(role: ExecutionRole, place: Place, iam: Iam, caller: Outcome[Caller]) -> Finding:
    """Reads the role's trust policy, and looks for a statement that lets `ecs-tasks.amazonaws.com` assume it.

    Conditions on `aws:SourceAccount` and `aws:SourceArn` are judged; others leave the answer open.

    Why: ECS assumes the role for the task before anything else. If it may not, the task does not start.

    Fix: name `ecs-tasks.amazonaws.com` as the service in the role's trust policy.
    """
    arn = _in_our_account(role, caller)
    try:
        found = iam.role(str(arn))
    except NotFound as error:
        return failed(
            f"the execution role {arn.name} does not exist",
            observed=error.text,
            expected=str(arn),
            fix=Fix(
                "Create the role, or name the one that is meant in the task definition.",
                ("aws iam list-roles --query 'Roles[].Arn' --output table",),
            ),
        )
    except Denied as error:
        if caller.value and caller.value.is_execution_role:
            return skipped("the execution role may not look at itself; that these credentials are there is its proof")
        raise error
    try:
        trust = read_trust(found.trust, Source(arn.partition, arn.account, place.region))
    except ValueError as error:
        return unknown(f"the trust policy of {arn.name} cannot be read: {error}", fix=_look_at_trust(arn))
    return _judge_trust(arn, trust)


def _judge_trust(arn: RoleArn, trust: Trust) -> Finding:
    if trust.allows:
        return passed(f"{ECS_TASKS} may assume {arn.name}")
    named = ", ".join(trust.services) or "no service"
    if trust.allows is None:
        keys = ", ".join(trust.conditions)
        return unknown(
            f"whether ECS tasks may assume {arn.name} depends on conditions that cannot be judged here: {keys}",
            observed=named,
            fix=_look_at_trust(arn),
        )
    because = "a statement denies it" if trust.denied else f"its trust policy names {named}"
    if trust.conditions and not trust.denied:
        because = f"the condition on {', '.join(trust.conditions)} in its trust policy is not true for this task"
    return failed(
        f"ECS tasks may not assume the execution role {arn.name}: {because}",
        observed=named,
        expected=f"a statement that allows sts:AssumeRole to {ECS_TASKS}",
        fix=Fix(
            f"Let {ECS_TASKS} assume the role: add the statement below to its trust policy (the command replaces it).",
            (
                _look_at_trust(arn).commands[0],
                f"aws iam update-assume-role-policy --role-name {posix(arn.name)} "
                f"--policy-document {posix(json.dumps(_TRUST_POLICY))}",
            ),
        ),
    )


def _look_at_trust(arn: RoleArn) -> Fix:
    command = f"aws iam get-role --role-name {posix(arn.name)} --query Role.AssumeRolePolicyDocument"
    return Fix(f"Look at the role's trust policy: {ECS_TASKS} must be allowed sts:AssumeRole.", (command,))


# What it may read -----------------------------------------------------------------------------------


@check(
    "execution-role.credspec",
    title="The execution role may read the CredSpec",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    about="task/executionRoleArn",
    shows=(texts.INVALID_OBJECT,),
)
def execution_role_credspec(
    role: ExecutionRole,
    location: CredSpecLocation,
    found: Outcome[CredSpecObject],
    place: Place,
    iam: Iam,
    caller: Outcome[Caller],
) -> Finding:
    """Lets IAM simulate `s3:GetObject` (`ssm:GetParameters` for a parameter) with the role's policies.

    Its permissions boundary and the organization's policies count; a bucket policy is not looked at. With the role's
    own credentials nothing is simulated: credspec.object has read it, or not.

    Why: Credentials Fetcher reads the CredSpec with this role. The sample policy of AWS's page grants
    `s3:GetObjectVersion` and `s3:ListBucket` only, which is not enough.

    Fix: allow `s3:GetObject` on the object to the execution role.
    """
    arn = _in_our_account(role, caller)
    from_file = bool(found.value and found.value.location.file)
    if known := _known_already(found, caller, from_file=from_file):
        return known
    action = "ssm:GetParameters" if location.parameter else "s3:GetObject"
    of_versions = () if location.parameter else ("s3:GetObjectVersion",)
    decisions = _simulate(iam, arn, (action, *of_versions), (location.arn,), _context(place))
    hint = ""
    if any(one.allowed and one.action in of_versions for one in decisions):
        hint = (
            "; s3:GetObjectVersion, which is allowed to it, is not enough: the sample policy of AWS's page lacks "
            "s3:GetObject"
        )
    asked = _Question(arn, action, location.arn, "the CredSpec", hint, "credspec.object", texts.INVALID_OBJECT)
    return _judge(asked, decisions)


@check(
    "execution-role.secret",
    title="The execution role may read the secret",
    cause=Cause.CREDSPEC,
    docs=links.SECRETS,
    about="task/executionRoleArn",
    shows=(texts.SECRET,),
)
def execution_role_secret(
    role: ExecutionRole,
    secret: SecretArn,
    found: Outcome[SecretObject],
    place: Place,
    iam: Iam,
    caller: Outcome[Caller],
) -> Finding:
    """Lets IAM simulate `secretsmanager:GetSecretValue` on the secret's full ARN with the role's policies.

    Its permissions boundary and the organization's policies count; the secret's own policy is not looked at. With the
    role's own credentials nothing is simulated: secret.value has read it, or not.

    Why: Credentials Fetcher reads the secret with this role. IAM compares the full ARN: a policy on the secret's name
    without the hyphen and six characters that Secrets Manager appends does not match.

    Fix: allow `secretsmanager:GetSecretValue` on the secret's full ARN, or on its name with `-??????`.
    """
    arn = _in_our_account(role, caller)
    if known := _known_already(found, caller, from_file=False):
        return known
    parsed = parse_secret_arn(secret.text)
    if parsed.suffix is None:
        return unknown(
            "CredentialArn lacks the six characters that Secrets Manager appends; IAM compares the full ARN, so "
            "nothing can be simulated",
            observed=secret.text,
            expected=f"{secret.text}-<six characters>",
            fix=Fix(
                "Set CredentialArn to the secret's full ARN.",
                (f"aws secretsmanager describe-secret --secret-id {posix(secret.text)} --query ARN",),
            ),
        )
    bare = secret.text.removesuffix(f"-{parsed.suffix}")
    action = "secretsmanager:GetSecretValue"
    context = (*_context(place), ContextEntry("secretsmanager:SecretId", "string", (secret.text,)))
    decisions = _simulate(iam, arn, (action,), (secret.text, bare), context)
    hint = ""
    if any(one.allowed and one.resource == bare for one in decisions):
        hint = f"; a policy names the secret without its last six characters: write {bare}-??????"
    asked = _Question(arn, action, secret.text, "the secret", hint, "secret.value", texts.SECRET)
    return _judge(asked, decisions)


@dataclass(frozen=True)
class _Question:
    """May the role do this? ``hint`` is what a denial adds; ``evidence`` the check that really reads."""

    role: RoleArn
    action: str
    resource: str
    what: str
    hint: str
    evidence: str
    shows_as: ShowsAs


def _in_our_account(role: ExecutionRole, caller: Outcome[Caller]) -> RoleArn:
    """IAM tells about roles of the caller's own account only."""
    try:
        arn = parse_role_arn(role.arn)
    except ArnError as error:
        raise Stop(skipped(f"IAM was not asked: {role.arn} is no ARN of a role: {error.reason}")) from error
    if caller.value and caller.value.account != arn.account:
        text = f"IAM was not asked: the role is of account {arn.account}, our credentials of {caller.value.account}"
        raise Stop(skipped(text, fix=Fix(f"Give --profile for credentials of account {arn.account}.")))
    return arn


def _known_already(
    found: Outcome[CredSpecObject] | Outcome[SecretObject], caller: Outcome[Caller], *, from_file: bool
) -> Finding | None:
    """The real call decides, where it was the role's own; and what is not there is nobody's to read."""
    if found.finding.status is Status.FAIL:
        return stands_behind([found.finding])
    if caller.value and caller.value.is_execution_role and not from_file:
        return passed("it was read with the role's own credentials") if found.value else stands_behind([found.finding])
    return None


def _context(place: Place) -> tuple[ContextEntry, ...]:
    """What is certain of the daemon's requests. IAM adds the keys about the role by itself."""
    region = (ContextEntry("aws:RequestedRegion", "string", (place.region,)),) if place.region else ()
    return (ContextEntry("aws:SecureTransport", "boolean", ("true",)), *region)


def _simulate(
    iam: Iam, arn: RoleArn, actions: tuple[str, ...], resources: tuple[str, ...], context: tuple[ContextEntry, ...]
) -> tuple[Decision, ...]:
    try:
        return iam.simulate(str(arn), actions, resources, context)
    except NotFound as error:
        raise Stop(skipped(f"there is no role {arn.name}: see {_TRUST}", because=(_TRUST,))) from error


def _judge(asked: _Question, decisions: Sequence[Decision]) -> Finding:
    about = [one for one in decisions if (one.action, one.resource) == (asked.action, asked.resource)]
    if not about:
        return unknown(f"IAM's answer says nothing about {asked.action} on {asked.resource}", fix=_look(asked))
    decision = about[0]
    if decision.missing:
        return unknown(
            f"whether {asked.role.name} may {asked.action} depends on what the simulation cannot know: "
            f"{', '.join(decision.missing)}",
            observed=f"{decision.decision} without {', '.join(decision.missing)}",
            fix=_look(asked),
        )
    if decision.decision == "allowed":
        return passed(f"{asked.action} on {asked.resource} is allowed to {asked.role.name}")
    return failed(
        f"the execution role {asked.role.name} may not read {asked.what}: {_why(asked, decision)}{asked.hint}",
        observed=f"{decision.decision} of {asked.action} on {asked.resource}, simulated with the role's policies "
        "(a policy of the resource itself, which may name the role, was not looked at)",
        expected=f"{asked.action} allowed on {asked.resource}",
        fix=_allow(asked, decision),
        shows_as=asked.shows_as,
        outweighed_by=asked.evidence,
    )


def _why(asked: _Question, decision: Decision) -> str:
    if decision.organizations is False:
        return f"a policy of the organization (SCP) does not allow {asked.action}"
    if decision.boundary is False:
        return f"its permissions boundary does not allow {asked.action}"
    if decision.decision == "explicitDeny":
        by = f" ({', '.join(decision.policies)})" if decision.policies else ""
        return f"a policy denies {asked.action}{by}"
    return f"no policy of it allows {asked.action}"


def _look(asked: _Question) -> Fix:
    role = posix(asked.role.name)
    return Fix(
        "Look at the conditions in the role's policies, or let gmsa-doctor run ask with the role's own permissions.",
        (f"aws iam list-role-policies --role-name {role}", f"aws iam list-attached-role-policies --role-name {role}"),
    )


def _allow(asked: _Question, decision: Decision) -> Fix:
    again = (
        f"aws iam simulate-principal-policy --policy-source-arn {posix(str(asked.role))} "
        f"--action-names {asked.action} --resource-arns {posix(asked.resource)}"
    )
    if decision.organizations is False:
        text = "Ask who manages the organization to allow it in the SCP."
    elif decision.boundary is False:
        text = "Allow it in the role's permissions boundary as well."
    elif decision.decision == "explicitDeny":
        text = "Take the Deny out of the policy, or except this resource from it."
    else:
        statement = {"Effect": "Allow", "Action": asked.action, "Resource": asked.resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        name = f"gmsa-{asked.evidence.partition('.')[0]}"
        put = (
            f"aws iam put-role-policy --role-name {posix(asked.role.name)} --policy-name {name} "
            f"--policy-document {posix(document)}"
        )
        return Fix(f"Allow {asked.action} on {asked.resource} to the execution role.", (put, again))
    return Fix(f"{text} It is about {asked.action} on {asked.resource}.", (again,))
