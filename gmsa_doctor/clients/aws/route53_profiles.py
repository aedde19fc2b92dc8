"""Amazon Route 53 Profiles, which bring Resolver rules and private hosted zones to the VPCs of many accounts."""

from __future__ import annotations

from gmsa_doctor.clients.aws.session import AwsClient, operation


class Route53Profiles(AwsClient):
    """Amazon Route 53 Profiles."""

    service = "route53profiles"

    @operation("route53profiles:ListProfileAssociations")
    def profiles_of_vpc(self, vpc: str) -> tuple[str, ...]:
        """The ids of the profiles that are associated with a VPC."""
        pages = self.api.get_paginator("list_profile_associations").paginate(ResourceId=vpc)
        return tuple(str(one["ProfileId"]) for page in pages for one in page["ProfileAssociations"])
