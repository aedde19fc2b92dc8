"""Whether the execution role may use the KMS keys of the CredSpec object and of the secret, told from outside.

Source: https://docs.aws.amazon.com/kms/latest/developerguide/policy-evaluation.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gmsa_doctor.authoring import Finding, Fix, Outcome, ShowsAs, Status, check, failed, passed, skipped, stands_behind
from gmsa_doctor.clients.aws.iam import Iam, SimulatedDecision
from gmsa_doctor.clients.aws.kms import Key, Kms
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.arn import ArnError, RoleArn, parse_arn, parse_secret_arn
from gmsa_doctor.given.shared_values import CredSpecObject, ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import (
    AccessQuestion,
    Policy,
    in_our_account,
    judge_with_key,
    ruling,
    side_by_side,
    simulate,
    worst,
)
from gmsa_doctor_checks.roles.request_context import known_of_requests
from gmsa_doctor_checks.values import SecretObject

_DECRYPT = "kms:Decrypt"
_USABLE = ("Enabled", "Updating")
"""States in which a key decrypts. Source: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"""


@dataclass(frozen=True)
class _KeyUse:
    """A key by whatever name is known of it, and what it encrypts."""

    what: str
    key: str
    service: str
    context: Mapping[str, str]
    evidence: str
    shows_as: ShowsAs | None
    who: str = "the execution role"


@check(
    "execution-role.kms",
    title="The execution role may decrypt with the keys of the CredSpec and the secret",
    docs=links.KMS_POLICIES,
    about="task/executionRoleArn",
    shows=(texts.NOT_RETRIEVED, texts.SECRET),
)
def execution_role_kms(
    role: ExecutionRole,
    found: Outcome[CredSpecObject],
    secret: Outcome[LinkedSecret],
    read: Outcome[SecretObject],
    place: AwsPlace,
    iam: Iam,
    kms: Kms,
    secrets: SecretsManager,
    caller: Outcome[Caller],
) -> Finding:
    """Looks at the customer-managed KMS keys of the CredSpec object and of the secret.

    Each must be enabled, and `kms:Decrypt` allowed by the key's policy: to the role, or to the account, and then by the
    role's own policies too. A grant of the key counts as well. AWS's own keys (aws/s3, aws/secretsmanager) need nothing
    within their account. With the role's own credentials, credspec.object and secret.value have tried it.

    Why: S3 and Secrets Manager decrypt with the permissions of who reads. Without them the answer is AccessDenied,
    although reading is allowed.

    Fix: allow `kms:Decrypt` on the key to the execution role, in its policies and in the key's.
    """
    arn = in_our_account(role.arn, caller)
    if caller.value and caller.value.is_execution_role:
        way = [one.finding for one in (found, read) if one.value is None]
        return stands_behind(way) if way else passed("both were read with the role's own credentials")
    asked: list[Callable[[], Finding | None]] = [
        lambda: _of_object(found, arn, place, iam, kms),
        lambda: _of_secret(secret, read, arn, place, iam, kms, secrets),
    ]
    answers = [one.finding() if isinstance(one, ClientError) else one for _, one in each(asked, lambda ask: ask())]
    judged = [one for one in answers if one]
    if not judged:
        return passed("neither the CredSpec nor the secret has a KMS key of its own")
    decides = worst(judged)
    if decides.status is Status.PASS:
        return replace(decides, summary="; ".join(one.summary for one in judged))
    return decides


# Which keys -----------------------------------------------------------------------------------------


def _of_object(found: Outcome[CredSpecObject], arn: RoleArn, place: AwsPlace, iam: Iam, kms: Kms) -> Finding | None:
    if found.value is None:
        return stands_behind([found.finding])
    if not found.value.key:
        return None
    location = found.value.location
    bucket = location.arn.partition("/")[0]
    use = _KeyUse(
        "the CredSpec",
        found.value.key,
        "s3",
        {"kms:EncryptionContext:aws:s3:arn": bucket if found.value.bucket_key else location.arn},
        "credspec.object",
        texts.NOT_RETRIEVED,
    )
    return _judge(use, arn, place, iam, kms)


def _of_secret(
    secret: Outcome[LinkedSecret],
    read: Outcome[SecretObject],
    arn: RoleArn,
    place: AwsPlace,
    iam: Iam,
    kms: Kms,
    secrets: SecretsManager,
) -> Finding | None:
    if secret.value is None:
        return stands_behind([secret.finding])
    if read.finding.status is Status.FAIL and read.value is None:
        return stands_behind([read.finding])
    use = _use_of_secret(secret.value.text, place, secrets)
    if use:
        return _judge(use, arn, place, iam, kms)
    return _of_own_key_elsewhere(secret.value.text, arn)


def _of_own_key_elsewhere(secret: str, arn: RoleArn) -> Finding | None:
    """None where the secret is of the role's account: there Secrets Manager's own key needs nothing.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
    """
    account = parse_secret_arn(secret).account
    if account == arn.account:
        return None
    return failed(
        f"the secret is of account {account}, and encrypted with the key aws/secretsmanager, which no other can use",
        observed="no KmsKeyId",
        expected=f"a customer-managed key whose policy allows {_DECRYPT} to {arn}",
        fix=Fix(
            f"Let account {account} encrypt the secret with a customer-managed key, put its value again, and allow "
            f"{_DECRYPT} on the key to {arn}.",
            (f"aws secretsmanager update-secret --secret-id {posix(secret)} --kms-key-id {posix('<ARN of the key>')}",),
        ),
        shows_as=texts.SECRET,
        overruled_by="secret.value",
    )


def _use_of_secret(text: str, place: AwsPlace, secrets: SecretsManager) -> _KeyUse | None:
    """None for a secret that Secrets Manager's own key encrypts."""
    described = secrets.describe(text)
    key = described.get("KmsKeyId")
    if not key or key.endswith("alias/aws/secretsmanager"):
        return None
    full = str(described.get("ARN") or text)  # CredentialArn may lack the six characters
    return _KeyUse(
        "the secret",
        key,
        "secretsmanager",
        {} if _is_replica(described, place) else {"kms:EncryptionContext:SecretARN": full},
        "secret.value",
        texts.SECRET,
    )


