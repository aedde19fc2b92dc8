"""Amazon Route 53: Resolver rules, private hosted zones, and the profiles that share both with many VPCs."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation


class Route53Resolver(AwsClient):
    """Amazon Route 53 Resolver."""

    service = "route53resolver"

    @operation("route53resolver:ListResolverRuleAssociations")
    def rules_of_vpc(self, vpc: str) -> list[dict[str, Any]]:
        """The associations of rules with a VPC: ResolverRuleId, Status, StatusMessage."""
        filters = [{"Name": "VPCId", "Values": [vpc]}]
        return self.pages("list_resolver_rule_associations", "ResolverRuleAssociations", Filters=filters)

    @operation("route53resolver:GetResolverRule")
    def rule(self, id: str) -> dict[str, Any]:
        """A rule: DomainName, RuleType (FORWARD, SYSTEM, RECURSIVE, DELEGATE), TargetIps, ResolverEndpointId."""
        return dict(self.api.get_resolver_rule(ResolverRuleId=id)["ResolverRule"])

    @operation("route53resolver:GetResolverEndpoint")
    def endpoint(self, id: str) -> dict[str, Any]:
        """An endpoint: Status, StatusMessage, HostVPCId, SecurityGroupIds."""
        return dict(self.api.get_resolver_endpoint(ResolverEndpointId=id)["ResolverEndpoint"])


class Route53(AwsClient):
    """Amazon Route 53 hosted zones."""

    service = "route53"

    @operation("route53:ListHostedZonesByVPC")
    def zones_of_vpc(self, vpc: str, region: str) -> list[str]:
        """The names of the private hosted zones that are associated with a VPC, without the trailing dot."""
        names: list[str] = []
        more: dict[str, str] = {}
        while True:  # botocore has no paginator for this call
            answer = self.api.list_hosted_zones_by_vpc(VPCId=vpc, VPCRegion=region, **more)
            names += [zone["Name"].rstrip(".") for zone in answer["HostedZoneSummaries"]]
            if not answer.get("NextToken"):
                return names
            more = {"NextToken": answer["NextToken"]}


class Route53Profiles(AwsClient):
    """Amazon Route 53 Profiles."""

    service = "route53profiles"

    @operation("route53profiles:ListProfileAssociations")
    def profiles_of_vpc(self, vpc: str) -> tuple[str, ...]:
        """The ids of the profiles that are associated with a VPC."""
        associations = self.pages("list_profile_associations", "ProfileAssociations", ResourceId=vpc)
        return tuple(str(association["ProfileId"]) for association in associations)
