"""AWS Organizations: the organization of the caller's account, and the account's path in it."""

from __future__ import annotations

import re

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
