"""Whether a role may read a secret: IAM compares with its full ARN, which may have been left unfinished."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Status, failed, unknown
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.formats.aws.arn import RoleArn, parse_secret_arn
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import AccessQuestion, judge, ruling, side_by_side, simulate
from gmsa_doctor_checks.roles.request_context import known_of_requests

GET_VALUE = "secretsmanager:GetSecretValue"


def of_secret(text: str, role: RoleArn, place: AwsPlace) -> AccessQuestion:
    """The question whether a role may read the CredSpec's secret, of this ARN."""
    parsed = parse_secret_arn(text)
    return AccessQuestion(
        role,
        GET_VALUE,
        text,
        "the secret",
        {**known_of_requests(place), "secretsmanager:SecretId": text},
        evidence="secret.value",
        shows_as=texts.SECRET,
        policy="the policy of the secret",
        show=f"aws secretsmanager get-resource-policy --region {posix(parsed.region)} --secret-id {posix(text)} "
        "--query ResourcePolicy --output text",
        foreign=parsed.account != role.account,
    )


def may_read(asked: AccessQuestion, iam: Iam, secrets: SecretsManager) -> Finding:
    """The finding about a secret whose ARN may lack the six characters that Secrets Manager appends."""
    text = asked.resource
    parsed = parse_secret_arn(text)
    if parsed.suffix:
        # The secret's own name, such as gmsa-secret, may end in what looks like the six characters.
        if parsed.may_lack_its_suffix:
            return _judge(replace(asked, resource=_full_arn(text, secrets) or text), iam, secrets)
        finding = _judge(asked, iam, secrets)
        if finding.status is not Status.FAIL:
            return finding
        full = _full_arn(text, secrets) or text
        return finding if full == text else _judge(replace(asked, resource=full), iam, secrets)
    try:
        found = str(secrets.describe(text)["ARN"])
    except NotFound as error:
        return _missing(asked, error)
    except ClientError as error:
        return unknown(
            f"{asked.what} is named without the six characters that Secrets Manager appends; IAM compares the full "
            f"ARN, which is not known: {error.text}",
            observed=text,
            expected=f"{text}-<six characters>",
            fix=Fix(
                "Name the secret by its full ARN.",
                (f"aws secretsmanager describe-secret --secret-id {posix(text)} --query ARN",),
            ),
        )
    return _judge(replace(asked, resource=found), iam, secrets)


def _full_arn(text: str, secrets: SecretsManager) -> str | None:
    """As Secrets Manager tells it; None where that is not known."""
    try:
        return secrets.describe(text).get("ARN")
    except ClientError:
        return None


def _judge(asked: AccessQuestion, iam: Iam, secrets: SecretsManager) -> Finding:
    """Whether the role may read the secret of this full ARN."""
    text = asked.resource
    bare = text.removesuffix(f"-{parse_secret_arn(text).suffix}")
    decisions, policy = side_by_side(
        lambda: simulate(iam, asked.role, (asked.action,), (text, bare), asked.context),
        lambda: ruling(secrets.policy(text), asked),
    )
    if isinstance(policy, NotFound) and not asked.foreign:
        return _missing(asked, policy)
    if any(one.allowed and one.resource == bare for one in decisions):
        asked = replace(asked, hint=f"; a policy names the secret without its last six characters: write {bare}-??????")
    return judge(asked, decisions, policy)


def _missing(asked: AccessQuestion, error: NotFound) -> Finding:
    return failed(
        f"{asked.what} does not exist",
        observed=error.text,
        expected=asked.resource,
        fix=Fix(
            "Name a secret that exists, or create it.",
            ("aws secretsmanager list-secrets --query 'SecretList[].ARN'",),
        ),
        shows_as=asked.shows_as,
    )
