"""Whether the execution role may read the secrets and parameters that ECS passes to the containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Outcome,
    Owner,
    Status,
    check,
    if_several,
    passed,
    rows_of,
    skipped,
    warned,
    worst,
)
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, OutOfReach
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws import value_from
from gmsa_doctor.formats.aws.arn import Arn, ArnError, RoleArn, SecretArn, SsmParameterArn, parse_secret_arn
from gmsa_doctor.formats.documents.task_definition import Reference, TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.roles.access import judge
from gmsa_doctor_checks.roles.request_context import known_of_requests
from gmsa_doctor_checks.roles.secret_access import GET_VALUE, may_read, of_secret
from gmsa_doctor_checks.roles.simulation import AccessQuestion, Decisions, PolicySimulator

_GET_PARAMETERS = "ssm:GetParameters"
_Named: TypeAlias = tuple[str, Finding]
"""A finding with the name of its secret or parameter."""


@dataclass(frozen=True)
class _WantedSecret:
    arn: SecretArn | SsmParameterArn
    uses: tuple[str, ...]

    @property
    def action(self) -> str:
        return GET_VALUE if isinstance(self.arn, SecretArn) else _GET_PARAMETERS

    @property
    def has_full_arn(self) -> bool:
        """Whether IAM compares this ARN: a secret's may lack its six-character suffix."""
        return isinstance(self.arn, SsmParameterArn) or self.arn.suffix is not None

    @property
    def text(self) -> str:
        """Its name in findings."""
        kind, name = "parameter", self.arn.name
        if isinstance(self.arn, SecretArn):
            kind, name = "secret", name if self.arn.may_lack_its_suffix else self.arn.friendly_name
        return f"the {kind} {name} for {', '.join(map(_setting, self.uses))}"

    @property
    def context(self) -> dict[str, str]:
        """The condition keys that are certain in the requests for it."""
        return known_of_requests(AwsPlace(self.arn.region, None))


