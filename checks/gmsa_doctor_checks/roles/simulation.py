"""IAM's policy simulator for a role, together with the policy of the resource.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Outcome,
    ShowsAs,
    Status,
    Stop,
    bundle,
    deferred_to,
    passed,
    skipped,
)
from gmsa_doctor.clients.aws.iam import ContextEntry, Iam, SimulatedDecision
from gmsa_doctor.core.errors import ClientError, NotFound, ServiceError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.arn import ArnError, RoleArn, parse_role_arn
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, Ruling, rule
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks.roles.request_context import known_of_requests, known_of_who_and_what

_TRUST = CheckId("execution-role.trust")
_BOOLEAN = ("aws:SecureTransport", "aws:PrincipalIsAWSService", "aws:ViaAWSService")


@dataclass(frozen=True)
class AccessQuestion:
    """Whether a role may do ``action`` on ``resource``.

    ``resource_name``, ``role_kind`` and ``policy_name`` (of the resource's policy; empty: it can have none) are the
    words in findings. ``context`` holds the known condition keys of the request. ``hint`` is added to a denial.
    ``evidence`` is the check that makes the real call, if any; ``fix_name`` names the policy of the fix if it is not
    named after that check. ``policy_command`` shows the resource's policy. ``foreign``: the resource belongs to another
    account.
    """

    role: RoleArn
    action: str
    resource: str
    resource_name: str
    context: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    evidence: CheckId | None = None
    fix_name: str = ""
    shows_as: ShowsAs | None = None
    policy_name: str = ""
    policy_command: str = ""
    foreign: bool = False
    role_kind: str = "the execution role"


Decisions: TypeAlias = tuple[SimulatedDecision, ...]
ResourcePolicy: TypeAlias = Ruling | ClientError | None
"""What a resource's policy says, or why it cannot be read; None if such a resource has no policy."""


@bundle
@dataclass(frozen=True)
class PolicySimulator:
    """IAM, the task's region and account, and the owner of our credentials."""

    iam: Iam
    place: AwsPlace
    caller: Outcome[Caller]

    @property
    def as_execution_role(self) -> bool:
        """Whether our credentials are the execution role's."""
        return bool(self.caller.value and self.caller.value.is_execution_role)

    @property
    def context(self) -> dict[str, str]:
        """The condition keys that are certain in the task's requests."""
        return known_of_requests(self.place)

    def role(self, text: str) -> RoleArn:
        """The ARN of a role. Stops the check for a role of another account, which IAM does not show."""
        try:
            arn = parse_role_arn(text)
        except ArnError as error:
            raise Stop(skipped(f"not checked: {text} is not the ARN of a role: {error.reason}")) from error
        caller = self.caller.value
        if caller and caller.account != arn.account:
            text = f"not checked: the role is in account {arn.account}, our credentials are for {caller.account}"
            raise Stop(skipped(text, fix=Fix(f"Set --profile to credentials for account {arn.account}.")))
        return arn

    def not_as_execution_role(self) -> None:
        """Stop the check if our credentials are the execution role's."""
        if self.as_execution_role:
            raise Stop(skipped("not simulated in IAM: these are the execution role's own credentials"))

    def role_on_fargate(self, role: ExecutionRole, platform: Platform, does: str) -> RoleArn:
        """The role that ECS uses on Fargate. Stops the check on EC2, where the instance's role ``does`` it."""
        arn = self.role(role.arn)
        self.not_as_execution_role()
        if platform.launch is Launch.EC2:
            raise Stop(skipped(f"on EC2, the role of the container instance {does}, not the execution role"))
        return arn

    def already_read(self, found: Outcome[Any], *, from_file: bool = False) -> Finding | None:
        """The finding if the real call has already failed, or was made with the role's own credentials."""
        if found.finding.status is Status.FAIL:
            return deferred_to(found.finding)
        if self.as_execution_role and not from_file:
            by_role = passed("read with the execution role's own credentials")
            return by_role if found.value else deferred_to(found.finding)
        return None

    def simulate(self, question: AccessQuestion, *more_actions: str, resources: Sequence[str] = ()) -> Decisions:
        """IAM's decisions about the question and ``more_actions``, on its resource or on ``resources``."""
        resources = tuple(resources) or (question.resource,)
        known = {**known_of_who_and_what(question.role, resources), **question.context}
        context = tuple(
            ContextEntry(key, "boolean" if key in _BOOLEAN else "string", (value,)) for key, value in known.items()
        )
        try:
            return self.iam.simulate(str(question.role), (question.action, *more_actions), resources, context)
        except NotFound as error:
            raise Stop(deferred_to(_TRUST, f"the role {question.role.name} does not exist: see {_TRUST}")) from error

    def simulate_and_read(
        self,
        question: AccessQuestion,
        read_policy: Callable[[], str | None],
        *more_actions: str,
        resources: Sequence[str] = (),
    ) -> tuple[Decisions, ResourcePolicy]:
        """IAM's decisions and the resource's policy, read in parallel. An error of the policy is returned."""
        calls: tuple[Callable[[], Decisions | ResourcePolicy], ...] = (
            lambda: self.simulate(question, *more_actions, resources=resources),
            lambda: ruling(read_policy(), question),
        )
        (_, decisions), (_, policy) = each(calls, lambda call: call())
        if isinstance(decisions, ClientError):
            raise decisions
        return decisions, policy  # type: ignore[return-value]  # in the order of the calls


def ruling(text: str | None, question: AccessQuestion) -> Ruling:
    """What the resource's policy says about the question. Raises ServiceError if the text is not a policy."""
    given = {**known_of_who_and_what(question.role, (question.resource,)), **question.context}
    context = {"s3:tlsversion": ("1.2", "1.3"), **{key.lower(): (value,) for key, value in given.items()}}
    try:
        return rule(text, PolicyRequest(question.role, question.action, question.resource, context))
    except PolicyError as error:
        raise ServiceError(f"{question.policy_name} cannot be parsed: {error}", "MalformedPolicy") from error


def findings_of(calls: Sequence[Callable[[], Sequence[Finding]]]) -> list[Finding]:
    """The findings of calls that run in parallel; an error becomes a finding."""
    found: list[Finding] = []
    for _, answer in each(calls, lambda call: call()):
        found += [answer.finding()] if isinstance(answer, ClientError) else answer
    return found
