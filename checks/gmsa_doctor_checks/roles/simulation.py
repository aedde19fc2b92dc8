"""IAM's policy simulator for a role, together with the policy of the resource.

Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, Ruling, rule, rule_identity
from gmsa_doctor.given.shared_values import ExecutionRole
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.given.vantage import Caller
from gmsa_doctor_checks.roles.request_context import has_not, known_of_requests, known_of_who_and_what
from gmsa_doctor_checks.roles.request_facts import EVERYTHING, FactFinder, RequestOf, unknown_to_scps
from gmsa_doctor_checks.roles.request_network import NETWORK_KEYS, Facts

_TRUST = CheckId("execution-role.trust")
_BOOLEAN = ("aws:SecureTransport", "aws:PrincipalIsAWSService", "aws:ViaAWSService")


@dataclass(frozen=True)
class AccessQuestion:
    """Whether a role may do ``action`` on ``resource``.

    ``verb``, ``resource_name``, ``role_kind`` and ``policy_name`` (of the resource; empty: it has none) are the
    words in findings. ``context`` holds the known condition keys of the request. ``hint`` is added to a denial.
    ``evidence`` is the check that makes the real call, if any; ``fix_name`` names the policy of the fix if it is not
    named after that check. ``policy_command`` shows the resource's policy, and ``policy_put`` puts it back from
    ``policy.json``. ``foreign``: the resource belongs to another
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
    policy_put: str = ""
    foreign: bool = False
    role_kind: str = "the execution role"
    verb: str = "read"
    trust: CheckId = _TRUST
    """The check that reports a role that does not exist."""


Decisions: TypeAlias = tuple[SimulatedDecision, ...]
ResourcePolicy: TypeAlias = Ruling | ClientError | None
"""What a resource's policy says, or why it cannot be read; None if such a resource has no policy."""


@bundle
@dataclass(frozen=True)
class PolicySimulator:
    """IAM, the task's region and account, the owner of our credentials, and facts about requests."""

    iam: Iam
    place: AwsPlace
    caller: Outcome[Caller]
    facts: FactFinder

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
        """IAM's decisions about the question and ``more_actions``, on its resource or on ``resources``.

        If the policies test condition keys that are not in the question's context, their values are looked up.
        """
        resources = tuple(resources) or (question.resource,)
        actions = (question.action, *more_actions)
        known = {**known_of_who_and_what(question.role, resources), **question.context}
        try:
            first = self._simulated(question.role, actions, resources, known)
        except NotFound as error:
            text = f"the role {question.role.name} does not exist: see {question.trust}"
            raise Stop(deferred_to(question.trust, text)) from error
        return tuple(self._settled(decision, question.role, known) for decision in first)

    def _simulated(
        self, role: RoleArn, actions: tuple[str, ...], resources: tuple[str, ...], known: Mapping[str, str]
    ) -> Decisions:
        context = tuple(ContextEntry(key, _type_of(key), (value,)) for key, value in known.items())
        return self.iam.simulate(str(role), actions, resources, context)

    def _settled(self, decision: SimulatedDecision, role: RoleArn, known: Mapping[str, str]) -> SimulatedDecision:
        """The decision with as few unknown condition keys as possible.

        The simulator does not say which keys an SCP tests, so all facts are looked up if an SCP denies.
        """
        by_scp = decision.organizations is False
        keys = _open(decision, known, frozenset())
        if not keys and not by_scp:
            return replace(decision, missing=())
        request = RequestOf(role, decision.action, decision.resource, known)
        sources, error = self.facts.of(request, (*keys, *EVERYTHING) if by_scp else keys)
        found = [self._with(decision, request, facts) for facts in sources]
        agreed = found[0] if all(_same(found[0], other) for other in found) else None
        if agreed is None:
            tested = tuple(key for key in NETWORK_KEYS if key.lower() in map(str.lower, keys)) or NETWORK_KEYS
            return replace(decision, missing=tested, organizations=None)
        if agreed.organizations is False:
            return replace(agreed, unknown_in_scp=unknown_to_scps(request, sources[0]), error=error)
        if agreed.missing:
            try:
                agreed = self._by_own_evaluation(agreed, request, sources)
            except ClientError as failure:
                error = error or failure
        return replace(agreed, error=error) if agreed.missing else agreed

    def _with(self, decision: SimulatedDecision, request: RequestOf, facts: Facts) -> SimulatedDecision:
        """The decision with the facts; keys that the request lacks are not missing."""
        known = {**request.context, **facts.values}
        if facts.values:
            (decision,) = self._simulated(request.role, (request.action,), (request.resource,), known)
        return replace(decision, missing=_open(decision, known, facts.absent))

    def _by_own_evaluation(
        self, decision: SimulatedDecision, request: RequestOf, sources: Sequence[Facts]
    ) -> SimulatedDecision:
        """Reads the role's policies: a statement whose key is unknown hides no certain denial by another one."""
        policies = self.iam.policies(str(request.role))
        rulings = [rule_identity(policies, policy_request(request, facts)) for facts in sources]
        denies, allows = (_same_answer([getattr(ruling, name) for ruling in rulings]) for name in ("denies", "allows"))
        if denies is True:
            return replace(decision, decision="explicitDeny", missing=(), policies=(rulings[0].denied_by,))
        if allows is False:
            open_keys = tuple(dict.fromkeys(key for ruling in rulings for key in ruling.deny_keys))
            return replace(decision, decision="implicitDeny", missing=(), may_deny=open_keys)
        keys = dict.fromkeys(key for ruling in rulings for key in (*ruling.deny_keys, *ruling.allow_keys))
        if decision.boundary is None and not keys:
            return replace(decision, decision="allowed", missing=())
        return replace(decision, missing=tuple(keys) or decision.missing)

    def ruling(self, text: str | None, question: AccessQuestion) -> Ruling:
        """What the resource's policy says about the question. Raises ServiceError if the text is not a policy.

        If it depends on condition keys that are not in the question's context, their values are looked up.
        """
        known = {**known_of_who_and_what(question.role, (question.resource,)), **question.context}
        request = RequestOf(question.role, question.action, question.resource, known)
        try:
            found = rule(text, policy_request(request, Facts()))
            keys = (*found.deny_keys, *found.allow_keys)
            if not keys:
                return found
            sources, error = self.facts.of(request, keys)
            rulings = [rule(text, policy_request(request, facts)) for facts in sources]
        except PolicyError as failure:
            raise ServiceError(f"{question.policy_name} cannot be parsed: {failure}", "MalformedPolicy") from failure
        denies, allows, delegates = (
            _same_answer([getattr(ruling, name) for ruling in rulings]) for name in ("denies", "allows", "delegates")
        )
        return replace(
            found,
            denies=denies,
            allows=allows,
            delegates=delegates,
            denied_by=rulings[0].denied_by if denies else found.denied_by,
            facts=_described(sources, keys),
            error=error.text if error else "",
        )

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
            lambda: self.ruling(read_policy(), question),
        )
        (_, decisions), (_, policy) = each(calls, lambda call: call())
        if isinstance(decisions, ClientError):
            raise decisions
        return decisions, policy  # type: ignore[return-value]  # in the order of the calls


