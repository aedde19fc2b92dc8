"""EC2: whether the roles of the container instances may read the secret, in addition to the execution role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Outcome,
    Row,
    Status,
    Stop,
    check,
    deferred_to,
    listed,
    passed,
    rows_of,
    skipped,
    warned,
    worst,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import ContainerInstances, LinkedSecret
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.key_access import KeyAccess, key_of_secret
from gmsa_doctor_checks.roles.secret_access import GET_VALUE, may_read, of_secret
from gmsa_doctor_checks.roles.simulation import PolicySimulator, findings_of
from gmsa_doctor_checks.values import PrefixedArn, SecretObject
from gmsa_doctor_checks.versions import on_ec2

_REPORTED = (
    "Credentials Fetcher 2.0.1 is reported to read the secret with the instance's role, and to fail without permission"
)
_MOST_NAMES = 5
_ROLE_KIND = "the instance role"
_FIX_NAME = "secret"


@check(
    "instance-role.secret", title="The roles of the container instances may read the secret", docs=links.INSTANCE_ROLE
)
def instance_role_secret(
    instances: ContainerInstances,
    secret: LinkedSecret,
    found: Outcome[SecretObject],
    prefixed: PrefixedArn,
    platform: Platform,
    ec2: Ec2,
    kms: Kms,
    secrets: SecretsManager,
    simulator: PolicySimulator,
) -> Finding:
    """On EC2 without a domain join, simulates `secretsmanager:GetSecretValue` in IAM for the roles of the instances.

    It covers the instance profiles of the container instances that support gMSA. It also evaluates the secret's own
    policy, and `kms:Decrypt` if a customer-managed KMS key encrypts the secret. The result is a warning, never a
    failure: neither the version of Credentials Fetcher nor its other credentials are visible from here. These roles do
    not need the CredSpec: the ECS agent reads it with the task's execution role.

    Why: Credentials Fetcher 2.0.1 reads the gMSA's distinguished name from the secret with the instance's role, and is
    reported to fail without permission, even if the execution role has it. 1.3 and other public source code of 2.x
    continue without the secret's `distinguishedName`. 2.x does not read it if `CF_GMSA_DISTINGUISHED_NAME` is set in
    `/etc/ecs/ecs.config`.

    Fix: allow `secretsmanager:GetSecretValue` on the secret, and `kms:Decrypt` on its customer-managed KMS key if it
    has one, for the role of the instance profile.
    """
    if not_needed := _not_needed(prefixed, platform):
        return not_needed
    if found.finding.status is Status.FAIL:
        return deferred_to(found.finding)
    simulator.not_as_execution_role()
    names = {instance.ec2: instance.name for instance in instances.members if instance.ec2}
    if not names:
        return skipped("the container instances are not EC2 instances, so AWS does not show which credentials they use")
    profiles = {
        str(instance["InstanceId"]): str(instance.get("IamInstanceProfile", {}).get("Arn", ""))
        for instance in ec2.instances(tuple(names))
    }
    if not profiles:
        return skipped("the container instances were terminated in the meantime")
    readers = _ProfileRoles(secret.text, kms, secrets, simulator)
    by_profile = {
        profile: answer.finding() if isinstance(answer, ClientError) else answer
        for profile, answer in each(dict.fromkeys(profiles.values()), readers.judge)
    }
    without_profile = tuple(
        Row(member.name, Status.SKIPPED, "terminated" if member.ec2 else "not an EC2 instance: no instance profile")
        for member in instances.members
        if member.ec2 not in profiles
    )
    roles = {names[id]: by_profile[profile] for id, profile in profiles.items()}
    return on_ec2(_together(roles, without_profile), platform)


def _not_needed(prefixed: PrefixedArn, platform: Platform) -> Finding | None:
    if platform.launch is Launch.EXTERNAL:
        return skipped(
            "external instances (ECS Anywhere) have no instance profile, so AWS does not show which credentials "
            "Credentials Fetcher uses there"
        )
    if platform.launch not in (Launch.EC2, None):
        return passed(f"not on EC2: {platform.launch}")
    if not prefixed.domainless:
        return passed("the prefix credentialspec: is for domain-joined hosts, which read no secret")
    if Fetcher.V2 not in platform.fetchers:
        return passed("Credentials Fetcher 1.3 requires only the execution role's permission")
    return None


@dataclass(frozen=True)
class _ProfileRoles:
    """Whether the roles of instance profiles may read the secret."""

    secret: str
    kms: Kms
    secrets: SecretsManager
    simulator: PolicySimulator

    def judge(self, profile: str) -> Finding:
        """The finding about one profile."""
        if not profile:
            associate = (
                f"aws ec2 associate-iam-instance-profile --instance-id {posix('<instance id>')} "
                f"--iam-instance-profile {posix('Name=<instance profile>')}"
            )
            return _no_role("the instance has no instance profile", "no IamInstanceProfile", associate)
        name = profile.rpartition("/")[2]
        option = f"--instance-profile-name {posix(name)}"
        add_role = f"aws iam add-role-to-instance-profile {option} --role-name {posix('<role>')}"
        try:
            role = self.simulator.iam.role_of_profile(profile)
            if role is None:
                return _no_role(f"the instance profile {name} has no role", profile, add_role)
            return self._judge_role(role)
        except NotFound as error:
            create = f"aws iam create-instance-profile {option}"
            return _no_role(f"the instance profile {name} no longer exists", error.text, create, add_role)
        except Stop as stop:
            return stop.finding

    def _judge_role(self, text: str) -> Finding:
        role = self.simulator.role(text)
        question = of_secret(self.secret, role, self.simulator.place)
        question = replace(question, role_kind=_ROLE_KIND, fix_name=_FIX_NAME)
        access = KeyAccess(role, self.simulator, self.kms, _ROLE_KIND, _FIX_NAME)
        finding = worst(
            findings_of((lambda: [may_read(question, self.simulator, self.secrets)], lambda: self._judge_key(access)))
        )
        if finding.status is Status.PASS:
            return passed(f"{role.name} may read the secret")
        return finding.to_warning(f"; {_REPORTED}")

    def _judge_key(self, access: KeyAccess) -> list[Finding]:
        use = key_of_secret(self.secret, self.simulator.place, self.secrets)
        finding = access.judge_usable(use) if use else None
        return [finding] if finding else []


def _no_role(reason: str, observed: str, *commands: str) -> Finding:
    return warned(
        f"{reason}; {_REPORTED}",
        observed=observed,
        expected=f"an instance profile with a role that allows {GET_VALUE}",
        fix=Fix("Give the instances an instance profile with a role that may read the secret.", commands),
    )


def _together(found: Mapping[str, Finding], without_profile: tuple[Row, ...]) -> Finding:
    rows = (*rows_of(found.items()), *without_profile)
    decides = worst(found.values())
    if decides.status is Status.PASS:
        return passed("; ".join(dict.fromkeys(finding.summary for finding in found.values())), rows=rows)
    if decides.status is not Status.WARN:
        return replace(decides, rows=rows)
    names = listed((name for name, finding in found.items() if finding == decides), most=_MOST_NAMES)
    return replace(decides, summary=f"{names}: {decides.summary}", rows=rows)
