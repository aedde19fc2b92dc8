"""AWS Identity and Access Management: a role, and what its policies allow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.aws.session import Aws, AwsClient, error_code, operation
from gmsa_doctor.clients.gathered import GatheredRequests
from gmsa_doctor.core.errors import ClientError

_TOGETHER = 40
"""Resources of one simulation at most: with two actions, one page of 100 results has room for all."""


@dataclass(frozen=True)
class Role:
    """A role, with its trust policy as JSON text and the ARN of its permissions boundary."""

    arn: str
    trust: str
    boundary: str | None = None
    id: str = ""
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ContextEntry:
    """A condition key of the simulated request, with its values.

    Source for ``type``: https://docs.aws.amazon.com/IAM/latest/APIReference/API_ContextEntry.html
    """

    key: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class SimulatedDecision:
    """The simulator's decision about one action on one resource.

    ``missing``: condition keys of the role's policies that the request did not set; if there are any, the decision
    proves nothing. ``boundary`` and ``organizations``: whether the permissions boundary and the organization's SCPs,
    including their condition keys, allow it; None if there are none. Keys of SCPs are not in ``missing``.

    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html
    """

    action: str
    resource: str
    decision: str
    """``allowed``, ``explicitDeny`` or ``implicitDeny``."""
    missing: tuple[str, ...] = ()
    boundary: bool | None = None
    organizations: bool | None = None
    policies: tuple[str, ...] = ()
    """The policies whose statements determined the decision."""
    may_deny: tuple[str, ...] = ()
    """Condition keys on which a Deny depends, if no policy of the role allows it."""
    unknown_in_scp: tuple[str, ...] = ()
    """Condition keys that an SCP may test, and that are not known."""
    error: ClientError | None = None
    """Why condition keys are not known."""

    @property
    def allowed(self) -> bool:
        """Whether it is certainly allowed."""
        return self.decision == "allowed" and not self.missing


class Iam(AwsClient):
    """AWS Identity and Access Management."""

    service = "iam"

    def __init__(self, aws: Aws) -> None:
        super().__init__(aws)
        self._simulations = GatheredRequests(_TOGETHER)

    @operation("iam:GetRole")
    def role(self, arn: str) -> Role:
        """A role of the caller's account, by ARN. Raises NotFound."""
        role = self.api.get_role(RoleName=arn.rpartition("/")[2])["Role"]
        document = role.get("AssumeRolePolicyDocument", "")
        return Role(
            role["Arn"],
            _text(document),
            role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            str(role.get("RoleId") or ""),
            tuple((str(tag["Key"]), str(tag["Value"])) for tag in role.get("Tags", ())),
        )

    def policies(self, role: str) -> dict[str, str]:
        """The documents of a role's inline and attached policies, by name or ARN. ``role`` is its ARN."""
        documents = {name: self.inline_policy(role, name) for name in self.inline_policies(role)}
        return documents | {arn: self.managed_policy(arn) for arn in self.attached_policies(role)}

    @operation("iam:ListRolePolicies")
    def inline_policies(self, role: str) -> tuple[str, ...]:
        """The names of a role's inline policies."""
        return tuple(self.pages("list_role_policies", "PolicyNames", RoleName=role.rpartition("/")[2]))

    @operation("iam:GetRolePolicy")
    def inline_policy(self, role: str, name: str) -> str:
        """An inline policy of a role, as JSON text."""
        return _text(self.api.get_role_policy(RoleName=role.rpartition("/")[2], PolicyName=name)["PolicyDocument"])

    @operation("iam:ListAttachedRolePolicies")
    def attached_policies(self, role: str) -> tuple[str, ...]:
        """The ARNs of the managed policies that are attached to a role."""
        found = self.pages("list_attached_role_policies", "AttachedPolicies", RoleName=role.rpartition("/")[2])
        return tuple(str(policy["PolicyArn"]) for policy in found)

    def managed_policy(self, arn: str) -> str:
        """The default version of a managed policy, as JSON text."""
        return self.policy_version(arn, self.default_version(arn))

    @operation("iam:GetPolicy")
    def default_version(self, arn: str) -> str:
        """The id of a managed policy's default version."""
        return str(self.api.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"])

    @operation("iam:GetPolicyVersion")
    def policy_version(self, arn: str, version: str) -> str:
        """A version of a managed policy, as JSON text."""
        return _text(self.api.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])

    @operation("iam:GetInstanceProfile")
    def role_of_profile(self, arn: str) -> str | None:
        """The ARN of the role in an instance profile (by ARN) of the caller's account, if any. Raises NotFound."""
        roles = self.api.get_instance_profile(InstanceProfileName=arn.rpartition("/")[2])["InstanceProfile"]["Roles"]
        return next((str(role["Arn"]) for role in roles), None)

    @operation("iam:SimulatePrincipalPolicy")
    def simulate(
        self, role_arn: str, actions: tuple[str, ...], resources: tuple[str, ...], context: tuple[ContextEntry, ...]
    ) -> tuple[SimulatedDecision, ...]:
        """A decision for each action on each resource. Raises NotFound for an unknown role.

        Includes the role's own policies, its boundary and its organization's policies, but no resource policies. IAM
        permits few simulations: those of a role that differ in their resources only go together.
        """
        import botocore.exceptions

        def ask(several: tuple[str, ...]) -> tuple[SimulatedDecision, ...]:
            return self._simulated(role_arn, actions, several, context)

        try:
            found, with_others = self._simulations.send((role_arn, actions, context), resources, ask)
        except botocore.exceptions.ClientError as error:
            if error_code(error) != "InvalidInput":
                raise
            return ask(resources)  # the resource of somebody else may be invalid
        own = tuple(decision for decision in found if decision.resource in resources)
        if not with_others:
            return found
        return own if len(own) == len(actions) * len(set(resources)) else ask(resources)

    def _simulated(
        self, role_arn: str, actions: tuple[str, ...], resources: tuple[str, ...], context: tuple[ContextEntry, ...]
    ) -> tuple[SimulatedDecision, ...]:
        results = self.pages(
            "simulate_principal_policy",
            "EvaluationResults",
            PolicySourceArn=role_arn,
            ActionNames=list(actions),
            ResourceArns=list(resources),
            ContextEntries=[
                {"ContextKeyName": entry.key, "ContextKeyType": entry.type, "ContextKeyValues": list(entry.values)}
                for entry in context
            ],
        )
        return tuple(decision for result in results for decision in _decisions(result))