def _described(sources: Sequence[Facts], keys: Sequence[str]) -> str:
    """The values of the keys in the possible requests, for a finding."""
    wanted = {key.lower() for key in keys}
    network = {key.lower() for key in NETWORK_KEYS}
    tested = [
        (key, value) for facts in sources for key, value in facts.values.items() if wanted & network or key in keys
    ]
    return ", ".join(dict.fromkeys(f"{key} {value}" for key, value in tested if key.lower() in wanted | network))


def policy_request(request: RequestOf, facts: Facts) -> PolicyRequest:
    """The request as policies see it."""
    given = {key.lower(): (value,) for key, value in {**request.context, **facts.values}.items()}
    return PolicyRequest(
        request.role, request.action, request.resource, {"s3:tlsversion": ("1.2", "1.3"), **given}, facts.absent
    )


def _type_of(key: str) -> str:
    name = key.lower()
    if name in ("aws:sourceip", "aws:vpcsourceip"):
        return "ip"
    if name in ("aws:currenttime", "aws:tokenissuetime"):
        return "date"
    return "boolean" if key in _BOOLEAN else "string"


def _open(decision: SimulatedDecision, known: Mapping[str, str], absent: frozenset[str]) -> tuple[str, ...]:
    """The missing keys that the request may have."""
    return tuple(
        key for key in decision.missing if key.lower() not in absent and not has_not(key, decision.action, known)
    )


def _same(one: SimulatedDecision, other: SimulatedDecision) -> bool:
    return (one.decision, one.boundary, one.organizations) == (other.decision, other.boundary, other.organizations)


def _same_answer(answers: Sequence[bool | None]) -> bool | None:
    return answers[0] if len(set(answers)) == 1 else None


def findings_of(calls: Sequence[Callable[[], Sequence[Finding]]]) -> list[Finding]:
    """The findings of calls that run in parallel; an error becomes a finding."""
    found: list[Finding] = []
    for _, answer in each(calls, lambda call: call()):
        found += [answer.finding()] if isinstance(answer, ClientError) else answer
    return found
