"""What moto lacks of a VPC's DNS and network: Profiles, DNS Firewall, VPC Block Public Access, a rate limit."""

import json
import time
from collections import deque
from dataclasses import dataclass, field
from threading import Lock

from tests.lab.aws_errors import Refused
from tests.lab.aws_requests import Request

AWS = "AWS"
_SECOND = 0.01
_EC2 = "http://ec2.amazonaws.com/doc/2016-11-15/"


@dataclass
class Firewall:
    """A rule group of DNS Firewall with one rule per entry: action, and domains, or `AWS` for a list of AWS's own."""

    rules: list[tuple[str, list[str]]]
    priority: int = 101


@dataclass
class BeyondMoto:
    """What the lab adds; empty at first."""

    profiles: list[str] = field(default_factory=list)
    """The ids of Route 53 Profiles that are associated with each VPC."""
    resources: list[str] = field(default_factory=list)
    """The ARNs of the resources of each Profile."""
    firewalls: list[Firewall] = field(default_factory=list)
    """DNS Firewall rule groups of each VPC."""
    public_access: str = "off"
    """The mode of VPC Block Public Access."""
    exclusions: list[tuple[str, str]] = field(default_factory=list)
    """The exclusions from it: the ARN of a VPC or a subnet, and the mode."""
    hybrid_dns: list[str] = field(default_factory=list)
    """The DNS servers of the self-managed AD that the account's directories extend."""
    unlisted_rules: bool = False
    """Whether ListResolverRules leaves out the rules that other accounts share."""
    cache_rules: list[tuple[str, str]] = field(default_factory=list)
    """The pull through cache rules of ECR: prefix and upstream registry."""
    digests: dict[str, str] = field(default_factory=dict)
    """The digests to which ECS resolved the images of the service's containers, by container."""
    requests_per_second: int = 0
    """How many requests Route 53 Resolver answers in a second of the lab, a hundredth of a real one; 0: all."""
    revision_of: dict[str, str] = field(default_factory=dict)
    """The task definitions of the service revisions that were described."""
    _times: deque[float] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    @property
    def used(self) -> bool:
        """Whether an answer may differ from that of the healthy account."""
        lists = self.profiles or self.resources or self.firewalls or self.exclusions or self.hybrid_dns
        others = self.cache_rules or self.digests or self.unlisted_rules or self.requests_per_second
        return bool(lists or others) or self.public_access != "off"

    def clear(self) -> None:
        """Forget all."""
        for content in (
            self.profiles,
            self.resources,
            self.firewalls,
            self.exclusions,
            self.hybrid_dns,
            self.cache_rules,
            self.digests,
        ):
            content.clear()
        self.public_access, self.unlisted_rules, self.requests_per_second = "off", False, 0
        self._times.clear()

    def answer(self, request: Request) -> tuple[str, bytes] | None:
        """The content type and the body; None: moto answers. Raises Refused."""
        if request.service == "route53resolver" and self.requests_per_second:
            self._count()
        document = self._document(request)
        if document is not None:
            return "application/x-amz-json-1.1", json.dumps(document).encode()
        if request.operation == "DescribeVpcBlockPublicAccessExclusions":
            items = "".join(
                f"<item><exclusionId>vpcbpa-exclude-{n}</exclusionId><resourceArn>{arn}</resourceArn>"
                f"<internetGatewayExclusionMode>{mode}</internetGatewayExclusionMode><state>create-complete</state></item>"
                for n, (arn, mode) in enumerate(self.exclusions)
            )
            name = "DescribeVpcBlockPublicAccessExclusionsResponse"
            body = f"<vpcBlockPublicAccessExclusionSet>{items}</vpcBlockPublicAccessExclusionSet>"
            return "text/xml", f'<{name} xmlns="{_EC2}">{body}</{name}>'.encode()
        return None

    def changed(self, request: Request, body: bytes) -> bytes:
        """Moto's answer, with what it leaves out."""
        if request.operation == "DescribeVpcs" and self.public_access != "off":
            state = f"<internetGatewayBlockMode>{self.public_access}</internetGatewayBlockMode>"
            state = f"<blockPublicAccessStates>{state}</blockPublicAccessStates><dhcpOptionsId>"
            return body.replace(b"<dhcpOptionsId>", state.encode())
        if request.operation == "ListResolverRules" and self.unlisted_rules:
            found = json.loads(body)
            kept = [rule for rule in found["ResolverRules"] if rule.get("ShareStatus") != "SHARED_WITH_ME"]
            return json.dumps({**found, "ResolverRules": kept}).encode()
        if request.operation == "DescribeServices" and self.digests:
            found = json.loads(body)
            for service in found["services"]:
                revision = f"{service['serviceArn'].replace(':service/', ':service-revision/')}/1"
                self.revision_of[revision] = service["taskDefinition"]
                service["currentServiceRevisions"] = [{"arn": revision}]
            return json.dumps(found).encode()
        if request.operation == "DescribeDirectories" and self.hybrid_dns:
            found = json.loads(body)
            for directory in found["DirectoryDescriptions"]:
                directory["HybridSettings"] = {"SelfManagedDnsIpAddrs": self.hybrid_dns}
            return json.dumps(found).encode()
        return body

    def _count(self) -> None:
        with self._lock:
            now = time.monotonic()
            while self._times and now - self._times[0] >= _SECOND:
                self._times.popleft()
            if len(self._times) >= self.requests_per_second:
                raise Refused("ThrottlingException", "Rate exceeded", 400)
            self._times.append(now)

    def _document(self, request: Request) -> dict[str, object] | None:
        given = json.loads(request.body) if request.protocol == "json" and request.body else {}
        match request.operation:
            case "DescribePullThroughCacheRules":
                cached = [{"ecrRepositoryPrefix": own, "upstreamRegistryUrl": url} for own, url in self.cache_rules]
                return {"pullThroughCacheRules": cached}
            case "DescribeServiceRevisions":
                images = [{"containerName": name, "imageDigest": digest} for name, digest in self.digests.items()]
                revisions = [
                    {"serviceRevisionArn": arn, "taskDefinition": self.revision_of[arn], "containerImages": images}
                    for arn in given["serviceRevisionArns"]
                ]
                return {"serviceRevisions": revisions, "failures": []}
            case "ListProfileAssociations":
                return {"ProfileAssociations": [{"ProfileId": id, "Status": "COMPLETE"} for id in self.profiles]}
            case "ListProfileResourceAssociations":
                found = [{"ResourceArn": arn, "Status": "COMPLETE"} for arn in self.resources]
                return {"ProfileResourceAssociations": found}
            case "ListFirewallRuleGroupAssociations":
                groups = [
                    {"FirewallRuleGroupId": f"rslvr-frg-{n}", "Priority": group.priority, "Status": "COMPLETE"}
                    for n, group in enumerate(self.firewalls)
                ]
                return {"FirewallRuleGroupAssociations": groups}
            case "ListFirewallRules":
                number = given["FirewallRuleGroupId"].rpartition("-")[2]
                rules = [
                    {
                        "FirewallDomainListId": f"rslvr-fdl-{number}-{n}",
                        "Name": f"rule {n}",
                        "Priority": 10 * n,
                        "Action": action,
                    }
                    for n, (action, _) in enumerate(self.firewalls[int(number)].rules)
                ]
                return {"FirewallRules": rules}
            case "ListFirewallDomainLists":
                lists = [
                    {"Id": f"rslvr-fdl-{number}-{n}", **({"ManagedOwnerName": "AWS"} if domains == [AWS] else {})}
                    for number, group in enumerate(self.firewalls)
                    for n, (_, domains) in enumerate(group.rules)
                ]
                return {"FirewallDomainLists": lists}
            case "ListFirewallDomains":
                *_, group, rule = given["FirewallDomainListId"].split("-")
                return {"Domains": self.firewalls[int(group)].rules[int(rule)][1]}
        return None
