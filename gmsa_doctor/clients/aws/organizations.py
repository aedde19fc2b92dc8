"""AWS Organizations: the organization of the caller's account."""

from __future__ import annotations

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