def may_use_key_of_secret(
    text: str, role: RoleArn, who: str, place: AwsPlace, iam: Iam, kms: Kms, secrets: SecretsManager
) -> Finding | None:
    """Whether another role than the execution role may decrypt the secret; None where that is not the role's matter."""
    use = _use_of_secret(text, place, secrets)
    if use is None or (_whereabouts(use.key)[1] or role.account) != role.account:
        return None
    use = replace(use, evidence="", shows_as=None, who=who)
    key = _usable(use, place, kms)
    return _permitted(use, key, role, place, iam, kms) if isinstance(key, Key) else None


def _is_replica(described: Mapping[str, Any], place: AwsPlace) -> bool:
    return described.get("PrimaryRegion") not in (None, place.region)


# One key --------------------------------------------------------------------------------------------


def _judge(use: _KeyUse, arn: RoleArn, place: AwsPlace, iam: Iam, kms: Kms) -> Finding:
    account = _whereabouts(use.key)[1] or arn.account
    if account != arn.account:
        if not _is_key(use.key):
            return skipped(
                f"the KMS key of {use.what} is another account's, known by its alias {use.key}: IAM compares the key's "
                f"own ARN, which account {account} can tell"
            )
        asked = _question(use, use.key, arn, place)
        decisions = simulate(iam, arn, (_DECRYPT,), (use.key,), asked.context)
        return judge_with_key(replace(asked, foreign=True), decisions, _elsewhere(account))
    key = _usable(use, place, kms)
    return _permitted(use, key, arn, place, iam, kms) if isinstance(key, Key) else key


