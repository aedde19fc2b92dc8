"""Whether a role may decrypt with a KMS key, as IAM and the key's policy say.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import CheckId, Finding, Fix, ShowsAs, Status, failed, passed, skipped
from gmsa_doctor.clients.aws.kms import Key, Kms
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.formats.aws.arn import Arn, ArnError, RoleArn, parse_arn
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.simulation import AccessQuestion, Decisions, PolicySimulator, ResourcePolicy

DECRYPT = "kms:Decrypt"
_USABLE = ("Enabled", "Updating")
"""States in which a key decrypts. Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"""


@dataclass(frozen=True)
class KeyUse:
    """A KMS key, by the id, alias or ARN that is known, and the object that a service encrypts with it."""

    object_name: str
    key: str
    service: str
    context: Mapping[str, str]
    evidence: CheckId | None = None
    shows_as: ShowsAs | None = None

    @property
    def arn(self) -> Arn | None:
        """The ARN of the key or of an alias; None if only the id or alias is known."""
        try:
            return parse_arn(self.key)
        except ArnError:
            return None


def key_of_secret(secret: str, place: AwsPlace, secrets: SecretsManager) -> KeyUse | None:
    """The customer-managed key of a secret; None if the AWS managed key encrypts it."""
    described = secrets.describe(secret)
    key = described.get("KmsKeyId")
    if not key or key.endswith("alias/aws/secretsmanager"):
        return None
    full_arn = str(described.get("ARN") or secret)  # CredentialArn may lack the six-character suffix
    is_replica = described.get("PrimaryRegion") not in (None, place.region)
    context = {} if is_replica else {"kms:EncryptionContext:SecretARN": full_arn}
    return KeyUse("the secret", key, "secretsmanager", context)


@dataclass(frozen=True)
class KeyAccess:
    """Judges whether a role may decrypt with keys."""

    role: RoleArn
    simulator: PolicySimulator
    kms: Kms
    role_kind: str = "the execution role"
    fix_name: str = ""

    def judge(self, use: KeyUse) -> Finding:
        """The finding about a key of any account."""
        arn = use.arn
        if arn is None or arn.account == self.role.account:
            key = self._usable(use)
            return self._permitted(use, key) if isinstance(key, Key) else key
        if not arn.resource.startswith("key/"):
            return skipped(
                f"the KMS key of {use.object_name} belongs to account {arn.account} and is referenced by alias "
                f"{use.key}; IAM needs the key ARN: ask account {arn.account} for it"
            )
        question = replace(self._question(use, use.key), foreign=True)
        unreadable = ClientError(f"only account {arn.account} can read it")
        return judge(question, self.simulator.simulate(question), unreadable, policy_required=True)

    def judge_usable(self, use: KeyUse) -> Finding | None:
        """The finding about the role's permission; None for a key of another account or one that cannot be used."""
        key = self._usable(use) if use.arn is None or use.arn.account == self.role.account else None
        return self._permitted(use, key) if isinstance(key, Key) else None

    def _usable(self, use: KeyUse) -> Key | Finding:
        """The key in the role's account, or the finding about a key that no role can use."""
        region = use.arn and use.arn.region
        if region and self.simulator.place.region not in (None, region):  # KMS would not find it
            return skipped(f"not checked: the KMS key of {use.object_name} is in {region}")
        try:
            key = self.kms.key(use.key)
        except NotFound as error:
            return _failed(
                use,
                f"does not exist: {use.key}",
                observed=error.text,
                expected="an enabled KMS key",
                fix=Fix(f"Encrypt {use.object_name} with a key that exists, and store it again."),
            )
        if key.managed_by_aws:
            return passed(f"{use.object_name}: encrypted with an AWS managed key")
        return key if key.state in _USABLE else not_enabled(use, key)

    def _permitted(self, use: KeyUse, key: Key) -> Finding:
        question = self._question(use, key.arn)
        decisions, policy = self.simulator.simulate_and_read(question, lambda: self.kms.policy(key.arn))
        finding = judge(question, decisions, policy, policy_required=True)
        if finding.status is Status.FAIL and not _is_denied(decisions, policy):
            grants = self.kms.grants(key.arn, str(self.role))
            if any(grant.grantee == str(self.role) and "Decrypt" in grant.operations for grant in grants):
                return passed(f"a grant of {key.arn} allows {DECRYPT} for {self.role.name}")
        return finding

    def _question(self, use: KeyUse, key: str) -> AccessQuestion:
        place = self.simulator.place
        through = {"aws:ViaAWSService": "true"}  # S3 and Secrets Manager call KMS on behalf of the reader
        if place.region and place.partition in ("aws", "aws-us-gov"):  # China's kms:ViaService is not documented
            through["kms:ViaService"] = f"{use.service}.{place.region}.amazonaws.com"
        return AccessQuestion(
            self.role,
            DECRYPT,
            key,
            use.object_name,
            {**self.simulator.context, **through, **use.context, "kms:CallerAccount": self.role.account},
            evidence=use.evidence,
            fix_name=self.fix_name,
            shows_as=use.shows_as,
            role_kind=self.role_kind,
            policy_name=f"the policy of the key {key.rpartition('/')[2]}",
            policy_command=f"aws kms get-key-policy --key-id {posix(key)} --policy-name default "
            "--query Policy --output text",
            policy_put=f"aws kms put-key-policy --key-id {posix(key)} --policy-name default --policy",
        )


def _is_denied(decisions: Decisions, policy: ResourcePolicy) -> bool:
    """Whether something denies it: a grant does not override a Deny."""
    return bool(getattr(policy, "denies", False)) or any(
        decision.decision == "explicitDeny" or False in (decision.boundary, decision.organizations)
        for decision in decisions
    )


def not_enabled(use: KeyUse, key: Key) -> Finding:
    """The failure of a key in a state in which it cannot decrypt."""
    deleted = key.state in ("PendingDeletion", "PendingReplicaDeletion")
    subcommands = ("cancel-key-deletion", "enable-key") if deleted else ("describe-key",)
    if key.state == "Disabled":
        subcommands = ("enable-key",)
    return _failed(
        use,
        f"is {'pending deletion' if deleted else f'not enabled ({key.state})'}",
        observed=f"{key.arn}: {key.state}",
        expected="Enabled",
        fix=Fix(
            "Cancel the deletion of the key, and enable it." if deleted else "Enable the key, or use another one.",
            tuple(f"aws kms {name} --key-id {posix(key.arn)}" for name in subcommands),
        ),
    )


def _failed(use: KeyUse, reason: str, *, observed: str, expected: str, fix: Fix) -> Finding:
    return failed(
        f"the KMS key of {use.object_name} {reason}",
        observed=observed,
        expected=expected,
        fix=fix,
        shows_as=use.shows_as,
        overruled_by=use.evidence,
    )
