"""Cause 4: where the VPC sends questions for names of the AD domain."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    check,
    failed,
    passed,
    stands_behind,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.aws.route53 import Route53, Route53Profiles, Route53Resolver
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import DnsServersInUse, KnownDnsServers, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import domain_in_use, srv_name
from gmsa_doctor_checks.values import Account, DhcpOptions, DomainName, GmsaNames
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import (
    AMAZON,
    SEEN_BY,
    listed,
    new_options,
    not_of_the_set,
    own_servers,
)
from gmsa_doctor_checks.vpc_dns.forwarders import judge, public_ones, servers_of
from gmsa_doctor_checks.vpc_dns.leading import Leading, LeadingOf, leading_of
from gmsa_doctor_checks.vpc_dns.values import (
    AwsDirectories,
    AwsDirectory,
    ForwardRule,
    VpcDns,
    VpcResolver,
    directory_dns,
    plain,
)
from gmsa_doctor_checks.vpc_values import TaskSubnets


@check(
    "dhcp-options.domain-name-servers",
    title="The VPC's DHCP options name DNS servers of the AD",
    cause=Cause.DHCP_OPTIONS,
    docs=links.FARGATE_GMSA,
    shows=(texts.NO_DNS,),
)
def domain_name_servers(
    options: DhcpOptions,
    names: GmsaNames,
    account: Outcome[Account],
    known: KnownDnsServers,
    place: AwsPlace,
    vantage: Vantage,
    dns: Outcome[Dns],
    used: Outcome[DnsServersInUse],
    own_resolver: Outcome[VpcResolver],
    directories: Outcome[AwsDirectories],
    resolver: Route53Resolver,
    route53: Route53,
    profiles: Route53Profiles,
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
    domain = domain_in_use(names, account)
    custom = own_servers(options)

    def leads(vpc: str) -> Leading:
        return leading_of(vpc, domain, place, resolver, route53, profiles)

    if not custom and own_resolver.value and not own_resolver.value.on:
        result: Result[VpcDns] = _switched_off(options, domain, place)
    elif not custom:
        result = _amazon_provided(options, domain, place, leads)
        if isinstance(result, Finding) and subnets.value and subnets.value.shared:
            result = _of_the_owner(options, domain, subnets.value.vpc.owner)
    elif known.addresses:
        result = _compare(options, custom, tuple(map(plain, known.addresses)), domain, "--ad-dns", place)
    else:
        result = _with_directories(options, custom, domain, directories, place)
    if custom and isinstance(result, Given) and not (subnets.value and subnets.value.shared):
        result = _beside_the_resolver(options, custom, result, domain, place, leads)
    if custom and isinstance(result, Finding) and result.status is Status.FAIL:
        others = servers_of(custom, domain, directories.value, subnets.value, ec2)
        result = judge(options, others, domain, subnets.value, result.fix or Fix(""), leads) or result
    of_the_set = used.value is None or not not_of_the_set(used.value, options)
    if (
        isinstance(result, Finding)
        and result.status is Status.FAIL
        and of_the_set
        and _seen_inside(domain, vantage, dns.value)
    ):
        return Given(
            VpcDns(options.servers, "seen from inside"),
            replace(
                result,
                status=Status.WARN,
                summary=f"{result.summary}; but the task's own resolver finds the domain controllers of {domain.text}",
                shows_as=None,
                overruled_by=None,
            ),
        )
    return result


# Custom servers -------------------------------------------------------------------------------------


def _with_directories(
    options: DhcpOptions,
    servers: tuple[str, ...],
    domain: DomainName,
    directories: Outcome[AwsDirectories],
    place: AwsPlace,
) -> Result[VpcDns]:
    if directories.value is None:
        behind = stands_behind([directories.finding])
        return replace(
            behind,
            summary=f"{options.id} names {listed(servers)}; whether these are the AD's is not known: {behind.summary}",
            fix=Fix("Name the AD's DNS servers with --ad-dns."),
        )
    found = directories.value.named(domain.text)
    addresses, source = directory_dns(found)
    if addresses:
        return _explained(_compare(options, servers, addresses, domain, source, place), servers, found)
    if public_ones(servers):
        return _public(options, servers, domain, place)
    return Given(
        VpcDns(servers, "custom servers"),
        passed(
            f"{options.id} names its own DNS servers {listed(servers)}; AWS knows no directory {domain.text} to "
            "compare them with (--ad-dns can name its servers), so dns.domain-controllers decides"
        ),
    )


def _public(options: DhcpOptions, servers: tuple[str, ...], domain: DomainName, place: AwsPlace) -> Result[VpcDns]:
    """Some, or all, know nothing of the AD, though nothing tells which servers are the AD's."""
    public = public_ones(servers)
    fix = new_options(options, domain, ("<DNS servers of the AD>",), place)
    others = tuple(one for one in servers if one not in public)
    if others:
        finding = warned(
            f"{options.id} also names {listed(public)}, which resolves public names only; whichever server answers "
            "first decides",
            observed=listed(servers),
            expected=f"the DNS servers of {domain.text} alone",
            fix=fix,
        )
        return Given(VpcDns(servers, "custom servers"), finding)
    return failed(
        f"{options.id} of {options.vpc} names {listed(public)}, which resolves public names only, and knows nothing of "
        f"{domain.text}",
        observed=listed(servers),
        expected=f"the DNS servers of {domain.text}",
        fix=fix,
        shows_as=texts.NO_DNS,
        overruled_by=SEEN_BY,
    )


