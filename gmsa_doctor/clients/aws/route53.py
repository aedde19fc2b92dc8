"""Amazon Route 53: Resolver rules, DNS Firewall, private hosted zones, and the Profiles that share them."""

from __future__ import annotations

from typing import Any

from gmsa_doctor.clients.aws.session import AwsClient, operation

MOST_RECORDS = 3000
"""The most records of a zone that are read: 10 requests."""


class Route53Resolver(AwsClient):
    """Amazon Route 53 Resolver."""

    service = "route53resolver"

    @operation("route53resolver:ListResolverRuleAssociations")
    def rules_of_vpc(self, vpc: str) -> list[dict[str, Any]]:
        """The associations of rules with a VPC: ResolverRuleId, Status, StatusMessage."""
        filters = [{"Name": "VPCId", "Values": [vpc]}]
        return self.pages("list_resolver_rule_associations", "ResolverRuleAssociations", Filters=filters)

    @operation("route53resolver:ListResolverRules")
    def rules(self) -> list[dict[str, Any]]:
        """The account's rules and those shared with it, 100 with each request."""
        return self.pages("list_resolver_rules", "ResolverRules")

    @operation("route53resolver:GetResolverRule")
    def rule(self, id: str) -> dict[str, Any]:
        """A rule: DomainName, RuleType (FORWARD, SYSTEM, RECURSIVE, DELEGATE), TargetIps, ResolverEndpointId."""
        rule: dict[str, Any] = self.api.get_resolver_rule(ResolverRuleId=id)["ResolverRule"]
        return rule

    @operation("route53resolver:GetResolverEndpoint")
    def endpoint(self, id: str) -> dict[str, Any]:
        """An endpoint: Status, StatusMessage, HostVPCId, SecurityGroupIds."""
        endpoint: dict[str, Any] = self.api.get_resolver_endpoint(ResolverEndpointId=id)["ResolverEndpoint"]
        return endpoint

    @operation("route53resolver:ListFirewallRuleGroupAssociations")
    def firewalls_of_vpc(self, vpc: str) -> list[dict[str, Any]]:
        """The DNS Firewall rule groups of a VPC: FirewallRuleGroupId, Priority."""
        return self.pages("list_firewall_rule_group_associations", "FirewallRuleGroupAssociations", VpcId=vpc)

    @operation("route53resolver:ListFirewallRules")
    def firewall_rules(self, group: str) -> list[dict[str, Any]]:
        """The rules of a DNS Firewall rule group: FirewallDomainListId, Priority, Action, Qtype."""
        return self.pages("list_firewall_rules", "FirewallRules", FirewallRuleGroupId=group)

    @operation("route53resolver:ListFirewallDomainLists")
    def firewall_lists(self) -> frozenset[str]:
        """The ids of the account's domain lists, without AWS's own."""
        found = self.pages("list_firewall_domain_lists", "FirewallDomainLists")
        return frozenset(str(own["Id"]) for own in found if not own.get("ManagedOwnerName"))

    @operation("route53resolver:ListFirewallDomains")
    def firewall_domains(self, list: str) -> tuple[str, ...]:
        """The domains of a list; those of AWS's own lists cannot be read."""
        return tuple(map(str, self.pages("list_firewall_domains", "Domains", FirewallDomainListId=list)))


class Route53(AwsClient):
    """Amazon Route 53 hosted zones."""

    service = "route53"

    @operation("route53:ListHostedZonesByVPC")
    def zones_of_vpc(self, vpc: str, region: str) -> list[dict[str, Any]]:
        """The private hosted zones that are associated with a VPC: HostedZoneId, Name, Owner."""
        return self.pages("list_hosted_zones_by_vpc", "HostedZoneSummaries", VPCId=vpc, VPCRegion=region)

    @operation("route53:ListResourceRecordSets")
    def records(self, zone: str) -> list[dict[str, Any]]:
        """The records of a hosted zone, at most :data:`MOST_RECORDS`."""
        limit = {"MaxItems": MOST_RECORDS}
        return self.pages("list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone, PaginationConfig=limit)


class Route53Profiles(AwsClient):
    """Amazon Route 53 Profiles."""

    service = "route53profiles"

    @operation("route53profiles:ListProfileAssociations")
    def profiles_of_vpc(self, vpc: str) -> tuple[str, ...]:
        """The ids of the profiles that are associated with a VPC."""
        associations = self.pages("list_profile_associations", "ProfileAssociations", ResourceId=vpc)
        return tuple(str(association["ProfileId"]) for association in associations)

    @operation("route53profiles:ListProfileResourceAssociations")
    def resources(self, profile: str) -> tuple[str, ...]:
        """The ARNs of a profile's resources: zones, Resolver rules, DNS Firewall rule groups, interface endpoints."""
        found = self.pages("list_profile_resource_associations", "ProfileResourceAssociations", ProfileId=profile)
        return tuple(str(own["ResourceArn"]) for own in found if own.get("Status") not in ("DELETED", "FAILED"))
