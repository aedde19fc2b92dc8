"""The plan: what exists and what is missing, in the order in which it is to be created. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from gmsa_doctor.core.model import Finding, Owner, Report
from gmsa_doctor.formats.ad import krb5_conf
from gmsa_doctor.formats.aws.arn import S3ObjectArn, SecretArn
from gmsa_doctor.formats.aws.image_name import ecr_repository
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity
from gmsa_doctor.given.subject import Controller
from gmsa_doctor.setup import parts
from gmsa_doctor.setup.answers import Answers, DnsBy
from gmsa_doctor.setup.iam.scope import Purpose, Scope
from gmsa_doctor.setup.parts import Part

P = TypeVar("P", bound=Part)


class State(StrEnum):
    """Whether a part exists."""

    EXISTS = "exists"
    MISSING = "missing"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Known:
    """Whether a part exists, and why that is known, or is not."""

    state: State
    reason: str = ""


EXISTS, MISSING = Known(State.EXISTS), Known(State.MISSING)
NOT_CHECKED = Known(State.UNKNOWN, "not checked")


@dataclass(frozen=True)
class Survey:
    """What was found. Nothing, if nothing was asked.

    ``repairs``: root causes that no missing part explains. ``report``: of the service, if it was checked.
    ``revision``: of the task definition, the service's own if it exists, as ``web:3``; empty if there is none.
    ``controller``: what deploys the service, and ``deployment`` the id of CodeDeploy's last one.
    """

    known: Mapping[type[Part], Known] = field(default_factory=dict)
    repairs: tuple[Finding, ...] = ()
    report: Report | None = None
    identity: DomainIdentity | None = None
    secret_arn: str = ""
    secret_is_empty: bool = False
    revision: str = ""
    controller: Controller = Controller.ECS
    deployment: str = ""

    def of(self, kind: type[Part]) -> Known:
        """What is known of a part."""
        return self.known.get(kind, NOT_CHECKED)


@dataclass(frozen=True)
class Item:
    """A part of the plan."""

    part: Part
    known: Known


@dataclass(frozen=True)
class Plan:
    """All parts, in the order in which they are created."""

    answers: Answers
    items: tuple[Item, ...]
    survey: Survey

    @property
    def open(self) -> tuple[Item, ...]:
        """The parts that are missing, or may be. Nobody but the developer sees the image."""
        found = tuple(item for item in self.items if item.known.state is not State.EXISTS)
        return found if any(not isinstance(item.part, parts.Image) for item in found) else ()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing, as far as it is known. The check of the service says what is not known."""
        missing = any(item.known.state is State.MISSING for item in self.open)
        return self.survey.report is not None and not (missing or self.survey.repairs)

    def open_of(self, owner: Owner) -> tuple[Item, ...]:
        """The open parts that one person creates."""
        return tuple(item for item in self.open if item.part.owner is owner)

    def has(self, kind: type[Part]) -> bool:
        """Whether a part of this kind is open."""
        return any(isinstance(item.part, kind) for item in self.open)


def plan_of(answers: Answers, survey: Survey) -> Plan:
    """The plan for these answers, after the survey."""
    known = ((part, survey.of(type(part))) for part in _parts(answers, survey))
    gmsa_is_missing = survey.of(parts.Gmsa).state is State.MISSING
    return Plan(
        answers,
        tuple(
            Item(part, known)
            for part, known in known
            if not (gmsa_is_missing and isinstance(part, parts.Permission))  # created with it
        ),
        survey,
    )


def _parts(answers: Answers, survey: Survey) -> Iterator[Part]:
    yield from _in_ad(answers)
    yield parts.Cluster(answers.cluster)
    if answers.log_group:
        yield parts.LogGroup(answers.log_group)
    yield parts.Secret(answers.secret, answers.user, answers.domain, survey.secret_is_empty)
    yield parts.Bucket(answers.bucket)
    path, _, role = f"/{answers.execution_role}".rpartition("/")
    yield parts.Role(role, answers.partition, f"{path}/")
    policy = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", f"gmsa-{answers.gmsa}")  # what IAM accepts
    yield parts.RolePolicy(role, policy, role_policy(answers, survey))
    yield from _in_network(answers)
    yield parts.CredSpecObject(
        answers.bucket,
        answers.key,
        answers.gmsa,
        answers.domain,
        answers.secret,
        survey.secret_arn,
        survey.identity,
    )
    hosts = tuple(map(krb5_conf.host_of, answers.spns))
    yield parts.Image(krb5_conf.render(answers.domain, hosts))
    yield parts.TaskDefinition(
        answers.family,
        answers.container,
        answers.image,
        answers.role_arn,
        answers.credspec_arn,
        answers.log_group,
        answers.region,
        survey.revision,
        *(
            (answers.cluster, answers.service, survey.controller, survey.deployment)
            if survey.of(parts.Service).state is State.EXISTS
            else ()
        ),
    )
    yield parts.Service(
        answers.cluster,
        answers.service,
        answers.family,
        answers.subnets,
        answers.security_groups,
        answers.public_address,
    )


def _in_ad(answers: Answers) -> Iterator[Part]:
    yield parts.RootKey(answers.lab)
    yield parts.Group(answers.group)
    yield parts.User(answers.user, answers.domain)
    yield parts.Member(answers.user, answers.group)
    yield parts.Gmsa(answers.gmsa, f"{answers.gmsa}.{answers.domain}", answers.group)
    yield parts.Permission(answers.gmsa, answers.group)


def _in_network(answers: Answers) -> Iterator[Part]:
    if answers.dns_by is DnsBy.DHCP_OPTIONS:
        yield parts.DhcpOptions(answers.domain, answers.ad_dns, answers.vpc)
    else:
        yield parts.ForwardRule(
            answers.domain,
            answers.ad_dns,
            answers.vpc,
            answers.subnets,
            answers.resolver_endpoint,
            answers.ad_security_group,
        )
    if answers.ad_security_group:
        for source in answers.security_groups:
            yield parts.Ingress(answers.ad_security_group, source, answers.dns_by is DnsBy.DHCP_OPTIONS)


def role_policy(answers: Answers, survey: Survey) -> dict[str, object]:
    """The policy of the execution role: that of ``iam-policy --for execution-role`` for these answers."""
    from gmsa_doctor.formats.aws.arn import parse_secret_arn
    from gmsa_doctor.setup.iam.policies import policy

    place = (answers.partition, answers.region, answers.account)
    scope = Scope(
        partition=answers.partition,
        region=answers.region,
        account=answers.account,
        credspecs=(S3ObjectArn(answers.partition, answers.bucket, answers.key),),
        secrets=() if survey.secret_arn else (SecretArn(*place, answers.secret),),
        full_secrets=(parse_secret_arn(survey.secret_arn),) if survey.secret_arn else (),
        log_groups=(answers.log_group,) if answers.log_group else (),
        repositories=_repository(answers),
    )
    return policy(Purpose.EXECUTION_ROLE, scope)


def _repository(answers: Answers) -> tuple[str, ...]:
    found = ecr_repository(answers.image)
    return (f"arn:{answers.partition}:ecr:{found.region}:{found.account}:repository/{found.name}",) if found else ()
