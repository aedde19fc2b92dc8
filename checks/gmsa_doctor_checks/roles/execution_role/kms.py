"""Whether the execution role may use the KMS keys of the CredSpec object and of the secret."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Outcome, Status, check, deferred_to, failed, passed, worst
from gmsa_doctor.clients.aws.kms import Kms
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.formats.aws.arn import RoleArn, parse_secret_arn
from gmsa_doctor.given.shared_values import CredSpecObject, ExecutionRole, LinkedSecret
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_secret, posix
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.credspec.secret import secret_value
from gmsa_doctor_checks.roles.key_access import DECRYPT, KeyAccess, KeyUse, key_of_secret
from gmsa_doctor_checks.roles.simulation import PolicySimulator, findings_of
from gmsa_doctor_checks.values import SecretObject


@check(
    "execution-role.kms",
    title="The execution role may use the KMS keys",
    docs=links.KMS_POLICIES,
    about="task/executionRoleArn",
    shows=(texts.NOT_RETRIEVED, texts.SECRET),
)
def execution_role_kms(
    role: ExecutionRole,
    found: Outcome[CredSpecObject],
    secret: Outcome[LinkedSecret],
    read: Outcome[SecretObject],
    kms: Kms,
    secrets: SecretsManager,
    simulator: PolicySimulator,
) -> Finding:
    """Checks the customer-managed KMS keys of the CredSpec object and of the secret.

    Each key must be enabled. Its policy must allow `kms:Decrypt` for the role, or for the account together with the
    role's own policies; a grant of the key also allows it. AWS managed keys (aws/s3, aws/secretsmanager) require
    nothing within their account. With the role's own credentials, credspec.object and secret.value made the real calls.

    Why: S3 and Secrets Manager decrypt with the permissions of the reader. Without `kms:Decrypt` they return
    AccessDenied, even if reading is allowed.

    Fix: allow `kms:Decrypt` on the key for the execution role, in the role's policies and in the key policy.
    """
    access = KeyAccess(simulator.role(role.arn), simulator, kms)
    if simulator.as_execution_role:
        unread = [outcome.finding for outcome in (found, read) if outcome.value is None]
        return deferred_to(unread) if unread else passed("both were read with the execution role's own credentials")
    judged = findings_of((lambda: _of_object(found, access), lambda: _of_secret(secret, read, access, secrets)))
    if not judged:
        return passed("neither the CredSpec nor the secret has a customer-managed KMS key")
    decides = worst(judged)
    if decides.status is Status.PASS:
        return replace(decides, summary="; ".join(finding.summary for finding in judged))
    return decides


def _of_object(found: Outcome[CredSpecObject], access: KeyAccess) -> list[Finding]:
    if found.value is None:
        return [deferred_to(found.finding)]
    if not found.value.key:
        return []
    arn = found.value.location.arn
    context = {"kms:EncryptionContext:aws:s3:arn": arn.partition("/")[0] if found.value.bucket_key else arn}
    use = KeyUse("the CredSpec", found.value.key, "s3", context, credspec_object.id, texts.NOT_RETRIEVED)
    return [access.judge(use)]


def _of_secret(
    secret: Outcome[LinkedSecret], read: Outcome[SecretObject], access: KeyAccess, secrets: SecretsManager
) -> list[Finding]:
    if secret.value is None:
        return [deferred_to(secret.finding)]
    if read.finding.status is Status.FAIL and read.value is None:
        return [deferred_to(read.finding)]
    use = key_of_secret(secret.value.text, access.simulator.place, secrets)
    if use:
        return [access.judge(replace(use, evidence=secret_value.id, shows_as=texts.SECRET))]
    return own_key_of_secrets_manager(secret.value.text, access.role)


def own_key_of_secrets_manager(secret: str, role: RoleArn) -> list[Finding]:
    """The failure of a secret in another account; within the role's account the AWS managed key requires nothing.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples_cross.html
    """
    account, key = parse_secret_arn(secret).account, posix("<ARN of the key>")
    if account == role.account:
        return []
    return [
        failed(
            f"the secret is in account {account} and encrypted with the key aws/secretsmanager, which other accounts "
            "cannot use",
            observed="no KmsKeyId",
            expected=f"a customer-managed key whose policy allows {DECRYPT} for {role}",
            fix=Fix(
                f"In account {account}, encrypt the secret with a customer-managed key, store its value again, and "
                f"allow {DECRYPT} on the key for {role}.",
                (
                    f"aws secretsmanager update-secret --secret-id {posix(secret)} --kms-key-id {key}",
                    *edit_secret(secret),
                    f"aws kms create-grant --key-id {key} --grantee-principal {posix(str(role))} --operations Decrypt",
                ),
            ),
            shows_as=texts.SECRET,
            overruled_by=secret_value.id,
        )
    ]
