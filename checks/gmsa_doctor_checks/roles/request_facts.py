"""Finds the values of condition keys that a policy tests: of the role, its organization, the secret, and the network.

Each is read only if a policy tests it. What cannot be known stays unknown.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gmsa_doctor.authoring import Outcome, bundle
from gmsa_doctor.clients.aws.iam import Iam
from gmsa_doctor.clients.aws.organizations import Organizations
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.given.subject import AwsPlace, Launch, Network, Platform, StartRole
from gmsa_doctor_checks.roles.request_context import SETTING_TAGS
from gmsa_doctor_checks.roles.request_network import NETWORK_KEYS, Facts, NetworkReader

_NETWORK = frozenset(key.lower() for key in NETWORK_KEYS)
_PRINCIPAL_ORG, _PRINCIPAL_PATH = "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"
_RESOURCE_ORG, _RESOURCE_PATH = "aws:ResourceOrgID", "aws:ResourceOrgPaths"
_ORGANIZATION = (_PRINCIPAL_ORG, _PRINCIPAL_PATH, _RESOURCE_ORG, _RESOURCE_PATH)
_TAG, _RESOURCE_TAG, _SECRET_TAG = "aws:PrincipalTag/", "aws:ResourceTag/", "secretsmanager:ResourceTag/"
_SET_TAG = "aws:RequestTag/"
EVERYTHING = (*_ORGANIZATION, _TAG, "aws:userid", _RESOURCE_TAG, _SET_TAG, "aws:currenttime", *_NETWORK)
"""What an SCP may test. A prefix of tags stands for all of them."""
_OF_S3 = {"s3:signatureversion": "AWS4-HMAC-SHA256", "s3:authType": "REST-HEADER"}
"""How the AWS SDKs sign. Source: https://docs.aws.amazon.com/AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html"""


@dataclass(frozen=True)
class RequestOf:
    """A role's request for an action on a resource, with the condition keys that are known without a call."""

    role: RoleArn
    action: str
    resource: str
    context: Mapping[str, str]

    @property
    def via_service(self) -> bool:
        """Whether another service makes it for the role, from its own network."""
        return self.context.get("aws:ViaAWSService") == "true"

    @property
    def in_own_account(self) -> bool:
        """Whether the resource certainly is in the role's account."""
        owner = self.context.get("aws:ResourceAccount") or (self.resource.split(":") + [""] * 5)[4]
        return owner == self.role.account


