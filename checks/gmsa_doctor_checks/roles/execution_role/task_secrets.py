"""What ECS reads with the execution role before it starts a container: secrets and parameters that it names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import Finding, Outcome, Row, Status, check, passed, skipped, warned
from gmsa_doctor.clients.aws.iam import Iam, SimulatedDecision
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, OutOfReach
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws import value_from
from gmsa_doctor.formats.aws.arn import Arn, ArnError, RoleArn, SsmParameterArn, parse_secret_arn
from gmsa_doctor.formats.aws.arn import SecretArn as ParsedSecret
from gmsa_doctor.formats.documents.task_definition import Reference, TaskDefinition
from gmsa_doctor.given.shared_values import ExecutionRole, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.roles.access import AccessQuestion, in_our_account, judge, simulate, worst
from gmsa_doctor_checks.roles.request_context import known_of_requests
from gmsa_doctor_checks.roles.secret_access import GET_VALUE, may_read, of_secret

_GET_PARAMETERS = "ssm:GetParameters"
_STOPS = "ECS stops the task before it starts the container"


@dataclass(frozen=True)
class _WantedSecret:
    """A secret or a parameter, and where the task definition names it."""

    arn: ParsedSecret | SsmParameterArn
    uses: tuple[str, ...]

    @property
    def action(self) -> str:
        return GET_VALUE if isinstance(self.arn, ParsedSecret) else _GET_PARAMETERS

    @property
    def whole(self) -> bool:
        """Whether it is the ARN that IAM compares: that of a secret may lack its last six characters."""
        return isinstance(self.arn, SsmParameterArn) or self.arn.suffix is not None

    @property
    def what(self) -> str:
        """The words for it."""
        kind = "secret" if isinstance(self.arn, ParsedSecret) else "parameter"
        return f"the {kind} {self.arn.name} ({', '.join(self.uses)})"


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
    place: AwsPlace,
    platform: Platform,
    iam: Iam,
    secrets: SecretsManager,
    caller: Outcome[Caller],
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
    arn = in_our_account(role.arn, caller)
    if caller.value and caller.value.is_execution_role:
        return skipped("these are the execution role's own credentials, with which IAM is not asked")
    here = replace(place, account=place.account or arn.account)
    wanted, others = _all_wanted(definition, here, secret)
    if not wanted and not others:
        return passed("the containers name no secrets of their own")
    asking = _TaskSecretAccess(arn, here, iam, secrets)
    return _together([*others, *asking.judged(wanted)], arn, platform)


def _together(findings: Sequence[tuple[str, Finding]], role: RoleArn, platform: Platform) -> Finding:
    """The finding about all of them, each with its name."""
    decides = worst([one for _, one in findings])
    if decides.status is Status.PASS:
        return passed(f"reading {', '.join(name for name, _ in findings)} is allowed to {role.name}")
    wrong = tuple(Row(name, one.status, one.summary) for name, one in findings if one.status is not Status.PASS)
    rows = wrong if len(wrong) > 1 else ()
    if decides.status is not Status.FAIL:
        return replace(decides, rows=rows)
    by_agent = platform.launch in (Launch.EC2, Launch.EXTERNAL)  # which has words of its own
    shows_as = None if by_agent else texts.NO_REGISTRY
    return replace(decides, summary=f"{decides.summary}; {_STOPS}", shows_as=shows_as, rows=rows)


# What is named --------------------------------------------------------------------------------------


def _all_wanted(
    definition: TaskDefinition, here: AwsPlace, secret: Outcome[LinkedSecret]
) -> tuple[list[_WantedSecret], list[tuple[str, Finding]]]:
    """What is to be judged, each once, and what cannot be."""
    known = parse_secret_arn(secret.value.text) if secret.value else None
    uses: dict[ParsedSecret | SsmParameterArn, list[str]] = {}
    others: list[tuple[str, Finding]] = []
    for use, one in _references(definition):
        named = _named(use, one, here)
        if isinstance(named, Finding):
            others.append((use, named))
        elif not (known and isinstance(named, ParsedSecret) and _same(known, named)):
            uses.setdefault(named, []).append(use)
    return [_WantedSecret(arn, tuple(found)) for arn, found in uses.items()], others


def _references(definition: TaskDefinition) -> Iterator[tuple[str, Reference]]:
    several = len(definition.containers) > 1
    for container in definition.containers:
        for one in container.references:
            yield (f"{container.name}: {one.use}" if several else one.use), one


def _named(use: str, one: Reference, here: AwsPlace) -> ParsedSecret | SsmParameterArn | Finding:
    """The ARN of what is named, or why there is none."""
    if not here.region and not one.text.startswith("arn:"):
        return skipped(f"{use} names {one.text} of the task's region, which is not known: give --region")
    task = Arn(here.partition or "aws", "ecs", here.region or "", here.account or "", "")
    try:
        arn = value_from.named(one.text, task, registry=one.registry)
    except ArnError as error:
        return warned(
            f"{use} names nothing that ECS reads: {error.reason}",
            observed=one.text,
            expected=error.suggestion or "the ARN of a secret, or the ARN or the name of a parameter",
        )
    if isinstance(arn, SsmParameterArn) and arn.path.startswith(value_from.OF_SECRETS):
        return skipped(f"{use} names a secret by a parameter, which is not looked at: {arn.name}")
    return arn


def _same(one: ParsedSecret, other: ParsedSecret) -> bool:
    """Whether both name one secret, with its last six characters or without."""
    names = {(one.name, other.name), (one.friendly_name, other.name), (one.name, other.friendly_name)}
    return (one.region, one.account) == (other.region, other.account) and any(a == b for a, b in names)


# What is allowed ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _TaskSecretAccess:
    """Whom it is asked about, and how. What can be simulated together is; what is not allowed so is then looked at."""

    role: RoleArn
    here: AwsPlace
    iam: Iam
    secrets: SecretsManager

    def judged(self, wanted: Sequence[_WantedSecret]) -> list[tuple[str, Finding]]:
        """A finding for each."""
        groups: dict[tuple[str, str, str], list[_WantedSecret]] = {}
        for one in wanted:
            groups.setdefault((one.action, one.arn.region, one.arn.account), []).append(one)
        answers = each(groups.values(), self._of_a_group)
        return [
            found
            for group, answer in answers
            for found in (
                [(one.arn.name, answer.finding()) for one in group] if isinstance(answer, ClientError) else answer
            )
        ]

    def _of_a_group(self, group: Sequence[_WantedSecret]) -> list[tuple[str, Finding]]:
        """Of one service, region and account: the requests have the same context."""
        whole = tuple(str(one.arn) for one in group if one.whole)
        decisions = simulate(self.iam, self.role, (group[0].action,), whole, _context(group[0])) if whole else ()
        answers = each(group, lambda one: self._judge(one, decisions))
        return [(one.arn.name, it.finding() if isinstance(it, ClientError) else it) for one, it in answers]

    def _judge(self, one: _WantedSecret, decisions: Sequence[SimulatedDecision]) -> Finding:
        foreign = one.arn.account != self.role.account
        decision = next((it for it in decisions if it.resource == str(one.arn)), None)
        if decision and decision.allowed and not foreign and not self._to_be_described(one):
            return passed(f"{one.action} on {one.arn} is allowed to {self.role.name}")
        if isinstance(one.arn, SsmParameterArn):
            asked = AccessQuestion(self.role, one.action, str(one.arn), one.what, _context(one), about="task-parameter")
            if not foreign:
                return judge(asked, decisions, None)
            elsewhere = ClientError(f"only account {one.arn.account} can tell")
            return judge(replace(asked, policy="how it is shared", foreign=True), decisions, elsewhere)
        asked = replace(
            of_secret(str(one.arn), self.role, AwsPlace(one.arn.region, None)),
            what=one.what,
            evidence="",
            about="task-secret",
            shows_as=None,
        )
        if one.arn.region == self.here.region:
            return may_read(asked, self.iam, self.secrets)
        if not one.whole:
            return skipped(f"{one.what} is in {one.arn.region}, which was not asked for its full ARN")
        return judge(asked, decisions, OutOfReach(f"it is in {one.arn.region}, which was not asked"))

    def _to_be_described(self, one: _WantedSecret) -> bool:
        """Whether IAM may compare with a longer ARN, which can be asked for."""
        return isinstance(one.arn, ParsedSecret) and one.arn.may_lack_its_suffix and one.arn.region == self.here.region


def _context(one: _WantedSecret) -> dict[str, str]:
    return known_of_requests(AwsPlace(one.arn.region, None))
