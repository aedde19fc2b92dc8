"""The condition keys that are certain in the requests that a task makes with a role.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gmsa_doctor.formats.aws.arn import RoleArn
from gmsa_doctor.given.subject import AwsPlace


def known_of_requests(place: AwsPlace) -> dict[str, str]:
    """The condition keys of how and where the requests are made."""
    region = {"aws:RequestedRegion": place.region} if place.region else {}
    return {"aws:SecureTransport": "true", **region}


def known_of_who_and_what(role: RoleArn, resources: Sequence[str]) -> dict[str, str]:
    """The condition keys of the principal and of the resources' owner.

    A simulation without a key that a policy tests is worth nothing. A task calls with a session of the role, not
    through a service; for KMS, which services call on behalf of the role, the caller overrides that. The account of a
    resource is the one in its ARN; a bucket's ARN has none. The organization is unknown.
    Source, for services: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
    """
    owners = {resource.split(":")[4] if resource.startswith("arn:") else "" for resource in resources}
    owner = owners.pop() if len(owners) == 1 else ""
    return {
        "aws:PrincipalArn": str(role),
        "aws:PrincipalAccount": role.account,
        "aws:PrincipalType": "AssumedRole",
        "aws:PrincipalIsAWSService": "false",
        "aws:ViaAWSService": "false",
        **({"aws:ResourceAccount": owner} if owner else {}),
    }


# What a request lacks -------------------------------------------------------------------------------

VIA = "aws:ViaAWSService"
_OF_ONE_SERVICE = (
    "cloudwatch", "dynamodb", "ecr", "elasticfilesystem", "events", "iam", "kinesis", "kms", "logs", "s3",
    "secretsmanager", "sns", "sqs",
)  # fmt: skip
"""Services whose condition keys occur only in their own requests. Those of EC2 and some others occur elsewhere too."""
_OF_OTHERS = (
    "aws:username", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths",
    "aws:principalservicename", "aws:principalservicenameslist", "aws:federatedprovider",
)  # fmt: skip
"""Keys of users, and of AWS services that act on their own behalf."""
SETTING_TAGS = ("ecs:RunTask", "ecs:TagResource")
"""The requests that may set tags, and so have the condition keys of these."""
_CALLED_VIA = ("aws:calledvia", "aws:calledviafirst", "aws:calledvialast")
_OF_LISTING_AND_WRITING = (
    "s3:prefix", "s3:delimiter", "s3:max-keys", "s3:x-amz-acl", "s3:x-amz-server-side-encryption",
)  # fmt: skip


def has_not(key: str, action: str, context: Mapping[str, str]) -> bool:
    """Whether a task's request for the action certainly lacks this condition key.

    Then the simulation without it is right. IAM reports the keys of all statements as missing, also of those about
    other actions. Source: https://github.com/boto/boto3/issues/3111
    """
    name = key.lower()
    service = name.partition(":")[0]
    if service == "aws":
        return (
            name in _OF_OTHERS
            or (action not in SETTING_TAGS and (name == "aws:tagkeys" or name.startswith("aws:requesttag/")))
            or (name in _CALLED_VIA and context.get(VIA) != "true")
        )
    if action == "s3:GetObject" and name in _OF_LISTING_AND_WRITING:
        return True
    return service in _OF_ONE_SERVICE and service != action.partition(":")[0]
