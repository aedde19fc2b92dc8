"""Cause 4: where the VPC sends DNS queries for the AD domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    bundle,
    check,
    deferred_to,
    failed,
    one_after_the_other,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.vantage import DnsServersInUse, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain, is_part_of, srv_name
from gmsa_doctor_checks.reachability.network import TaskSubnets
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.coverage import Coverage, ResolverReader
from gmsa_doctor_checks.vpc_dns.dhcp_options.forwarders import Forwarders, Server, public_ones, with_rule
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import (
    AMAZON,
    ANY_SERVERS,
    SEEN_BY,
    forward_rule,
    new_options,
    not_of_the_set,
    options_or_rule,
    own_servers,
)
from gmsa_doctor_checks.vpc_dns.values import AdServers, VpcDns, VpcResolver


@bundle
@dataclass(frozen=True)
class TaskResolver:
    """The task's own resolver, and the DNS servers that the task was started with."""

    vantage: Vantage
    dns: Outcome[Dns]
    used: Outcome[DnsServersInUse]

    def finds(self, domain: DomainName, options: DhcpOptions) -> bool:
        """Whether it resolves the domain with the servers of this set."""
        dns, used = self.dns.value, self.used.value
        if not (self.vantage.inside and self.vantage.own_resolver) or dns is None:
            return False
        if used is not None and not_of_the_set(used, options):
            return False
        try:
            return bool(dns.srv(srv_name(domain)))
        except ClientError:
            return False


@check(
    "dhcp-options.domain-name-servers",
    title="The VPC's DNS servers resolve the AD domain",
    cause=Cause.DHCP_OPTIONS,
    docs=links.FARGATE_GMSA,
    shows=(texts.NO_DNS,),
)
def domain_name_servers(
    options: DhcpOptions,
    domain: AdDomain,
    servers: AdServers,
    task: TaskResolver,
    vpc_resolver: Outcome[VpcResolver],
    reader: ResolverReader,
    subnets: Outcome[TaskSubnets],
    ec2: Ec2,
) -> Result[VpcDns]:
    """Checks that the VPC sends queries for the AD domain to DNS servers that can answer them.

    Custom DNS servers are compared with `--ad-dns`, otherwise with the Directory Service directory that has the
    domain's name. Without either, they pass, unless they are public resolvers. Any other server may know or forward the
    domain, such as a resolver of another account or on-premises DNS: it is a warning, which an answer from inside the
    task's network settles. An inbound Resolver endpoint is judged by the rules and zones of its own VPC.

    `AmazonProvidedDNS` passes if the most specific Resolver FORWARD rule or private hosted zone for the domain's SRV
    records resolves them, of the VPC or of its Route 53 Profile. A rule goes before a zone of the same name; a zone
    without the records answers NXDOMAIN, and requires `enableDnsHostnames`. If the set lists custom servers as well, a
    missing rule is a warning. The configuration of a shared VPC's or a shared Profile's owner may not be visible.

    An answer of the task's own resolver overrules what is deduced from the set, unless the set was changed after the
    task was started.

    Why: Credentials Fetcher finds the domain controllers by SRV records, which only the AD's DNS servers, or resolvers
    that forward to them, can return. AWS documents wrong DHCP options as the fourth cause.

    Fix: Create a DHCP options set with the AD's DNS servers and associate it with the VPC. Or create a Route 53
    Resolver outbound endpoint with a FORWARD rule for the domain, and associate the rule with the VPC. Only new tasks
    see the change.
    """
    case = _Case(options, domain.in_use, reader, subnets.value)
    if case.servers:
        known = servers.directories.value.all if servers.directories.value else ()
        result = case.custom(servers, Forwarders(case.domain, known, case.subnets, reader, ec2))
    else:
        off = vpc_resolver.value is not None and not vpc_resolver.value.on
        result = case.switched_off() if off else case.amazon_provided()
    finding = result if isinstance(result, Finding) else result.finding
    if not finding.overruled_by or not task.finds(case.domain, options):
        return result
    seen = finding.overruled(f"the task's own resolver finds the domain controllers of {case.domain.text}")
    return Given(VpcDns(options.servers, "observed inside the task"), seen)


