"""What is certain of the requests that a task makes with a role, by condition key.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gmsa_doctor.formats.aws.arn import ArnError, RoleArn, parse_arn
from gmsa_doctor.given.subject import AwsPlace


def known_of_requests(place: AwsPlace) -> dict[str, str]:
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
    owners = set(map(_account_in, resources))
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


# What a request lacks -------------------------------------------------------------------------------

_VIA = "aws:ViaAWSService"
_OF_ONE_SERVICE = (
    "cloudwatch", "dynamodb", "ecr", "elasticfilesystem", "events", "iam", "kinesis", "kms", "logs", "s3",
    "secretsmanager", "sns", "sqs",
)  # fmt: skip
"""Services of whose own condition keys other services' requests have none. Those of EC2 and some others do go along."""
_OF_OTHERS = (
    "aws:username", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths",
    "aws:principalservicename", "aws:principalservicenameslist",
)  # fmt: skip
"""Of users, and of AWS's services that act for themselves."""
_CALLED_VIA = ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast")
_OF_LISTING_AND_WRITING = (
    "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:x-amz-acl", "s3:x-amz-server-side-encryption",
)  # fmt: skip


def has_not(key: str, action: str, context: Mapping[str, str]) -> bool:
    """Whether a task's request for the action certainly has no such condition key.

    Then the simulation, which is not told one, is right. It names the keys of all statements, those about other actions
    too. Source: https://github.com/boto/boto3/issues/3111
    """
    name = key.lower()
    service = name.partition(":")[0]
    if service == "aws":
        return name in _OF_OTHERS or (name in _CALLED_VIA and context.get(_VIA) != "true")
    if action == "s3:GetObject" and name in _OF_LISTING_AND_WRITING:
        return True
    return service in _OF_ONE_SERVICE and service != action.partition(":")[0]
