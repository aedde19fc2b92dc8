"""The account from which others are entered, and the roles to enter them with."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

from gmsa_doctor.checking.fleet.request import FleetRequest
from gmsa_doctor.clients.aws.assumed_role import AssumedRole
from gmsa_doctor.clients.aws.fleet import Regions
from gmsa_doctor.clients.aws.rate import Paces
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.clients.aws.sessions import AwsSessions
from gmsa_doctor.clients.aws.sts import Sts
from gmsa_doctor.core.errors import ClientError, Denied, UsageError
from gmsa_doctor.core.model import Fix
from gmsa_doctor.given.request import is_pattern
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.subjects.discovery import require_credentials


class NotEntered(Exception):
    """The account cannot be entered."""

    def __init__(self, reason: str, fix: Fix | None) -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix


@dataclass
class Accounts:
    """The own account, and what was entered from there. Safe between threads."""

    request: FleetRequest
    aws: Aws
    own: str
    caller: str
    _roles: dict[str, AssumedRole] = field(default_factory=dict)
    _paces: dict[str, Paces] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def sessions(self, account: str) -> AwsSessions:
        """Sessions in an account: with the caller's credentials in the own one, otherwise with the role's.

        All shards of an account share the role's credentials, and the pace of requests. Raises NotEntered.
        """
        with self._lock:
            paces = self._paces.setdefault(account, Paces(self.request.max_rate))
        return AwsSessions(role=None if account == self.own else self._entered(account), paces=paces)

    def regions(self, account: str) -> dict[str, bool]:
        """The regions, and whether the account has enabled each. Raises NotEntered, or ClientError."""
        return Regions(self.sessions(account).of(self.request.profile, self.aws.region)).regions()

    def _entered(self, account: str) -> AssumedRole:
        with self._lock:
            arn = f"arn:{AwsPlace(self.aws.region, None).partition}:iam::{account}:role/{self.request.role_name}"
            role = self._roles.setdefault(account, AssumedRole(self.aws, arn, self.request.external_id))
        try:
            role.enter()
        except ClientError as error:
            raise NotEntered(error.text, self._fix(role.arn) if isinstance(error, Denied) else error.fix) from error
        return role

    def _fix(self, role: str) -> Fix:
        external = self.request.external_id
        condition = f", with the external ID {external}" if external else " (--external-id, if it requires one)"
        return Fix(
            f"Make sure that the role {role} exists, that its trust policy allows {self.caller}{condition}, and that "
            f"the policies of {self.caller} allow sts:AssumeRole on it."
        )


def accounts_of(request: FleetRequest) -> Accounts:
    """The own account. Raises UsageError without a region or credentials, or if STS does not name the account."""
    named = [region for region in request.regions if not (is_pattern(region) or region == "all")]
    aws = Aws(request.profile)
    if not aws.region and named:
        aws = Aws(request.profile, named[0])
    if not aws.region:
        raise UsageError("no AWS region is configured: set AWS_REGION, or name a region with --regions")
    require_credentials(aws)
    try:
        caller = Sts(aws).caller()
    except ClientError as error:
        raise UsageError(f"{error.text}. {error.fix.text if error.fix else ''}".strip()) from error
    return Accounts(request, aws, caller["Account"], caller["Arn"])
