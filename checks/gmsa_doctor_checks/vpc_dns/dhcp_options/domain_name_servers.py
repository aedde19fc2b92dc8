"""Cause 4: where the VPC sends DNS queries for the AD domain."""

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
from gmsa_doctor_checks.vpc_dns.coverage import ResolverReader
from gmsa_doctor_checks.vpc_dns.dhcp_options.forwarders import judge, public_ones, servers_of, with_rule
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import (
    AMAZON,
    SEEN_BY,
    forward_rule,
    new_options,
    not_of_the_set,
    own_servers,
)
from gmsa_doctor_checks.vpc_dns.values import AdServers, AwsDirectory, VpcDns, VpcResolver


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
    domain's name. Without either, they pass, unless they are public resolvers. Other servers may forward the domain. An
    inbound Resolver endpoint is judged by the rules of its own VPC. Any other host of this account at such an address
    is only a warning.

    `AmazonProvidedDNS` passes if a Resolver FORWARD rule for the domain or a parent of it, or a private hosted zone
    that can hold its records, is associated with the VPC. If the set lists custom servers as well, a missing rule is a
    warning. A Route 53 Profile may contain either, and so may the configuration of a shared VPC's owner; these cannot
    be read.

    An answer of the task's own resolver overrules what is deduced from the set, unless the set was changed after the
    task was started.

    Why: Credentials Fetcher finds the domain controllers by SRV records, which only the AD's DNS servers, or resolvers
    that forward to them, can return. AWS documents wrong DHCP options as the fourth cause.

    Fix: Create a DHCP options set with the AD's DNS servers and associate it with the VPC. Or create a Route 53
    Resolver outbound endpoint with a FORWARD rule for the domain, and associate the rule with the VPC. Only new tasks
    see the change.
    """
    case = _Case(options, domain.in_use, reader, subnets.value)
    if not case.servers:
        off = vpc_resolver.value is not None and not vpc_resolver.value.on
        result = case.switched_off() if off else case.amazon_provided()
    else:
        result = case.custom(servers)
        if isinstance(result, Finding) and result.status is Status.FAIL:
            others = servers_of(case.servers, case.domain, servers.directories.value, case.subnets, ec2)
            result = judge(options, others, case.domain, case.subnets, result.fix or Fix(""), reader) or result
    if isinstance(result, Finding) and result.status is Status.FAIL and task.finds(case.domain, options):
        observation = f"the task's own resolver finds the domain controllers of {case.domain.text}"
        return Given(VpcDns(options.servers, "observed inside the task"), result.overruled(observation))
    return result


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
        return new_options(self.options, self.domain, servers or ("<DNS servers of the AD>",), self.reader.place)

    def failed(self, summary: str, observed: str, expected: str, fix: Fix) -> Finding:
        """A failure that an answer of DNS overrules."""
        return failed(
            summary, observed=observed, expected=expected, fix=fix, shows_as=texts.NO_DNS, overruled_by=SEEN_BY
        )

    # Custom servers ---------------------------------------------------------------------------------

    def custom(self, servers: AdServers) -> Result[VpcDns]:
        """Compares the set's custom servers with the AD's."""
        if missing := servers.missing:
            finding = deferred_to(missing)
            text = f"{self.options.id} lists {_joined(self.servers)}; not known whether these are the AD's DNS servers"
            fix = Fix("Pass the AD's DNS servers with --ad-dns.")
            return replace(finding, summary=f"{text}: {finding.summary}", fix=fix)
        addresses, source = servers.of(self.domain)
        if addresses:
            result = self._compare(addresses, source, servers.named(self.domain))
        elif public := public_ones(self.servers):
            result = self._public(public)
        else:
            text = (
                f"{self.options.id} lists custom DNS servers {_joined(self.servers)}. There is no Directory Service "
                f"directory {self.domain.text} to compare them with. Pass --ad-dns to compare, or see {SEEN_BY}"
            )
            result = Given(VpcDns(self.servers, "custom servers"), passed(text))
        return self._with_resolver(result) if isinstance(result, Given) and not self.shared_by else result

    def _public(self, public: tuple[str, ...]) -> Result[VpcDns]:
        """Some or all are public resolvers, and there is no source for the AD's DNS servers."""
        domain = self.domain.text
        return self._wrong(
            public,
            f"{_joined(public)}; public resolvers know only public names, not {domain}",
            "; public resolvers know only public names, so lookups that reach them fail, and DNS fails intermittently",
            f"only the DNS servers of {domain}",
            self.fix(),
            "custom servers",
        )

    def _compare(self, right: tuple[str, ...], source: str, directories: tuple[AwsDirectory, ...]) -> Result[VpcDns]:
        domain, listed = self.domain.text, _joined(self.servers)
        wrong = tuple(server for server in self.servers if server not in right)
        if not wrong:
            finding = passed(f"{self.options.id} lists {listed}, DNS servers of {domain} ({source})")
            return Given(VpcDns(self.servers, source), finding)
        fix = self.fix(*right)
        if not public_ones(wrong):
            fix = replace(fix, text=f"{fix.text} If any of {_joined(wrong)} forwards the domain, add it to --ad-dns.")
        # the addresses of an AD Connector are easily mistaken for those of a directory
        connector = tuple(ip for found in directories for ip in found.connector if ip in wrong)
        why = f"; {_joined(connector)} is the AD Connector itself, which serves no DNS" if connector else ""
        return self._wrong(
            wrong,
            f"{listed}, none of which is a DNS server of {domain}{why}",
            f", which {source} does not list for {domain}. Unless these forward the domain, lookups that reach them "
            "fail, so DNS fails intermittently",
            f"{_joined(right)} ({source})",
            fix,
            source,
        )

    def _wrong(
        self, wrong: tuple[str, ...], all_wrong: str, some_wrong: str, expected: str, fix: Fix, source: str
    ) -> Result[VpcDns]:
        id, observed = self.options.id, _joined(self.servers)
        if len(wrong) == len(self.servers):
            return self.failed(f"{id} of {self.options.vpc} lists {all_wrong}", observed, expected, fix)
        summary = f"{id} also lists {_joined(wrong)}{some_wrong}"
        return Given(VpcDns(self.servers, source), warned(summary, observed=observed, expected=expected, fix=fix))

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
        """Passes with a Resolver FORWARD rule, or a private hosted zone, for the domain or a parent of it.

        Associations with a VPC that were made in another account are not listed in this one.
        Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_ListResolverRuleAssociations.html
        """
        domain, vpc, amazon = self.domain.text, self.options.vpc, self._amazon
        coverage = self.reader.coverage(vpc, self.domain)
        if rule := coverage.rule:
            finding = with_rule(f"AmazonProvidedDNS with {rule}, associated with {vpc}", rule, ", then start new tasks")
            return Given(VpcDns((), str(rule), rule), finding)
        if coverage.zone:
            return Given(VpcDns((), coverage.zone), passed(f"AmazonProvidedDNS with the {coverage.zone} of {vpc}"))
        if coverage.profiles:
            found = f"the Route 53 Profile {', '.join(coverage.profiles)} may cover {domain}"
            return Given(VpcDns((), "a Route 53 Profile"), passed(f"{amazon}; {found}, which {SEEN_BY} shows"))
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
        why = f"no Resolver FORWARD rule or private hosted zone of {vpc} covers {domain}"
        if coverage.ineffective:
            why = f"no Resolver rule for {domain} is in effect: {coverage.ineffective}"
        missing = "no DHCP options set" if self.options.id == "default" else "no DNS servers"
        return self.failed(
            f"{amazon}, and {why}",
            AMAZON if self.options.servers else missing,
            f"a FORWARD rule for {domain}, or its DNS servers",
            forward_rule(self.options, self.domain, ("<DNS servers of the AD>",), self.reader.place),
        )

    def switched_off(self) -> Finding:
        vpc, fix = self.options.vpc, self.fix()
        command = f"aws ec2 modify-vpc-attribute{self.reader.place.region_option} --vpc-id {posix(vpc)}"
        return self.failed(
            f"{self._amazon}, but enableDnsSupport of {vpc} is off, so the VPC resolver does not answer",
            "enableDnsSupport is off",
            f"enableDnsSupport on, or the DNS servers of {self.domain.text}",
            Fix(
                f"Turn on enableDnsSupport of {vpc} (command 1). If no Resolver rule or private hosted zone covers "
                f"{self.domain.text}, also do this: {fix.text}",
                (f"{command} --enable-dns-support Value=true", *fix.commands),
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
