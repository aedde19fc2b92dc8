"""How to change what policies allow: the fixes of findings about a role's access."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from gmsa_doctor.authoring import Fix, fix_in_steps
from gmsa_doctor.clients.aws.iam import SimulatedDecision
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.simulation import AccessQuestion

RUN = "use `gmsa-doctor run`, which makes the call as the role"


_OF_THE_BUCKET = "the bucket must belong to that account (S3 shows the owner to callers with s3:ListBucket)"
_HINTS = {
    "aws:sourcevpce": "they come through the VPC endpoint in the route table or private DNS of the task's subnets",
    "aws:sourcevpc": "they come from the task's VPC, if it has an endpoint for the service",
    "aws:vpcsourceip": "they come from the task's address, if its VPC has an endpoint for the service",
    "aws:sourceip": "they come from the public address of the NAT gateway or the task; through a VPC endpoint this "
    "key is not set",
    "aws:principalorgid": "the role's account must be in that organization",
    "aws:principalorgpaths": "the role's account must be in that part of the organization",
    "aws:resourceorgid": "the resource's account must be in that organization",
    "aws:resourceorgpaths": "the resource's account must be in that part of the organization",
    "aws:resourceaccount": _OF_THE_BUCKET,
    "s3:resourceaccount": _OF_THE_BUCKET,
    "notprincipal": "NotPrincipal excludes a role only if its sessions and its account are listed as well",
}


def hints(keys: Sequence[str]) -> str:
    """What to know about condition keys."""
    return "; ".join(_HINTS[key.lower()] for key in keys if key.lower() in _HINTS)


def policy_fix(question: AccessQuestion, text: str) -> Fix:
    """The text, with the command that shows the resource's policy."""
    return Fix(text, (question.policy_command,) if question.policy_command else ())


def edit_policy(question: AccessQuestion, text: str) -> Fix:
    """How to change the resource's policy: save it, edit it, and put it back."""
    if not question.policy_put:
        return policy_fix(question, text)
    get = f"{question.policy_command} > policy.json"
    return Fix(text, (get, '"${EDITOR:-vi}" policy.json', f"{question.policy_put} file://policy.json"))


def inspect(question: AccessQuestion, keys: Sequence[str] = ()) -> Fix:
    """How to see the conditions in the role's policies."""
    role = posix(question.role.name)
    found = f" ({text})" if (text := hints(keys)) else ""
    of_organization = any("org" in key.lower() for key in keys)
    return Fix(
        f"Check the conditions in the role's policies{found}, or {RUN}.",
        (
            f"aws iam list-role-policies --role-name {role}",
            f"aws iam list-attached-role-policies --role-name {role}",
            *(["aws organizations describe-organization --query Organization.Id"] if of_organization else ()),
        ),
    )


def allow(question: AccessQuestion, decision: SimulatedDecision) -> Fix:
    """How to allow in the role's policies what they do not allow."""
    action, resource, simulate = question.action, question.resource, simulate_command(question)
    if decision.boundary is False:
        return Fix(
            f"1. Find the role's permissions boundary (command 1). 2. Allow {action} on {resource} in it. 3. Test with "
            "command 2.",
            (
                f"aws iam get-role --role-name {posix(question.role.name)} --query Role.PermissionsBoundary",
                simulate,
            ),
        )
    if decision.decision == "explicitDeny":
        return _remove_deny(question, decision)
    name = f"{question.fix_name or (question.evidence or '').partition('.')[0]}-{action.partition(':')[2]}"
    put = put_policy(question.role, name, (action,), resource)
    return Fix(
        f"1. Allow {action} on {resource} for {question.role_kind}. 2. Test with the simulator, which must return "
        "allowed.",
        (put, simulate),
    )


def _remove_deny(question: AccessQuestion, decision: SimulatedDecision) -> Fix:
    """IAM names an inline policy by its name, and does not say whether it is one."""
    role, action = posix(question.role.name), question.action
    named = decision.policies[0] if len(decision.policies) == 1 else ""
    source = f"policy {' and '.join(decision.policies)}" if decision.policies else f"policy that denies {action}"
    change = f"remove its Deny for {action}, or exclude {question.resource} from the Deny"
    inline, arn = posix(named or "<policy>"), posix(named if named.startswith("arn:") else "<ARN of the policy>")
    edit = '"${EDITOR:-vi}" policy.json'
    return fix_in_steps(
        Fix(
            f"Find the {source} among the role's inline and attached policies.",
            (
                f"aws iam list-role-policies --role-name {role}",
                f"aws iam list-attached-role-policies --role-name {role}",
            ),
        ),
        Fix(
            f"In an inline policy, {change}.",
            (
                f"aws iam get-role-policy --role-name {role} --policy-name {inline} --query PolicyDocument "
                "> policy.json",
                edit,
                f"aws iam put-role-policy --role-name {role} --policy-name {inline} "
                "--policy-document file://policy.json",
            ),
        ),
        Fix(
            f"In an attached policy, {change}.",
            (
                f"version=$(aws iam get-policy --policy-arn {arn} --query Policy.DefaultVersionId --output text)",
                f'aws iam get-policy-version --policy-arn {arn} --version-id "$version" '
                "--query PolicyVersion.Document > policy.json",
                edit,
                f"aws iam create-policy-version --policy-arn {arn} --set-as-default "
                "--policy-document file://policy.json",
            ),
        ),
        Fix(
            f"Test with the simulator: if it returns implicitDeny, also allow {action} for {question.role_kind}.",
            (simulate_command(question),),
        ),
    )


def simulate_command(question: AccessQuestion) -> str:
    """The command that simulates the question."""
    return (
        f"aws iam simulate-principal-policy --policy-source-arn {posix(str(question.role))} "
        f"--action-names {question.action} --resource-arns {posix(question.resource)}"
    )


def put_policy(role: RoleArn, name: str, actions: tuple[str, ...], *resources: str) -> str:
    """The command that adds an inline policy to the role.

    The name ends in a digest of the content, so that no policy that something else depends on is replaced.
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
