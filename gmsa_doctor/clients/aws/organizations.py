"""AWS Organizations: the organization of the caller's account, its accounts, and their paths in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, none_if, operation


class Organizations(AwsClient):
    """AWS Organizations."""

    service = "organizations"

    @operation("organizations:DescribeOrganization")
    def organization(self) -> str | None:
        """The id of the account's organization; None if the account is in none. Any account of it may call this.

        Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
        """
        answer = none_if("AWSOrganizationsNotInUseException", self.api.describe_organization)
        return str(answer["Organization"]["Id"]) if answer else None

    @operation("organizations:DescribeAccount")
    def path(self, account: str) -> str | None:
        """The path of the account's organizational unit, with a slash at the end; None if AWS returns none.

        Only the management account and delegated administrators may call this.

        Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html; for the path,
        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed-view-data-orgs.html
        """
        paths = self.api.describe_account(AccountId=account)["Account"].get("Paths") or ()
        return next((re.sub(r"(/\d{12})?/?$", "/", str(path)) for path in paths), None)


@dataclass(frozen=True)
class Account:
    """An account of an organization."""

    id: str
    name: str
    is_active: bool


class OrganizationAccounts(AwsClient):
    """AWS Organizations, for its management account or a delegated administrator."""

    service = "organizations"

    @operation("organizations:ListAccounts")
    def accounts(self) -> tuple[Account, ...]:
        """All accounts, also those that are suspended or closed.

        ``State`` replaces ``Status``, which is retired on 2026-09-09.
        Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
        """
        return tuple(map(_account, self.pages("list_accounts", "Accounts")))

    @operation("organizations:ListAccountsForParent")
    def accounts_of(self, parent: str) -> tuple[Account, ...]:
        """The accounts directly in an organizational unit or a root."""
        return tuple(map(_account, self.pages("list_accounts_for_parent", "Accounts", ParentId=parent)))

    @operation("organizations:ListOrganizationalUnitsForParent")
    def units_of(self, parent: str) -> tuple[str, ...]:
        """The ids of the organizational units directly in another one or a root."""
        found = self.pages("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent)
        return tuple(str(unit["Id"]) for unit in found)


def _account(found: Mapping[str, Any]) -> Account:
    state = found.get("State") or found.get("Status")
    return Account(str(found["Id"]), str(found.get("Name", "")), state == "ACTIVE")
