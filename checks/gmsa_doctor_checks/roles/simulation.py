"""IAM's policy simulator asked about a role, and the policy of the resource beside it.

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
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks.roles.request_context import known_of_requests, known_of_who_and_what

_TRUST = CheckId("execution-role.trust")
_BOOLEAN = ("aws:SecureTransport", "aws:PrincipalIsAWSService", "aws:ViaAWSService")


@dataclass(frozen=True)
class AccessQuestion:
    """Whether a role may do ``action`` on ``resource``.

    ``resource_name`` and ``role_kind`` are what people call the two. ``context`` is what is known of the request, by
    condition key. ``hint`` is what a denial adds. ``evidence`` is the check that makes the real call, if there is one;
    ``fix_name`` names the policy of the fix, where it is not named after that check. ``policy_name`` is what people
    call the resource's policy (empty: it can have none), ``policy_command`` shows it. ``foreign``: the resource is of
    another account.
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
"""What a resource's policy says, or why it cannot be read; None: such a resource has none."""


@bundle
@dataclass(frozen=True)
class PolicySimulator:
    """IAM, where the task runs, and whose credentials these are."""

    iam: Iam
    place: AwsPlace
    caller: Outcome[Caller]

    @property
    def as_execution_role(self) -> bool:
        """Whether these are the execution role's own credentials."""
        return bool(self.caller.value and self.caller.value.is_execution_role)

    @property
    def context(self) -> dict[str, str]:
        """What is certain of the task's requests, by condition key."""
        return known_of_requests(self.place)

    def role(self, text: str) -> RoleArn:
        """The ARN of a role. Ends the check for a role of another account, which IAM tells nothing about."""
        try:
            arn = parse_role_arn(text)
        except ArnError as error:
            raise Stop(skipped(f"IAM was not asked: {text} is no ARN of a role: {error.reason}")) from error
        caller = self.caller.value
        if caller and caller.account != arn.account:
            text = f"IAM was not asked: the role is of account {arn.account}, our credentials of {caller.account}"
            raise Stop(skipped(text, fix=Fix(f"Give --profile for credentials of account {arn.account}.")))
        return arn

    def not_as_execution_role(self) -> None:
        """End the check where these are the execution role's own credentials."""
        if self.as_execution_role:
            raise Stop(skipped("these are the execution role's own credentials, with which IAM is not asked"))

    def already_read(self, found: Outcome[Any], *, from_file: bool = False) -> Finding | None:
        """The finding where the real call has failed already, or was made with the role's own credentials."""
        if found.finding.status is Status.FAIL:
            return deferred_to(found.finding)
        if self.as_execution_role and not from_file:
            by_itself = passed("it was read with the role's own credentials")
            return by_itself if found.value else deferred_to(found.finding)
        return None

    def simulate(self, question: AccessQuestion, *more_actions: str, resources: Sequence[str] = ()) -> Decisions:
        """What IAM decides about the question and ``more_actions``, on its resource or on ``resources``."""
        resources = tuple(resources) or (question.resource,)
        known = {**known_of_who_and_what(question.role, resources), **question.context}
        context = tuple(
            ContextEntry(key, "boolean" if key in _BOOLEAN else "string", (value,)) for key, value in known.items()
        )
        try:
            return self.iam.simulate(str(question.role), (question.action, *more_actions), resources, context)
        except NotFound as error:
            raise Stop(deferred_to(_TRUST, f"there is no role {question.role.name}: see {_TRUST}")) from error

    def simulate_and_read(
        self,
        question: AccessQuestion,
        read_policy: Callable[[], str | None],
        *more_actions: str,
        resources: Sequence[str] = (),
    ) -> tuple[Decisions, ResourcePolicy]:
        """IAM's decisions and the resource's policy, asked at the same time. An error of the policy is returned."""
        calls: tuple[Callable[[], Decisions | ResourcePolicy], ...] = (
            lambda: self.simulate(question, *more_actions, resources=resources),
            lambda: ruling(read_policy(), question),
        )
        (_, decisions), (_, policy) = each(calls, lambda call: call())
        if isinstance(decisions, ClientError):
            raise decisions
        return decisions, policy  # type: ignore[return-value]  # in the order of the calls


def ruling(text: str | None, question: AccessQuestion) -> Ruling:
    """What the text of the resource's policy says to the question. Raises ServiceError for what is no policy."""
    given = {**known_of_who_and_what(question.role, (question.resource,)), **question.context}
    context = {"s3:tlsversion": ("1.2", "1.3"), **{key.lower(): (value,) for key, value in given.items()}}
    try:
        return rule(text, PolicyRequest(question.role, question.action, question.resource, context))
    except PolicyError as error:
        raise ServiceError(f"{question.policy_name} cannot be read: {error}", "MalformedPolicy") from error


def findings_of(calls: Sequence[Callable[[], Sequence[Finding]]]) -> list[Finding]:
    """The findings of calls that run side by side; the error of one is its finding."""
    found: list[Finding] = []
    for _, answer in each(calls, lambda call: call()):
        found += [answer.finding()] if isinstance(answer, ClientError) else answer
    return found