def _explained(result: Result[VpcDns], servers: tuple[str, ...], found: tuple[AwsDirectory, ...]) -> Result[VpcDns]:
    """The addresses of an AD Connector are a likely mistake: they look like those of a directory."""
    connector = tuple(ip for one in found for ip in one.connector if ip in servers)
    if not isinstance(result, Finding) or not connector:
        return result
    why = f"{listed(connector)} is the AD Connector itself, which serves no DNS"
    return replace(result, summary=f"{result.summary}; {why}")


def _compare(
    options: DhcpOptions,
    servers: tuple[str, ...],
    right: tuple[str, ...],
    domain: DomainName,
    source: str,
    place: AwsPlace,
) -> Result[VpcDns]:
    wrong = tuple(one for one in servers if one not in right)
    fix = new_options(options, domain, right, place)
    if not public_ones(wrong):
        fix = replace(fix, text=f"{fix.text} If {listed(wrong)} forward the domain, name them too with --ad-dns.")
    expected = f"{listed(right)} ({source})"
    if len(wrong) == len(servers):
        return failed(
            f"{options.id} of {options.vpc} names {listed(servers)}, none of which is a DNS server of {domain.text}",
            observed=listed(servers),
            expected=expected,
            fix=fix,
            shows_as=texts.NO_DNS,
            overruled_by=SEEN_BY,
        )
    value = VpcDns(servers, source)
    if wrong:
        finding = warned(
            f"{options.id} also names {listed(wrong)}, which {source} does not list for {domain.text}; "
            "whichever server answers first decides",
            observed=listed(servers),
            expected=expected,
            fix=fix,
        )
        return Given(value, finding)
    return Given(value, passed(f"{options.id} names {listed(servers)}, DNS of {domain.text} ({source})"))


def _beside_the_resolver(
    options: DhcpOptions,
    custom: tuple[str, ...],
    result: Given[VpcDns],
    domain: DomainName,
    place: AwsPlace,
    leading_of: LeadingOf,
) -> Given[VpcDns]:
    """What is right but for the VPC's own resolver, which the set names too: it may know nothing of the domain."""
    amazon = tuple(one for one in options.servers if one not in custom)
    if not amazon or result.finding.status is not Status.PASS:
        return result
    leading = leading_of(options.vpc)
    if leading.rule or leading.zone or leading.profiles or leading.in_the_way:
        return result
    finding = warned(
        f"{options.id} also names the VPC's own resolver ({listed(amazon)}), which nothing leads to {domain.text}; "
        "whichever server answers first decides",
        observed=listed(options.servers),
        expected=f"the DNS servers of {domain.text} alone, or a FORWARD rule for it",
        fix=new_options(options, domain, custom, place),
    )
    return Given(result.value, finding)


# AmazonProvidedDNS ----------------------------------------------------------------------------------