def _text(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _decisions(result: Mapping[str, Any]) -> Iterator[SimulatedDecision]:
    """A result holds the decisions about several resources in a list, or is a single decision itself."""
    inner = result.get("ResourceSpecificResults") or ()
    for part in inner:
        yield _decision(result, part, part["EvalResourceName"], part["EvalResourceDecision"])
    if not inner:
        yield _decision(result, result, result.get("EvalResourceName", "*"), result["EvalDecision"])


def _decision(result: Mapping[str, Any], part: Mapping[str, Any], resource: str, decision: str) -> SimulatedDecision:
    boundary = part.get("PermissionsBoundaryDecisionDetail") or result.get("PermissionsBoundaryDecisionDetail") or {}
    organizations = part.get("OrganizationsDecisionDetail") or result.get("OrganizationsDecisionDetail") or {}
    matched = (statement.get("SourcePolicyId", "") for statement in part.get("MatchedStatements", ()))
    return SimulatedDecision(
        action=result["EvalActionName"],
        resource=resource,
        decision=decision,
        missing=tuple(part.get("MissingContextValues", ())),
        boundary=boundary.get("AllowedByPermissionsBoundary"),
        organizations=organizations.get("AllowedByOrganizations"),
        policies=tuple(dict.fromkeys(filter(None, matched))),
    )
