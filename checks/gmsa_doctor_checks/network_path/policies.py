"""The policies of VPC endpoints, for the requests that start a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.formats.aws.iam_policy_document import PolicyError, PolicyRequest, Ruling, rule
from gmsa_doctor.formats.aws.vpc_endpoint import VpcEndpoint
from gmsa_doctor.given.subject import AwsPlace

_OF_AWS = ("an account of AWS",)
"""The value of a key that names an account or an organization, if it is AWS's own: no policy names it."""


@dataclass(frozen=True)
class ServiceRequest:
    """A request to a service, as an endpoint's policy sees it.

    ``presigned``: the task sends a URL that ECR has signed, for a bucket of AWS; so neither the principal nor the
    resource is the account's.
    """

    action: str
    resource: str
    presigned: bool = False

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


@dataclass(frozen=True)
class TaskAccess:
    """The task: the ids of its security groups, even if these cannot be read, its role, and its requests by service."""

    groups: tuple[str, ...] = ()
    role: RoleArn | None = None
    requests: Mapping[str, Sequence[ServiceRequest]] = field(default_factory=dict)


@dataclass(frozen=True)
class Denial:
    """A request that an endpoint's policy denies, with the reason."""

    request: ServiceRequest
    text: str


def denial(endpoint: VpcEndpoint, service: str, access: TaskAccess, vpc: str, place: AwsPlace) -> Denial | None:
    """The first request to a service that the endpoint's policy certainly denies."""
    if not access.role or not endpoint.policy:
        return None
    for request in access.requests.get(service, ()):
        try:
            ruling = _ruling(
                endpoint.policy, request, access.role, _context(endpoint, request, access.role, vpc, place)
            )
        except PolicyError:
            return None
        who = ", which ECR signs in its own account" if request.presigned else ""
        if ruling.denies is True:
            by = f" ({ruling.denied_by})" if ruling.denied_by else ""
            return Denial(request, f"a statement{by} in the policy of the endpoint {endpoint.id} denies {request}{who}")
        if ruling.allows is False and ruling.delegates is False:
            return Denial(request, f"the policy of the endpoint {endpoint.id} does not allow {request}{who}")
    return None


def _ruling(policy: str, request: ServiceRequest, role: RoleArn, context: Mapping[str, tuple[str, ...]]) -> Ruling:
    signer = RoleArn(role.partition, "000000000000", "ecr") if request.presigned else role
    return rule(policy, PolicyRequest(signer, request.action, request.resource, context))


def _context(
    endpoint: VpcEndpoint, request: ServiceRequest, role: RoleArn, vpc: str, place: AwsPlace
) -> dict[str, tuple[str, ...]]:
    """The condition keys that are certain.

    Sources: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html (a presigned URL)
    and https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-minimum-s3-perms
    """
    account = {
        "aws:principalarn": (str(role),),
        "aws:principalaccount": (role.account,),
        "aws:principaltype": ("AssumedRole",),
    }
    if request.presigned:
        keys = ("principalaccount", "principalorgid", "resourceaccount", "resourceorgid")
        account = {**{f"aws:{key}": _OF_AWS for key in keys}, "aws:principalarn": _OF_AWS}
    return {
        **account,
        "aws:securetransport": ("true",),
        "aws:sourcevpc": (vpc,),
        "aws:sourcevpce": (endpoint.id,),
        **({"aws:requestedregion": (place.region,)} if place.region else {}),
    }