def _amazon_provided(
    options: DhcpOptions, domain: DomainName, place: AwsPlace, leading_of: LeadingOf
) -> Result[VpcDns]:
    """Right with a Resolver FORWARD rule, or a private hosted zone, for the domain or a parent of it."""
    leading = leading_of(options.vpc)
    if leading.rule:
        return Given(VpcDns((), str(leading.rule), leading.rule), _with_rule(options, leading.rule))
    if leading.zone:
        return Given(VpcDns((), leading.zone), passed(f"AmazonProvidedDNS with the {leading.zone} of {options.vpc}"))
    if leading.profiles:
        found = ", ".join(leading.profiles)
        text = f"{_source(options)}; the Route 53 Profile {found} may lead it to {domain.text}, which {SEEN_BY} shows"
        return Given(VpcDns((), "a Route 53 Profile"), passed(text))
    in_the_way = leading.in_the_way
    if in_the_way:
        return unknown(
            f"{_source(options)}, which is right only with a Resolver rule, a private hosted zone or a Route 53 "
            f"Profile for {domain.text}; that could not be looked up: {'; '.join(one.text for one in in_the_way)}",
            observed=_source(options),
            fix=in_the_way[0].fix,
        )
    return failed(
        f"{_source(options)}, and nothing leads it to {domain.text}: "
        + (leading.void or f"{options.vpc} has no Resolver FORWARD rule and no private hosted zone for the domain"),
        observed=AMAZON if options.servers else "no DHCP options set" if options.id == "default" else "no DNS servers",
        expected=f"the DNS servers of {domain.text}, or a FORWARD rule for it",
        fix=new_options(options, domain, ("<DNS servers of the AD>",), place),
        shows_as=texts.NO_DNS,
        overruled_by=SEEN_BY,
    )


def _of_the_owner(options: DhcpOptions, domain: DomainName, owner: str | None) -> Result[VpcDns]:
    """Associations with a VPC that were made in another account are not listed in this one.

    Source: https://docs.aws.amazon.com/Route53/latest/APIReference/API_route53resolver_ListResolverRuleAssociations.html
    """
    text = f"{_source(options)}; the rules and zones of {owner}, who owns {options.vpc}, may lead it to {domain.text}"
    return Given(VpcDns((), f"what {owner} set up"), passed(f"{text}, which {SEEN_BY} shows"))


def _switched_off(options: DhcpOptions, domain: DomainName, place: AwsPlace) -> Finding:
    fix = new_options(options, domain, ("<DNS servers of the AD>",), place)
    command = f"aws ec2 modify-vpc-attribute{place.region_option} --vpc-id {posix(options.vpc)} --enable-dns-support"
    return failed(
        f"{_source(options)}, but {options.vpc} has enableDnsSupport off: its resolver answers nothing",
        observed="enableDnsSupport is off",
        expected=f"enableDnsSupport on, or the DNS servers of {domain.text}",
        fix=Fix(f"Turn enableDnsSupport of {options.vpc} on. {fix.text}", (f"{command} Value=true", *fix.commands)),
        shows_as=texts.NO_DNS,
        overruled_by=SEEN_BY,
    )


def _with_rule(options: DhcpOptions, rule: ForwardRule) -> Finding:
    text = f"AmazonProvidedDNS with {rule}, associated with {options.vpc}"
    if not rule.pending:
        return passed(text)
    return warned(
        f"{text}; but {rule.pending}, so it may not be in force",
        observed=rule.pending,
        expected="COMPLETE",
        fix=Fix("Wait until the association is COMPLETE, or associate the rule again; then start new tasks."),
    )


def _source(options: DhcpOptions) -> str:
    if options.id == "default":
        return f"{options.vpc} has no DHCP options set, so tasks ask the VPC's own resolver"
    if not options.servers:
        return f"{options.id} of {options.vpc} names no DNS servers, so tasks ask the VPC's own resolver at best"
    return f"{options.id} of {options.vpc} names AmazonProvidedDNS"


# Seen from inside -----------------------------------------------------------------------------------


def _seen_inside(domain: DomainName, vantage: Vantage, dns: Dns | None) -> bool:
    """Whether the task's own resolver finds the domain, whatever the static facts say."""
    if not (vantage.inside and vantage.own_resolver) or dns is None:
        return False
    try:
        return bool(dns.srv(srv_name(domain)))
    except ClientError:
        return False
