"""Whether the execution role may read the secret."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Outcome, check
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.given.shared_values import ExecutionRole, LinkedSecret
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.credspec.secret import secret_value
from gmsa_doctor_checks.roles.secret_access import may_read, of_secret
from gmsa_doctor_checks.roles.simulation import PolicySimulator
from gmsa_doctor_checks.values import SecretObject


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
    secret: LinkedSecret,
    found: Outcome[SecretObject],
    secrets: SecretsManager,
    simulator: PolicySimulator,
) -> Finding:
    """Simulates `secretsmanager:GetSecretValue` in IAM on the secret's full ARN, and reads the secret's own policy.

    The role's permissions boundary and the organization's policies apply. Within an account, the secret's policy alone
    may allow it; a secret in another account must also allow it. With the role's own credentials nothing is simulated:
    secret.value made the real call.

    Why: Credentials Fetcher reads the secret with this role. IAM compares the full ARN: a policy on the secret's name
    without the hyphen and six characters that Secrets Manager appends does not match.

    Fix: allow `secretsmanager:GetSecretValue` on the secret's full ARN, or on its name with `-??????`.
    """
    arn = simulator.role(role.arn)
    if known := simulator.already_read(found):
        return known
    question = replace(of_secret(secret.text, arn, simulator.place), evidence=secret_value.id, shows_as=texts.SECRET)
    return may_read(question, simulator, secrets)
