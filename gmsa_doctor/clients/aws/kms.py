"""AWS Key Management Service: keys, their policies and grants."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.aws.session import AwsClient, operation


@dataclass(frozen=True)
class Key:
    """A KMS key. ``managed_by_aws``: a key such as aws/s3, which needs no permission within its account."""

    arn: str
    state: str
    """``Enabled``, ``Disabled``, ``PendingDeletion`` …"""
    managed_by_aws: bool


@dataclass(frozen=True)
class Grant:
    """A grant of a key: the grantee and the operations that it allows."""

    grantee: str
    operations: tuple[str, ...]


class Kms(AwsClient):
    """AWS Key Management Service."""

    service = "kms"

    @operation("kms:DescribeKey")
    def key(self, name: str) -> Key:
        """A key by ARN, id or alias."""
        key = self.api.describe_key(KeyId=name)["KeyMetadata"]
        return Key(key["Arn"], key.get("KeyState", "Enabled"), key.get("KeyManager") == "AWS")

    @operation("kms:GetKeyPolicy")
    def policy(self, arn: str) -> str:
        """The JSON text of a key's policy; only for keys of the caller's account."""
        return str(self.api.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])

    @operation("kms:ListGrants")
    def grants(self, arn: str, grantee: str) -> tuple[Grant, ...]:
        """The grants of a key for a principal; a key may have 50,000 for others."""
        grants = self.pages("list_grants", "Grants", KeyId=arn, GranteePrincipal=grantee)
        return tuple(Grant(grant.get("GranteePrincipal", ""), tuple(grant.get("Operations", ()))) for grant in grants)
