"""Whether a role may read a secret. IAM compares full ARNs; ours may lack the six-character suffix."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, Status, failed, unknown
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.formats.aws.arn import RoleArn, parse_secret_arn
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.request_context import known_of_requests
from gmsa_doctor_checks.roles.simulation import AccessQuestion, PolicySimulator

GET_VALUE = "secretsmanager:GetSecretValue"


def of_secret(text: str, role: RoleArn, place: AwsPlace) -> AccessQuestion:
    """The question whether a role may read the secret with this ARN."""
    parsed = parse_secret_arn(text)
    return AccessQuestion(
        role,
        GET_VALUE,
        text,
        "the secret",
        {**known_of_requests(place), "secretsmanager:SecretId": text},
        policy_name="the policy of the secret",
        policy_command=f"aws secretsmanager get-resource-policy --secret-id {posix(text)} --query ResourcePolicy "
        "--output text",
        policy_put=f"aws secretsmanager put-resource-policy --secret-id {posix(text)} --resource-policy",
        foreign=parsed.account != role.account,
    )


def may_read(question: AccessQuestion, simulator: PolicySimulator, secrets: SecretsManager) -> Finding:
    """The finding about a secret whose ARN may lack the six-character suffix of Secrets Manager."""
    text = question.resource
    parsed = parse_secret_arn(text)
    if parsed.suffix and not parsed.may_lack_its_suffix:
        finding = _judge(question, simulator, secrets)
        if finding.status is not Status.FAIL:
            return finding
        full_arn = _full_arn(text, secrets)
        return finding if full_arn == text else _judge(replace(question, resource=full_arn), simulator, secrets)
    if parsed.suffix:  # the secret's own name, such as gmsa-secret, may end in what looks like the six characters
        return _judge(replace(question, resource=_full_arn(text, secrets)), simulator, secrets)
    try:
        full_arn = str(secrets.describe(text)["ARN"])
    except NotFound as error:
        return _missing(question, error)
    except ClientError as error:
        return unknown(
            f"the ARN of {question.resource_name} lacks the six-character suffix of Secrets Manager; IAM compares the "
            f"full ARN, which is unknown: {error.text}",
            observed=text,
            expected=f"{text}-<six characters>",
            fix=Fix(
                "Use the secret's full ARN.",
                (f"aws secretsmanager describe-secret --secret-id {posix(text)} --query ARN",),
            ),
        )
    return _judge(replace(question, resource=full_arn), simulator, secrets)


def _full_arn(text: str, secrets: SecretsManager) -> str:
    """The ARN that Secrets Manager returns; ``text`` if it returns none."""
    try:
        return secrets.describe(text).get("ARN") or text
    except ClientError:
        return text


def _judge(question: AccessQuestion, simulator: PolicySimulator, secrets: SecretsManager) -> Finding:
    text = question.resource
    bare = text.removesuffix(f"-{parse_secret_arn(text).suffix}")
    decisions, policy = simulator.simulate_and_read(question, lambda: secrets.policy(text), resources=(text, bare))
    if isinstance(policy, NotFound) and not question.foreign:
        return _missing(question, policy)
    if any(decision.allowed and decision.resource == bare for decision in decisions):
        hint = f"; a policy names the secret without its six-character suffix: use {bare}-??????"
        question = replace(question, hint=hint)
    return judge(question, decisions, policy)


def _missing(question: AccessQuestion, error: NotFound) -> Finding:
    return failed(
        f"{question.resource_name} does not exist",
        observed=error.text,
        expected=question.resource,
        fix=Fix(
            "Use the ARN of an existing secret, or create the secret.",
            ("aws secretsmanager list-secrets --query 'SecretList[].ARN'",),
        ),
        shows_as=question.shows_as,
    )