def _usable(use: _KeyUse, place: AwsPlace, kms: Kms) -> Key | Finding:
    """The key, of our own account, or what is to be said whoever asks."""
    region = _whereabouts(use.key)[0]
    if region and place.region and region != place.region:  # KMS would say that there is no such key
        return skipped(f"the KMS key of {use.what} is in {region}, which was not asked")
    try:
        key = kms.key(use.key)
    except NotFound as error:
        return failed(
            f"the KMS key of {use.what} does not exist: {use.key}",
            observed=error.text,
            expected="an enabled KMS key",
            fix=_another_key(use),
            shows_as=use.shows_as,
            overruled_by=use.evidence or None,
        )
    if key.managed_by_aws:
        return passed(f"{use.what}: a key of AWS's own")
    return key if key.state in _USABLE else _not_enabled(use, key)


def _permitted(use: _KeyUse, key: Key, arn: RoleArn, place: AwsPlace, iam: Iam, kms: Kms) -> Finding:
    asked = _question(use, key.arn, arn, place)
    decisions, policy = side_by_side(
        lambda: simulate(iam, arn, (_DECRYPT,), (key.arn,), asked.context),
        lambda: ruling(kms.policy(key.arn), asked),
    )
    finding = judge_with_key(asked, decisions, policy)
    if finding.status is Status.FAIL and _perhaps_granted(decisions, policy):
        granted = [one for one in kms.grants(key.arn) if one.grantee == str(arn) and "Decrypt" in one.operations]
        return passed(f"a grant of {key.arn} allows it to {arn.name}") if granted else finding
    return finding


def _perhaps_granted(decisions: tuple[SimulatedDecision, ...], policy: Policy) -> bool:
    """A grant allows what nothing else does; it does not outweigh a denial."""
    denied = any(one.decision == "explicitDeny" or False in (one.boundary, one.organizations) for one in decisions)
    return not denied and not getattr(policy, "denies", False)


def _question(use: _KeyUse, key: str, arn: RoleArn, place: AwsPlace) -> AccessQuestion:
    through = {"aws:ViaAWSService": "true"}  # S3 and Secrets Manager ask KMS in the name of who reads
    if place.region and place.partition in ("aws", "aws-us-gov"):  # that of China is not documented
        through["kms:ViaService"] = f"{use.service}.{place.region}.amazonaws.com"
    return AccessQuestion(
        arn,
        _DECRYPT,
        key,
        use.what,
        {**known_of_requests(place), **through, **use.context, "kms:CallerAccount": arn.account},
        evidence=use.evidence,
        about="" if use.evidence else "secret",
        shows_as=use.shows_as,
        who=use.who,
        policy=f"the policy of the key {key.rpartition('/')[2]}",
        show=f"aws kms get-key-policy{place.region_option} --key-id {posix(key)} --policy-name default --query Policy "
        "--output text",
    )


def _whereabouts(key: str) -> tuple[str, str]:
    """The key's region and account, where its name tells them."""
    try:
        arn = parse_arn(key)
    except ArnError:
        return "", ""
    return arn.region, arn.account


def _is_key(name: str) -> bool:
    """Whether it is the ARN of a key, not of an alias."""
    return parse_arn(name).resource.startswith("key/")


def _elsewhere(account: str) -> ClientError:
    return ClientError(f"only account {account} can read it")


def _not_enabled(use: _KeyUse, key: Key) -> Finding:
    deleted = key.state in ("PendingDeletion", "PendingReplicaDeletion")
    what = ("cancel-key-deletion", "enable-key") if deleted else ("describe-key",)
    if key.state == "Disabled":
        what = ("enable-key",)
    region = posix(_whereabouts(key.arn)[0])
    return failed(
        f"the KMS key of {use.what} is {'pending deletion' if deleted else f'not enabled ({key.state})'}",
        observed=f"{key.arn}: {key.state}",
        expected="Enabled",
        fix=Fix(
            "Cancel the key's deletion, and enable it." if deleted else "Enable the key, or use another one.",
            tuple(f"aws kms {one} --region {region} --key-id {posix(key.arn)}" for one in what),
        ),
        shows_as=use.shows_as,
        overruled_by=use.evidence or None,
    )


def _another_key(use: _KeyUse) -> Fix:
    return Fix(f"Store {use.what} again with a key that exists.")
