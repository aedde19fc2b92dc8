"""Cause 4: where the VPC sends questions for names of the AD domain."""

from __future__ import annotations

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
from gmsa_doctor_checks.domain import AdDomain, srv_name
from gmsa_doctor_checks.reachability.network import TaskSubnets
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.dhcp_options.forwarders import judge, public_ones, servers_of, with_rule
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import (
    AMAZON,
    SEEN_BY,
    listed,
    new_options,
    not_of_the_set,
    own_servers,
)
from gmsa_doctor_checks.vpc_dns.leading import ResolverReader
from gmsa_doctor_checks.vpc_dns.values import AdServers, AwsDirectory, VpcDns, VpcResolver


@bundle
@dataclass(frozen=True)
class TaskResolver:
    """What the task itself sees of DNS: its own resolver, and the servers that it was started with."""

    vantage: Vantage
    dns: Outcome[Dns]
    used: Outcome[DnsServersInUse]

    def finds(self, domain: DomainName, options: DhcpOptions) -> bool:
        """Whether it finds the domain, with the servers of this set, whatever the static facts say."""
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
    title="The VPC's DHCP options name DNS servers of the AD",
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
    """Judges where the VPC sends questions for names of the AD domain.

    Custom servers are compared with `--ad-dns`, else with the addresses of a Directory Service directory of
    the domain's name; servers that neither knows are no failure. Others than these may forward the domain: an inbound
    endpoint of Route 53 Resolver is judged by what leads the resolver of its VPC, and what else is found at their
    addresses in this account only warns. `AmazonProvidedDNS` is right if a Resolver FORWARD rule for the domain or a
    parent of it, or a private hosted zone that can hold its records, is associated with the VPC; without one it warns
    beside custom servers. A Route 53 Profile may bring both, and so may the owner of a shared VPC; what they hold
    cannot be looked at. An answer of the task's own resolver outweighs what is deduced from the set, unless the set has
    changed since the task was started.

    Why: Credentials Fetcher finds the domain controllers by SRV records, which only the AD's DNS (or a
    resolver that forwards to it) holds. AWS documents wrong DHCP options as the fourth cause.

    Fix: make a DHCP options set with the AD's DNS servers and associate it with the VPC, or make a Route 53
    Resolver outbound endpoint with a FORWARD rule for the domain and associate that. New tasks only see it.
    """
    case = _Case(options, domain.in_use, reader, subnets.value)
    if not own_servers(options):
        off = vpc_resolver.value is not None and not vpc_resolver.value.on
        result = case.switched_off() if off else case.amazon_provided()
    else:
        result = case.custom(servers)
        if isinstance(result, Finding) and result.status is Status.FAIL:
            others = servers_of(case.servers, case.domain, servers.directories.value, case.subnets, ec2)
            result = judge(options, others, case.domain, case.subnets, result.fix or Fix(""), reader) or result
    if isinstance(result, Finding) and result.status is Status.FAIL and task.finds(case.domain, options):
        found = f"the task's own resolver finds the domain controllers of {case.domain.text}"
        return Given(VpcDns(options.servers, "seen from inside"), result.overruled(found))
    return result


