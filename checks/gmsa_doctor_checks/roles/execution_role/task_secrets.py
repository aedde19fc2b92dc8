"""Whether the execution role may read what ECS hands to the containers: the secrets and parameters that they name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from gmsa_doctor.authoring import Finding, Outcome, Status, check, if_several, passed, rows_of, skipped, warned, worst
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, OutOfReach
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws import value_from
from gmsa_doctor.formats.aws.arn import Arn, ArnError, RoleArn, SecretArn, SsmParameterArn, parse_secret_arn
from gmsa_doctor.formats.documents.task_definition import Reference, TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.request_context import known_of_requests
from gmsa_doctor_checks.roles.secret_access import GET_VALUE, may_read, of_secret
from gmsa_doctor_checks.roles.simulation import AccessQuestion, Decisions, PolicySimulator

_GET_PARAMETERS = "ssm:GetParameters"
_STOPS = "ECS stops the task before it starts the container"
_Named: TypeAlias = tuple[str, Finding]
"""A finding, with the name of what it is about."""


@dataclass(frozen=True)
class _WantedSecret:
    """A secret or a parameter, and where the task definition names it."""

    arn: SecretArn | SsmParameterArn
    uses: tuple[str, ...]

    @property
    def action(self) -> str:
        return GET_VALUE if isinstance(self.arn, SecretArn) else _GET_PARAMETERS

    @property
    def has_full_arn(self) -> bool:
        """Whether it is the ARN that IAM compares: that of a secret may lack its last six characters."""
        return isinstance(self.arn, SsmParameterArn) or self.arn.suffix is not None

    @property
    def text(self) -> str:
        """What people call it."""
        kind = "secret" if isinstance(self.arn, SecretArn) else "parameter"
        return f"the {kind} {self.arn.name} ({', '.join(self.uses)})"

    @property
    def context(self) -> dict[str, str]:
        """What is certain of the requests for it, by condition key."""
        return known_of_requests(AwsPlace(self.arn.region, None))


@check(
    "execution-role.task-secrets",
    title="The execution role may read what ECS hands to the containers",
    docs=links.TASK_SECRETS,
    about="task/containerDefinitions",
    shows=(texts.NO_REGISTRY,),
)
def execution_role_task_secrets(
    role: ExecutionRole,
    definition: TaskDefinition,
    secret: Outcome[LinkedSecret],
    platform: Platform,
    secrets: SecretsManager,
    simulator: PolicySimulator,
) -> Finding:
    """Lets IAM simulate reading the secrets and parameters that the containers name.

    Those of `secrets`, of `logConfiguration.secretOptions` and of `repositoryCredentials`, of all containers:
    `secretsmanager:GetSecretValue`, `ssm:GetParameters`. Where the role's own policies do not allow it, the secret's
    policy is read as well; where they do, a Deny in it is not looked for, nor whether the secret is there. Permissions
    for KMS keys are not looked at. The CredSpec's own secret is execution-role.secret's.

    Why: ECS reads them with this role before it starts the container. If it may not, the task stops with
    `unable to pull secrets or registry auth`, before anything of gMSA happens.

    Fix: allow these actions on the secrets and parameters to the execution role.
    """
    arn = simulator.role(role.arn)
    simulator.not_as_execution_role()
    task_place = replace(simulator.place, account=simulator.place.account or arn.account)
    wanted, others = _all_wanted(definition, task_place, secret)
    if not wanted and not others:
        return passed("the containers name no secrets of their own")
    access = _TaskSecretAccess(arn, task_place, simulator, secrets)
    return _together([*others, *access.judge_all(wanted)], arn, platform)


def _together(findings: Sequence[_Named], role: RoleArn, platform: Platform) -> Finding:
    """The finding about all of them, each with its name."""
    decides = worst(finding for _, finding in findings)
    if decides.status is Status.PASS:
        return passed(f"reading {', '.join(name for name, _ in findings)} is allowed to {role.name}")
    rows = if_several(rows_of((name, finding) for name, finding in findings if finding.status is not Status.PASS))
    if decides.status is not Status.FAIL:
        return replace(decides, rows=rows)
    by_agent = platform.launch in (Launch.EC2, Launch.EXTERNAL)  # which has words of its own
    shows_as = None if by_agent else texts.NO_REGISTRY
    return replace(decides, summary=f"{decides.summary}; {_STOPS}", shows_as=shows_as, rows=rows)


# What is named --------------------------------------------------------------------------------------


def _all_wanted(
    definition: TaskDefinition, place: AwsPlace, secret: Outcome[LinkedSecret]
) -> tuple[list[_WantedSecret], list[_Named]]:
    """What is to be judged, each once, and what cannot be."""
    linked = parse_secret_arn(secret.value.text) if secret.value else None
    uses: dict[SecretArn | SsmParameterArn, list[str]] = {}
    others: list[_Named] = []
    for use, reference in _references(definition):
        arn = _arn_of(use, reference, place)
        if isinstance(arn, Finding):
            others.append((use, arn))
        elif not (linked and isinstance(arn, SecretArn) and _same(linked, arn)):
            uses.setdefault(arn, []).append(use)
    return [_WantedSecret(arn, tuple(found)) for arn, found in uses.items()], others


def _references(definition: TaskDefinition) -> Iterator[tuple[str, Reference]]:
    several = len(definition.containers) > 1
    for container in definition.containers:
        for reference in container.references:
            yield f"{container.name}: {reference.use}" if several else reference.use, reference


def _arn_of(use: str, reference: Reference, place: AwsPlace) -> SecretArn | SsmParameterArn | Finding:
    """The ARN of what is named, or why there is none."""
    if not place.region and not reference.text.startswith("arn:"):
        return skipped(f"{use} names {reference.text} of the task's region, which is not known: give --region")
    task = Arn(place.partition or "aws", "ecs", place.region or "", place.account or "", "")
    try:
        arn = value_from.named(reference.text, task, registry=reference.registry)
    except ArnError as error:
        return warned(
            f"{use} names nothing that ECS reads: {error.reason}",
            observed=reference.text,
            expected=error.suggestion or "the ARN of a secret, or the ARN or the name of a parameter",
        )
    if isinstance(arn, SsmParameterArn) and arn.path.startswith(value_from.OF_SECRETS):
        return skipped(f"{use} names a secret by a parameter, which is not looked at: {arn.name}")
    return arn


def _same(linked: SecretArn, named: SecretArn) -> bool:
    """Whether both name one secret, with its last six characters or without."""
    return (linked.region, linked.account) == (named.region, named.account) and (
        named.name in (linked.name, linked.friendly_name) or named.friendly_name == linked.name
    )


# What is allowed ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _TaskSecretAccess:
    """What the role may read. What can be simulated together is; what is not allowed so is then looked at."""

    role: RoleArn
    place: AwsPlace
    simulator: PolicySimulator
    secrets: SecretsManager

    def judge_all(self, wanted: Sequence[_WantedSecret]) -> list[_Named]:
        """A finding for each."""
        groups: dict[tuple[str, str, str], list[_WantedSecret]] = {}
        for secret in wanted:
            groups.setdefault((secret.action, secret.arn.region, secret.arn.account), []).append(secret)
        return [named for group, answer in each(groups.values(), self._judge_group) for named in _named(group, answer)]

    def _judge_group(self, group: Sequence[_WantedSecret]) -> list[Finding]:
        """Those of one service, region and account: the requests have the same context."""
        full_arns = [str(secret.arn) for secret in group if secret.has_full_arn]
        decisions: Decisions = ()
        if full_arns:
            question = AccessQuestion(self.role, group[0].action, full_arns[0], "", group[0].context)
            decisions = self.simulator.simulate(question, resources=full_arns)
        answers = each(group, partial(self._judge, decisions))
        return [answer.finding() if isinstance(answer, ClientError) else answer for _, answer in answers]

    def _judge(self, decisions: Decisions, secret: _WantedSecret) -> Finding:
        arn, name = secret.arn, str(secret.arn)
        foreign = arn.account != self.role.account
        decision = next((decision for decision in decisions if decision.resource == name), None)
        if decision and decision.allowed and not foreign and not self._may_have_longer_arn(arn):
            return passed(f"{secret.action} on {name} is allowed to {self.role.name}")
        if isinstance(arn, SsmParameterArn):
            question = AccessQuestion(
                self.role, secret.action, name, secret.text, secret.context, fix_name="task-parameter"
            )
            if not foreign:
                return judge(question, decisions, None)
            unreadable = ClientError(f"only account {arn.account} can tell")
            return judge(replace(question, policy_name="how it is shared", foreign=True), decisions, unreadable)
        question = of_secret(name, self.role, AwsPlace(arn.region, None))
        question = replace(question, resource_name=secret.text, fix_name="task-secret")
        if arn.region == self.place.region:
            return may_read(question, self.simulator, self.secrets)
        if not secret.has_full_arn:
            return skipped(f"{secret.text} is in {arn.region}, which was not asked for its full ARN")
        return judge(question, decisions, OutOfReach(f"it is in {arn.region}, which was not asked"))

    def _may_have_longer_arn(self, arn: SecretArn | SsmParameterArn) -> bool:
        """Whether IAM may compare with a longer ARN, which Secrets Manager can be asked for."""
        return isinstance(arn, SecretArn) and arn.may_lack_its_suffix and arn.region == self.place.region


def _named(group: Sequence[_WantedSecret], answer: Sequence[Finding] | ClientError) -> Iterator[_Named]:
    findings = [answer.finding()] * len(group) if isinstance(answer, ClientError) else answer
    return ((secret.arn.name, finding) for secret, finding in zip(group, findings, strict=True))