_WITH_TAGS = ("ecr", "ecs", "iam", "kms", "logs", "secretsmanager", "ssm")
"""Services whose resources have tags that `aws:ResourceTag` compares. Those of objects in S3 have keys of their own.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""
_BY_AWS = ("ecs:RunTask", "ecs:TagResource", "iam:PassRole")
"""Requests that a schedule, a rule or a state machine makes, from a network of AWS."""


@bundle
@dataclass(frozen=True)
class FactFinder:
    """The clients that know the facts."""

    iam: Iam
    reader: NetworkReader
    organizations: Organizations
    secrets: SecretsManager
    place: AwsPlace
    network: Outcome[Network]
    platform: Outcome[Platform]
    start: Outcome[StartRole]

    def of(self, request: RequestOf, keys: Iterable[str]) -> tuple[tuple[Facts, ...], ClientError | None]:
        """The facts behind the keys, one for each possible source of the request, and why others are not known."""
        wanted = frozenset(key.lower() for key in keys)
        error: ClientError | None = None
        facts = Facts()
        for find in (self._of_organization, self._of_role, self._of_secret, self._of_start, _of_time, _of_s3):
            try:
                for found in find(request, wanted):
                    facts = facts.also(found)
            except ClientError as failure:
                error = error or failure
        try:
            sources = self._sources(request) if wanted & _NETWORK else ()
        except ClientError as failure:
            sources, error = (), error or failure
        return tuple(facts.also(source) for source in sources) or (facts,), error

    def _sources(self, request: RequestOf) -> tuple[Facts, ...]:
        platform, network = self.platform.value, self.network.value
        if request.action in _BY_AWS:
            return ()
        if platform is None or network is None or platform.launch is not Launch.FARGATE or request.via_service:
            return ()
        return self.reader.sources_of(request.action, network, self.place)

    def _of_organization(self, request: RequestOf, wanted: frozenset[str]) -> Iterator[Facts]:
        if not wanted & set(_lower(_ORGANIZATION)):
            return
        organization = self.organizations.organization()
        if organization is None:
            own = _ORGANIZATION if request.in_own_account else _ORGANIZATION[:2]
            yield Facts(absent=frozenset(_lower(own)))
            return
        yield Facts({_PRINCIPAL_ORG: organization})
        if request.in_own_account:
            yield Facts({_RESOURCE_ORG: organization})
        if wanted & set(_lower((_PRINCIPAL_PATH, _RESOURCE_PATH))) and (
            path := self.organizations.path(request.role.account)
        ):
            yield Facts({_PRINCIPAL_PATH: path})
            if request.in_own_account:
                yield Facts({_RESOURCE_PATH: path})

    def _of_role(self, request: RequestOf, wanted: frozenset[str]) -> Iterator[Facts]:
        tags = _wanted_tags(_TAG, wanted)
        if tags is None and "aws:userid" not in wanted:
            return
        role = self.iam.role(str(request.role))
        if tags is not None:
            yield _tags(_TAG, dict(role.tags), tags)
        if role.id and request.action not in _BY_AWS:  # ECS names the session after the task
            yield Facts({"aws:userid": f"{role.id}:{'0' * 32}"})

    def _of_secret(self, request: RequestOf, wanted: frozenset[str]) -> Iterator[Facts]:
        if request.action.partition(":")[0] != "secretsmanager":
            return
        by_prefix = {prefix: _wanted_tags(prefix, wanted) for prefix in (_RESOURCE_TAG, _SECRET_TAG)}
        if all(tags is None for tags in by_prefix.values()):
            return
        described = self.secrets.describe(request.resource).get("Tags") or ()
        own = {str(tag["Key"]): str(tag["Value"]) for tag in described}
        yield from (_tags(prefix, own, tags) for prefix, tags in by_prefix.items() if tags is not None)

    def _of_start(self, request: RequestOf, wanted: frozenset[str]) -> Iterator[Facts]:
        """The tags that a schedule, a rule or a state machine gives the task, if all of them are known."""
        start = self.start.value
        if request.action not in SETTING_TAGS or start is None or start.tags is None:
            return
        tags = _wanted_tags(_SET_TAG, wanted)
        if tags is not None:
            yield _tags(_SET_TAG, dict(start.tags), tags)
        if not start.tags:
            yield Facts(absent=frozenset({"aws:tagkeys"}))


def unknown_to_scps(request: RequestOf, facts: Facts) -> tuple[str, ...]:
    """The condition keys that are not known: any SCP may test them, and the simulator does not say which it tests.

    Requests that services make for the role certainly lack those of the network.
    """
    of_network = () if request.via_service else NETWORK_KEYS
    tags = (f"{_RESOURCE_TAG}<key>",) if request.action.partition(":")[0] in _WITH_TAGS else ()
    keys = (*of_network, *_ORGANIZATION, f"{_TAG}<key>", *(tags if request.resource != "*" else ()))
    return tuple(key for key in keys if key not in facts.values and _known_form(key) not in facts.absent)


def _known_form(key: str) -> str:
    return key.removesuffix("<key>").lower()


def _lower(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(key.lower() for key in keys)


def _wanted_tags(prefix: str, wanted: frozenset[str]) -> tuple[str, ...] | None:
    """The keys of the wanted tags with a prefix, in lower case; None if no tag is wanted."""
    own = [key.removeprefix(prefix.lower()) for key in wanted if key.startswith(prefix.lower())]
    return tuple(filter(None, own)) if own else None


def _tags(prefix: str, found: Mapping[str, str], wanted: tuple[str, ...]) -> Facts:
    """All tags, and those among the wanted ones that are not set. The prefix in ``absent``: there are no others."""
    lacking = {*wanted, ""} - {key.lower() for key in found}
    values = {f"{prefix}{key}": value for key, value in found.items()}
    return Facts(values, frozenset(f"{prefix.lower()}{key}" for key in lacking))


def _of_time(_: RequestOf, wanted: frozenset[str]) -> Iterator[Facts]:
    """The credentials of a task are renewed before they expire, so they were issued a short time ago."""
    if any(key in wanted for key in ("aws:currenttime", "aws:tokenissuetime", "aws:epochtime")):
        now = datetime.now(UTC)
        text = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        yield Facts({"aws:CurrentTime": text, "aws:TokenIssueTime": text, "aws:EpochTime": str(int(now.timestamp()))})


def _of_s3(request: RequestOf, wanted: frozenset[str]) -> Iterator[Facts]:
    if request.action.startswith("s3:"):
        yield Facts({key: value for key, value in _OF_S3.items() if key.lower() in wanted})