@dataclass(frozen=True)
class _Case:
    """The DHCP options set of a VPC, and the domain that it has to lead to."""

    options: DhcpOptions
    domain: DomainName
    reader: ResolverReader
    subnets: TaskSubnets | None

    @property
    def servers(self) -> tuple[str, ...]:
        """The set's servers but for the VPC's own resolver."""
        return own_servers(self.options)

    @property
    def shared_by(self) -> str | None:
        """The other account that owns the VPC."""
        return self.subnets.vpc.owner if self.subnets and self.subnets.shared else None

    def fix(self, *servers: str) -> Fix:
        """To make a set with these servers."""
        return new_options(self.options, self.domain, servers or ("<DNS servers of the AD>",), self.reader.place)

    def failed(self, summary: str, observed: str, expected: str, fix: Fix) -> Finding:
        """A failure that an answer of DNS overrules."""
        return failed(
            summary, observed=observed, expected=expected, fix=fix, shows_as=texts.NO_DNS, overruled_by=SEEN_BY
        )

    # Custom servers ---------------------------------------------------------------------------------

    def custom(self, servers: AdServers) -> Result[VpcDns]:
        """Whether the set's own servers are the AD's."""
        if in_the_way := servers.in_the_way:
            behind = deferred_to(in_the_way)
            text = f"{self.options.id} names {listed(self.servers)}; whether these are the AD's is not known"
            fix = Fix("Name the AD's DNS servers with --ad-dns.")
            return replace(behind, summary=f"{text}: {behind.summary}", fix=fix)
        addresses, source = servers.of(self.domain)
        directories = servers.named(self.domain)
        if addresses:
            result = self._compare(addresses, source, directories)
        elif public := public_ones(self.servers):
            result = self._public(public)
        else:
            text = (
                f"{self.options.id} names its own DNS servers {listed(self.servers)}; AWS knows no directory "
                f"{self.domain.text} to compare them with (--ad-dns can name its servers), so {SEEN_BY} decides"
            )
            result = Given(VpcDns(self.servers, "custom servers"), passed(text))
        return self._with_the_resolver(result) if isinstance(result, Given) and not self.shared_by else result

    def _public(self, public: tuple[str, ...]) -> Result[VpcDns]:
        """Some, or all, know nothing of the AD, though nothing tells which servers are the AD's."""
        expected = f"the DNS servers of {self.domain.text}"
        if len(public) == len(self.servers):
            return self.failed(
                f"{self.options.id} of {self.options.vpc} names {listed(public)}, which resolves public names only, "
                f"and knows nothing of {self.domain.text}",
                listed(self.servers),
                expected,
                self.fix(),
            )
        finding = warned(
            f"{self.options.id} also names {listed(public)}, which resolves public names only; whichever server "
            "answers first decides",
            observed=listed(self.servers),
            expected=f"{expected} alone",
            fix=self.fix(),
        )
        return Given(VpcDns(self.servers, "custom servers"), finding)

    def _compare(self, right: tuple[str, ...], source: str, directories: tuple[AwsDirectory, ...]) -> Result[VpcDns]:
        wrong = tuple(server for server in self.servers if server not in right)
        fix = self.fix(*right)
        if not public_ones(wrong):
            fix = replace(fix, text=f"{fix.text} If {listed(wrong)} forward the domain, name them too with --ad-dns.")
        observed, expected = listed(self.servers), f"{listed(right)} ({source})"
        if len(wrong) == len(self.servers):
            # the addresses of an AD Connector are a likely mistake: they look like those of a directory
            connector = tuple(ip for found in directories for ip in found.connector if ip in wrong)
            why = f"; {listed(connector)} is the AD Connector itself, which serves no DNS" if connector else ""
            return self.failed(
                f"{self.options.id} of {self.options.vpc} names {observed}, none of which is a DNS server of "
                f"{self.domain.text}{why}",
                observed,
                expected,
                fix,
            )
        finding = passed(f"{self.options.id} names {observed}, DNS of {self.domain.text} ({source})")
        if wrong:
            finding = warned(
                f"{self.options.id} also names {listed(wrong)}, which {source} does not list for {self.domain.text}; "
                "whichever server answers first decides",
                observed=observed,
                expected=expected,
                fix=fix,
            )
        return Given(VpcDns(self.servers, source), finding)

    def _with_the_resolver(self, result: Given[VpcDns]) -> Given[VpcDns]:
        """What is right but for the VPC's own resolver, which the set names too: it may know nothing of the domain."""
        amazon = tuple(server for server in self.options.servers if server not in self.servers)
        if not amazon or result.finding.status is not Status.PASS:
            return result
        leading = self.reader.leading(self.options.vpc, self.domain)
        if leading.rule or leading.zone or leading.profiles or leading.in_the_way:
            return result
        finding = warned(
            f"{self.options.id} also names the VPC's own resolver ({listed(amazon)}), which nothing leads to "
            f"{self.domain.text}; whichever server answers first decides",
            observed=listed(self.options.servers),
            expected=f"the DNS servers of {self.domain.text} alone, or a FORWARD rule for it",
            fix=self.fix(*self.servers),
        )
        return Given(result.value, finding)

    # AmazonProvidedDNS ------------------------------------------------------------------------------

    def amazon_provided(self) -> Result[VpcDns]:
        """Right with a Resolver FORWARD rule, or a private hosted zone, for the domain or a parent of it.

        Associations with a VPC that were made in another account are not listed in this one.
        Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_ListResolverRuleAssociations.html
        """
        domain, vpc = self.domain.text, self.options.vpc
        leading = self.reader.leading(vpc, self.domain)
        if leading.rule:
            finding = with_rule(
                f"AmazonProvidedDNS with {leading.rule}, associated with {vpc}", leading.rule, "; then start new tasks"
            )
            return Given(VpcDns((), str(leading.rule), leading.rule), finding)
        if leading.zone:
            return Given(VpcDns((), leading.zone), passed(f"AmazonProvidedDNS with the {leading.zone} of {vpc}"))
        if leading.profiles:
            found = f"the Route 53 Profile {', '.join(leading.profiles)} may lead it to {domain}"
            return Given(VpcDns((), "a Route 53 Profile"), passed(f"{self._source}; {found}, which {SEEN_BY} shows"))
        if owner := self.shared_by:
            found = f"the rules and zones of {owner}, who owns {vpc}, may lead it to {domain}"
            return Given(VpcDns((), f"what {owner} set up"), passed(f"{self._source}; {found}, which {SEEN_BY} shows"))
        if leading.in_the_way:
            return unknown(
                f"{self._source}, which is right only with a Resolver rule, a private hosted zone or a Route 53 "
                f"Profile for {domain}; that could not be looked up: "
                f"{'; '.join(error.text for error in leading.in_the_way)}",
                observed=self._source,
                fix=leading.in_the_way[0].fix,
            )
        named = "no DHCP options set" if self.options.id == "default" else "no DNS servers"
        return self.failed(
            f"{self._source}, and nothing leads it to {domain}: "
            + (leading.void or f"{vpc} has no Resolver FORWARD rule and no private hosted zone for the domain"),
            AMAZON if self.options.servers else named,
            f"the DNS servers of {domain}, or a FORWARD rule for it",
            self.fix(),
        )

    def switched_off(self) -> Finding:
        """The VPC's resolver answers nothing."""
        vpc, fix = self.options.vpc, self.fix()
        command = f"aws ec2 modify-vpc-attribute{self.reader.place.region_option} --vpc-id {posix(vpc)}"
        return self.failed(
            f"{self._source}, but {vpc} has enableDnsSupport off: its resolver answers nothing",
            "enableDnsSupport is off",
            f"enableDnsSupport on, or the DNS servers of {self.domain.text}",
            Fix(
                f"Turn enableDnsSupport of {vpc} on. {fix.text}",
                (f"{command} --enable-dns-support Value=true", *fix.commands),
            ),
        )

    @property
    def _source(self) -> str:
        id, vpc = self.options.id, self.options.vpc
        if id == "default":
            return f"{vpc} has no DHCP options set, so tasks ask the VPC's own resolver"
        if not self.options.servers:
            return f"{id} of {vpc} names no DNS servers, so tasks ask the VPC's own resolver at best"
        return f"{id} of {vpc} names AmazonProvidedDNS"
