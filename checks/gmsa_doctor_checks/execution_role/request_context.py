"""What is certain of the requests that a task makes with a role, by condition key.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.formats.arn import ArnError, RoleArn, parse_arn
from gmsa_doctor.subject import Place


def known_of_requests(place: Place) -> dict[str, str]:
    """What is certain of where and how the requests are made with the role, by condition key."""
    region = {"aws:RequestedRegion": place.region} if place.region else {}
    return {"aws:SecureTransport": "true", **region}


def known_of_who_and_what(role: RoleArn, resources: Sequence[str]) -> dict[str, str]:
    """What is certain of who asks, and of whose the resources are, by condition key.

    Where a policy asks for a key that the simulation is not told, its decision is worth nothing. A task asks with a
    session of the role, and not through a service, but for keys: what a service asks KMS in the role's name, the caller
    has to say. The account of a resource is that of its ARN; a bucket's has none. The organization is not known.
    Source, for services: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    """
    owners = {_account_in(one) for one in resources}
    owner = owners.pop() if len(owners) == 1 else ""
    return {
        "aws:PrincipalArn": str(role),
        "aws:PrincipalAccount": role.account,
        "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
        **({"aws:ResourceAccount": owner} if owner else {}),
    }


def _account_in(resource: str) -> str:
    try:
        return parse_arn(resource).account
    except ArnError:
        return ""
