"""EC2: whether the roles of the container instances may read the secret, beside the execution role."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Outcome,
    Row,
    Status,
    Stop,
    check,
    passed,
    skipped,
    stands_behind,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import ContainerInstances, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import in_our_account, worst
from gmsa_doctor_checks.roles.execution_role.kms import may_use_key_of_secret
from gmsa_doctor_checks.roles.secret_access import GET_VALUE, may_read, of_secret
from gmsa_doctor_checks.task.container_instances import listed
from gmsa_doctor_checks.values import PrefixedArn, SecretObject

_REPORTED = (
    "Credentials Fetcher 2.0.1 was reported to read the secret with the instance's role, and to give up if it may not"
)
_WHO = "the instance role"


@dataclass(frozen=True)
class _InstanceRoleAccess:
    """What is asked of each role, and whom."""

    secret: LinkedSecret
    place: AwsPlace
    iam: Iam
    kms: Kms
    secrets: SecretsManager
    caller: Outcome[Caller]


@check(
    "instance-role.secret",
    title="The roles of the container instances may read the secret",
    docs=links.INSTANCE_ROLE,
)
def instance_role_secret(
    instances: ContainerInstances,
    secret: LinkedSecret,
    found: Outcome[SecretObject],
    prefixed: PrefixedArn,
    platform: Platform,
    place: AwsPlace,
    ec2: Ec2,
    iam: Iam,
    kms: Kms,
    secrets: SecretsManager,
    caller: Outcome[Caller],
) -> Finding:
    """On EC2, without a domain join: lets IAM simulate `secretsmanager:GetSecretValue` with the instances' own roles.

    Of those container instances that can give a task its gMSA, by their instance profiles. The secret's own policy
    counts as well, and so does `kms:Decrypt` on the secret's KMS key, if it has one of its own. It is a warning, no
    failure: which version of Credentials Fetcher they run cannot be seen, nor what other credentials it may have. The
    CredSpec needs nothing of these roles: the ECS agent reads it with the task's execution role.

    Why: Credentials Fetcher 2.0.1 looks into the secret for the gMSA's distinguished name with the role of the
    instance, and was reported to give up where it may not, although the execution role may. 1.3 goes on, and so does
    other public source code of 2.x, but without the secret's `distinguishedName`. 2.x does not look
    where `CF_GMSA_DISTINGUISHED_NAME` is set in `/etc/ecs/ecs.config`.

    Fix: allow `secretsmanager:GetSecretValue` on the secret to the role of the instance profile, and `kms:Decrypt` on
    the secret's KMS key, if it has one of its own.
    """
    if ready := _not_needed(prefixed, platform):
        return ready
    if found.finding.status is Status.FAIL:
        return stands_behind([found.finding])
    if caller.value and caller.value.is_execution_role:
        return skipped("these are the execution role's own credentials, with which IAM is not asked")
    names = {one.ec2: one.name for one in instances.members if one.ec2}
    if not names:
        return skipped("the container instances are none of EC2: with what credentials those run, AWS does not tell")
    described = {str(one["InstanceId"]): one for one in ec2.instances(tuple(names))}
    profiles = {id: str(one.get("IamInstanceProfile", {}).get("Arn", "")) for id, one in described.items()}
    asking = _InstanceRoleAccess(secret, place, iam, kms, secrets, caller)
    answers = each(dict.fromkeys(profiles.values()), lambda profile: _of_profile(profile, asking))
    by_profile = {one: found.finding() if isinstance(found, ClientError) else found for one, found in answers}
    if not by_profile:
        return skipped("the container instances have gone meanwhile")
    return _together({names[id]: by_profile[profile] for id, profile in profiles.items()}, _others(instances, profiles))


def _not_needed(prefixed: PrefixedArn, platform: Platform) -> Finding | None:
    if platform.launch is Launch.EXTERNAL:
        return skipped(
            "on external instances (ECS Anywhere), which have no instance profile: with what credentials Credentials "
            "Fetcher runs there, AWS does not tell"
        )
    if platform.launch is not Launch.EC2:
        return passed(f"not on EC2: {platform.launch or 'where the task runs is not known'}")
    if not prefixed.domainless:
        return passed("credentialspec: asks for hosts that have joined the domain, and no secret is read there")
    if Fetcher.V2 not in platform.fetchers:
        return passed("Credentials Fetcher 1.3 needs the execution role's permission only")
    return None


def _others(instances: ContainerInstances, known: Mapping[str, str]) -> tuple[Row, ...]:
    """Those of which no profile can be told."""
    return tuple(
        Row(one.name, Status.SKIPPED, "has gone meanwhile" if one.ec2 else "no instance of EC2: it has no profile")
        for one in instances.members
        if one.ec2 not in known
    )


# One profile ----------------------------------------------------------------------------------------


def _of_profile(profile: str, asking: _InstanceRoleAccess) -> Finding:
    if not profile:
        return _no_role("no instance profile", "no IamInstanceProfile")
    name = profile.rpartition("/")[2]
    show = f"aws iam get-instance-profile --instance-profile-name {posix(name)}"
    try:
        role = asking.iam.role_of_profile(profile)
    except NotFound as error:
        return _no_role(f"the instance profile {name} does not exist any more", error.text, show)
    if role is None:
        return _no_role(f"the instance profile {name} holds no role", profile, show)
    try:
        return _of_role(role, asking)
    except Stop as stop:
        return stop.finding


def _no_role(what: str, observed: str, *commands: str) -> Finding:
    return warned(
        f"{what}; {_REPORTED}",
        observed=observed,
        expected=f"an instance profile whose role may {GET_VALUE}",
        fix=Fix("Give the instances a profile with a role that may read the secret.", commands),
    )


def _of_role(text: str, asking: _InstanceRoleAccess) -> Finding:
    role = in_our_account(text, asking.caller)
    secret, place, iam, kms, secrets = asking.secret.text, asking.place, asking.iam, asking.kms, asking.secrets
    asked = replace(of_secret(secret, role, place), who=_WHO, evidence="", about="secret", shows_as=None)
    questions: tuple[Callable[[], Finding | None], ...] = (
        lambda: may_read(asked, iam, secrets),
        lambda: may_use_key_of_secret(secret, role, _WHO, place, iam, kms, secrets),
    )
    answers = each(questions, lambda ask: ask())
    finding = worst([one.finding() if isinstance(one, ClientError) else one for _, one in answers if one])
    if finding.status is Status.PASS:
        return passed(f"{role.name} may read the secret")
    if finding.status is not Status.FAIL:
        return finding
    return replace(finding, status=Status.WARN, summary=f"{finding.summary}; {_REPORTED}")


# All of them ----------------------------------------------------------------------------------------


def _together(found: Mapping[str, Finding], others: tuple[Row, ...]) -> Finding:
    """The finding about all instances, by name."""
    rows = (*(Row(name, one.status, one.summary) for name, one in found.items()), *others)
    decides = worst(list(found.values()))
    if decides.status is Status.PASS:
        return passed("; ".join(dict.fromkeys(one.summary for one in found.values())), rows=rows)
    if decides.status is not Status.WARN:
        return replace(decides, rows=rows)
    names = listed([name for name, one in found.items() if one == decides])
    return replace(decides, summary=f"{names}: {decides.summary}", rows=rows)