@check(
    "execution-role.task-secrets",
    title="The execution role may read the containers' secrets",
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
    """Simulates in IAM whether the role may read the secrets and parameters that the containers name.

    It covers `secrets`, `logConfiguration.secretOptions` and `repositoryCredentials` of all containers, with
    `secretsmanager:GetSecretValue` and `ssm:GetParameters`. It reads a secret's policy only if the role's policies do
    not allow the call; otherwise it checks neither for a Deny in that policy nor whether the secret exists. It does not
    check KMS permissions. For the CredSpec's own secret, see execution-role.secret.

    Why: ECS reads them with this role before it starts the container. Without permission the task stops with
    `unable to pull secrets or registry auth`, before Credentials Fetcher starts.

    Fix: allow these actions on the secrets and parameters for the execution role.
    """
    arn = simulator.role(role.arn)
    simulator.not_as_execution_role()
    task_place = replace(simulator.place, account=simulator.place.account or arn.account)
    wanted, others = _all_wanted(definition, task_place, secret)
    if not wanted and not others:
        return passed("the containers name no secrets or parameters")
    access = _TaskSecretAccess(arn, simulator, secrets)
    return _together([*others, *access.judge_all(wanted)], arn, platform)


def _setting(use: str) -> str:
    """The name of the variable or setting that a container gets: LICENSE in log for `log: secrets LICENSE`."""
    container, _, setting = use.rpartition(": ")
    return f"{setting.removeprefix('secrets ')}{f' in {container}' if container else ''}"


def _together(findings: Sequence[_Named], role: RoleArn, platform: Platform) -> Finding:
    decides = worst(finding for _, finding in findings)
    if decides.status is Status.PASS:
        return passed(f"reading {', '.join(name for name, _ in findings)} is allowed for {role.name}")
    rows = if_several(rows_of((name, finding) for name, finding in findings if finding.status is not Status.PASS))
    if decides.status is not Status.FAIL:
        return replace(decides, rows=rows)
    by_agent = platform.has_ecs_agent  # the ECS agent shows another text
    shows_as = None if by_agent else texts.NO_REGISTRY
    return replace(decides, shows_as=shows_as, rows=rows)


# References -----------------------------------------------------------------------------------------


def _all_wanted(
    definition: TaskDefinition, place: AwsPlace, secret: Outcome[LinkedSecret]
) -> tuple[list[_WantedSecret], list[_Named]]:
    """The secrets and parameters to check, each once, and findings about references that cannot be checked."""
    linked = parse_secret_arn(secret.value.text) if secret.value else None
    uses: dict[SecretArn | SsmParameterArn, list[str]] = {}
    others: list[_Named] = []
    references = [
        (f"{container.name}: {reference.use}" if definition.containers[1:] else reference.use, reference)
        for container in definition.containers
        for reference in container.references
    ]
    for use, reference in references:
        arn = _arn_of(use, reference, place)
        if isinstance(arn, Finding):
            others.append((use, arn))
        elif not (linked and isinstance(arn, SecretArn) and _same(linked, arn)):
            uses.setdefault(arn, []).append(use)
    return [_WantedSecret(arn, tuple(found)) for arn, found in uses.items()], others


def _arn_of(use: str, reference: Reference, place: AwsPlace) -> SecretArn | SsmParameterArn | Finding:
    """The ARN of a referenced secret or parameter, or the finding if there is none."""
    if not place.region and not reference.text.startswith("arn:"):
        return skipped(f"{use} names {reference.text} in the task's region, which is unknown: set --region")
    task = Arn(place.partition or "aws", "ecs", place.region or "", place.account or "", "")
    try:
        arn = value_from.named(reference.text, task, registry=reference.registry)
    except ArnError as error:
        expected = error.suggestion or "the ARN of a secret, or the ARN or the name of a parameter"
        return warned(
            f"{use} names neither a secret nor a parameter that ECS can read: {error.reason}",
            observed=reference.text,
            expected=expected,
            fix=Fix(f"In the task definition, set {use} to {expected}.", owner=Owner.DEVELOPER),
        )
    if isinstance(arn, SsmParameterArn) and arn.path.startswith(value_from.OF_SECRETS):
        return skipped(f"not checked: {use} names a secret through a parameter: {arn.name}")
    return arn


def _same(linked: SecretArn, named: SecretArn) -> bool:
    """Whether both name the same secret, with or without its six-character suffix."""
    return (linked.region, linked.account) == (named.region, named.account) and (
        named.name in (linked.name, linked.friendly_name) or named.friendly_name == linked.name
    )


# Permissions ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _TaskSecretAccess:
    """What the role may read: simulated in groups first, then one by one if the group's decision is not enough."""

    role: RoleArn
    simulator: PolicySimulator
    secrets: SecretsManager

    def judge_all(self, wanted: Sequence[_WantedSecret]) -> list[_Named]:
        groups: dict[tuple[str, str, str], list[_WantedSecret]] = {}
        for secret in wanted:
            groups.setdefault((secret.action, secret.arn.region, secret.arn.account), []).append(secret)
        judged: list[_Named] = []
        for group, answer in each(groups.values(), self._judge_group):
            findings = [answer.finding()] * len(group) if isinstance(answer, ClientError) else answer
            judged += zip((secret.arn.name for secret in group), findings, strict=True)
        return judged

    def _judge_group(self, group: Sequence[_WantedSecret]) -> list[Finding]:
        """The findings for one service, region and account, whose requests have the same context."""
        full_arns = [str(secret.arn) for secret in group if secret.has_full_arn]
        decisions: Decisions = ()
        if full_arns:
            question = AccessQuestion(self.role, group[0].action, full_arns[0], "", group[0].context)
            decisions = self.simulator.simulate(question, resources=full_arns)
        answers = each(group, partial(self._judge, decisions))
        return [answer.finding() if isinstance(answer, ClientError) else answer for _, answer in answers]

    def _judge(self, decisions: Decisions, secret: _WantedSecret) -> Finding:
        arn, name = secret.arn, str(secret.arn)
        foreign, here = arn.account != self.role.account, arn.region == self.simulator.place.region
        may_be_longer = isinstance(arn, SecretArn) and arn.may_lack_its_suffix and here  # IAM compares the full ARN
        decision = next((decision for decision in decisions if decision.resource == name), None)
        if decision and decision.allowed and not foreign and not may_be_longer:
            return passed(f"{secret.action} on {name} is allowed for {self.role.name}")
        if isinstance(arn, SsmParameterArn):
            question = AccessQuestion(
                self.role, secret.action, name, secret.text, secret.context, fix_name="task-parameter"
            )
            if not foreign:
                return judge(question, decisions, None)
            unreadable = ClientError(f"only account {arn.account} can read it")
            return judge(replace(question, policy_name="its resource share", foreign=True), decisions, unreadable)
        question = of_secret(name, self.role, AwsPlace(arn.region, None))
        question = replace(question, resource_name=secret.text, fix_name="task-secret")
        if here:
            return may_read(question, self.simulator, self.secrets)
        if not secret.has_full_arn:
            return skipped(f"not checked: {secret.text} is in {arn.region}, and its full ARN is unknown")
        return judge(question, decisions, OutOfReach(f"not read, since it is in {arn.region}"))