@dataclass(frozen=True)
class _Case:
    options: DhcpOptions
    domain: DomainName
    reader: ResolverReader
    subnets: TaskSubnets | None

    @property
    def servers(self) -> tuple[str, ...]:
        return own_servers(self.options)

    @property
    def shared_by(self) -> str | None:
        return self.subnets.vpc.owner if self.subnets and self.subnets.shared else None

    def fix(self, *servers: str) -> Fix:
        return new_options(self.options, self.domain, servers or ANY_SERVERS, self.reader.place)

    def failed(self, summary: str, observed: str, expected: str, fix: Fix) -> Finding:
        """A failure that an answer of DNS overrules."""
        return failed(
            summary, observed=observed, expected=expected, fix=fix, shows_as=texts.NO_DNS, overruled_by=SEEN_BY
        )

    # Custom servers ---------------------------------------------------------------------------------

    def custom(self, servers: AdServers, forwarders: Forwarders) -> Result[VpcDns]:
        """Compares the set's custom servers with the AD's."""
        if missing := servers.missing:
            finding = deferred_to(missing)
            text = f"{self.options.id} lists {_joined(self.servers)}; not known whether these are the AD's DNS servers"
            fix = Fix("Pass the AD's DNS servers with --ad-dns.")
            return replace(finding, summary=f"{text}: {finding.summary}", fix=fix)
        right, source = servers.of(self.domain)
        if right:
            result = self._compare(right, source, forwarders)
        elif public := public_ones(self.servers):
            result = self._wrong(self.servers, forwarders.servers(public), "custom servers", ())
        else:
            text = (
                f"{self.options.id} lists custom DNS servers {_joined(self.servers)}. There is no Directory Service "
                f"directory {self.domain.text} to compare them with. Pass --ad-dns to compare, or see {SEEN_BY}"
            )
            result = Given(VpcDns(self.servers, "custom servers"), passed(text))
        return self._with_resolver(result) if isinstance(result, Given) and not self.shared_by else result

    def _compare(self, right: tuple[str, ...], source: str, forwarders: Forwarders) -> Result[VpcDns]:
        domain, listed = self.domain.text, _joined(self.servers)
        others = forwarders.servers([server for server in self.servers if server not in right])
        if not others:
            finding = passed(f"{self.options.id} lists {listed}, DNS servers of {domain} ({source})")
            return Given(VpcDns(self.servers, source), finding)
        covered = [(server, server.coverage) for server in others if server.coverage]
        doubtful = [server for server in others if not server.coverage]
        if doubtful:
            certain = [server for server in self.servers if server not in {own.address for own in doubtful}]
            return self._wrong(certain, doubtful, source, right)
        text = f"{self.options.id} lists {listed}: {'; '.join(str(server) for server, _ in covered)}"
        coverage = next((found for _, found in covered if found.rule), covered[0][1])
        return Given(VpcDns(self.options.servers, str(coverage), coverage.rule), with_rule(text, coverage.rule))

    def _wrong(
        self, certain: Sequence[str], others: Sequence[Server], source: str, right: tuple[str, ...]
    ) -> Result[VpcDns]:
        """Some or all of the servers may not resolve the domain. ``certain``: the servers of the set that do."""
        id, listed, domain = self.options.id, _joined(self.servers), self.domain.text
        why = "; ".join(map(str, others))
        dead = all(server.dead for server in others)
        from_source = f"{_joined(right)} ({source})" if right else f"only the DNS servers of {domain}"
        fix = options_or_rule(self.options, self.domain, right or ANY_SERVERS, self.reader.place)
        if dead and {server.address for server in others} >= set(self.servers):
            summary = f"{id} of {self.options.vpc} lists {listed}, none of which resolves {domain}: {why}"
            return self.failed(summary, listed, from_source, fix)
        names = _joined(tuple(server.address for server in others))
        if dead:
            summary = f"{id} also lists {names}, so DNS fails intermittently: {why}"
            finding = warned(summary, observed=listed, expected=from_source, fix=fix)
            return Given(VpcDns(self.servers, source), finding)
        summary = (
            f"{id} of {self.options.vpc} lists {'also ' if certain else ''}{names}, not known as DNS of {domain} "
            f"({source}). This works only if they resolve {domain}, which {SEEN_BY} shows: {why}"
        )
        finding = warned(summary, observed=listed, expected=f"{from_source}, or servers that resolve {domain}")
        settled = not certain and not any(server.dead for server in others)
        return Given(
            VpcDns(self.options.servers, "servers that may resolve the domain"),
            replace(finding, fix=self._ask_first(others, fix), overruled_by=SEEN_BY if settled else None),
        )

    def _ask_first(self, others: Sequence[Server], fix: Fix) -> Fix:
        """Query the servers before anything is changed."""
        name = srv_name(self.domain)
        queries = tuple(f"dig +short SRV {posix(name)} {posix(f'@{server.address}')}" for server in others)
        query = Fix(
            f"From a host in {self.options.vpc}, query each of them. If it lists the domain controllers, change "
            "nothing, and pass it with --ad-dns. Otherwise:",
            queries,
        )
        return one_after_the_other(query, fix)

    def _with_resolver(self, result: Given[VpcDns]) -> Given[VpcDns]:
        """A pass, unless the set also lists the VPC resolver and nothing covers the domain there."""
        amazon = tuple(server for server in self.options.servers if server not in self.servers)
        if not amazon or result.finding.status is not Status.PASS:
            return result
        if not self.reader.coverage(self.options.vpc, self.domain).ruled_out:
            return result
        finding = warned(
            f"{self.options.id} also lists the VPC resolver ({_joined(amazon)}), which has no rule or private zone for "
            f"{self.domain.text}. Lookups that reach it fail, so DNS fails intermittently",
            observed=_joined(self.options.servers),
            expected=f"only the DNS servers of {self.domain.text}, or a FORWARD rule for it",
            fix=self.fix(*self.servers),
        )
        return Given(result.value, finding)

    # AmazonProvidedDNS ------------------------------------------------------------------------------

    def amazon_provided(self) -> Result[VpcDns]:
        """Passes with a Resolver FORWARD rule, or a private hosted zone with the records."""
        domain, vpc, amazon = self.domain.text, self.options.vpc, self._amazon
        coverage = self.reader.coverage(vpc, self.domain)
        if rule := coverage.rule:
            finding = with_rule(f"AmazonProvidedDNS with {rule}, associated with {vpc}", rule, ", then start new tasks")
            return Given(VpcDns((), str(rule), rule), finding)
        if coverage.zone:
            text = f"AmazonProvidedDNS with {coverage.zone} of {vpc}"
            return Given(VpcDns((), str(coverage.zone)), passed(text))
        if coverage.unread and not coverage.errors:
            text = f"{amazon}; {coverage.unread}, may cover {domain}, which {SEEN_BY} shows"
            return Given(VpcDns((), coverage.unread), passed(text))
        if owner := self.shared_by:
            found = f"rules and zones of account {owner}, which owns {vpc}, may cover {domain}"
            return Given(VpcDns((), f"account {owner}"), passed(f"{amazon}; {found}, which {SEEN_BY} shows"))
        if coverage.errors:
            return unknown(
                f"{amazon}, which requires a Resolver rule, a private hosted zone or a Route 53 Profile for {domain}; "
                f"these could not be read: {'; '.join(error.text for error in coverage.errors)}",
                observed=amazon,
                fix=coverage.errors[0].fix,
            )
        return self._nothing_covers(coverage)

    def _nothing_covers(self, coverage: Coverage) -> Finding:
        domain, vpc, servers = self.domain.text, self.options.vpc, ANY_SERVERS
        why = f"no Resolver FORWARD rule or private hosted zone of {vpc} covers {domain}"
        if coverage.lacking:
            why = f"nothing resolves {domain}: {coverage.lacking}"
        missing = "no DHCP options set" if self.options.id == "default" else "no DNS servers"
        zone = coverage.zone_in_way.name if coverage.zone_in_way else ""
        fix = forward_rule(
            self.options, self.domain, servers, self.reader.place, zone if is_part_of(zone, domain) else ""
        )
        return self.failed(
            f"{self._amazon}, and {why}",
            AMAZON if self.options.servers else missing,
            f"a FORWARD rule for {domain}, or its DNS servers",
            fix,
        )

    def switched_off(self) -> Finding:
        vpc, fix = self.options.vpc, self.fix()
        command = f"aws ec2 modify-vpc-attribute{self.reader.place.region_option} --vpc-id {posix(vpc)}"
        return self.failed(
            f"{self._amazon}, but enableDnsSupport of {vpc} is off, so the VPC resolver does not answer",
            "enableDnsSupport is off",
            f"enableDnsSupport on, or the DNS servers of {self.domain.text}",
            one_after_the_other(
                Fix(
                    f"Turn on enableDnsSupport of {vpc}. If no Resolver rule or private hosted zone covers "
                    f"{self.domain.text}, also do the following.",
                    (f"{command} --enable-dns-support Value=true",),
                ),
                fix,
            ),
        )

    @property
    def _amazon(self) -> str:
        id, vpc = self.options.id, self.options.vpc
        if id == "default":
            return f"{vpc} has no DHCP options set, so tasks use the VPC resolver"
        if not self.options.servers:
            return f"{id} of {vpc} lists no DNS servers, so tasks use the VPC resolver at best"
        return f"{id} of {vpc} uses AmazonProvidedDNS"


def _joined(addresses: tuple[str, ...]) -> str:
    return ", ".join(addresses)
