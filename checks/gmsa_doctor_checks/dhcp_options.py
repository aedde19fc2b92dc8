"""Cause 4: the VPC's DHCP options set must lead the task to the DNS servers of the AD."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from gmsa_doctor.clients.dns import Dns
from gmsa_doctor.clients.services import DirectoryService, Ec2, Route53, Route53Resolver
from gmsa_doctor.errors import ClientError, NotFound
from gmsa_doctor.model import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Status,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.registry import check
from gmsa_doctor.subject import Network, Place
from gmsa_doctor.vantage import DnsServersInUse, KnownDnsServers, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import domain_in_use, is_part_of, srv_name
from gmsa_doctor_checks.values import Account, DhcpOptions, DomainName, GmsaNames, VpcDns

AMAZON = "AmazonProvidedDNS"
_SEEN_BY = "dns.domain-controllers"
"""The check that sees what is deduced here from configuration."""


@check(
    "dhcp-options.set",
    title="The VPC's DHCP options set can be read",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DHCP_OPTIONS,
)
def dhcp_options_set(network: Network, ec2: Ec2, place: Place) -> Result[DhcpOptions]:
    """Finds the VPC of the task's subnets and its DHCP options set.

    Why: a Fargate task takes its DNS servers from the DHCP options set of its VPC, and from nowhere else:
    `dnsServers` and `extraHosts` are not valid on Fargate.

    Fix: name subnets that exist, all of one VPC.
    """
    try:
        subnets = ec2.subnets(network.subnets)
    except NotFound as error:
        return failed(
            f"a subnet of the task does not exist: {error.text}",
            observed=", ".join(network.subnets),
            expected=f"subnets of {place.region}",
            fix=Fix(
                "Give the service subnets that exist.",
                (f"aws ec2 describe-subnets{place.region_option} --query 'Subnets[].[SubnetId,VpcId]'",),
            ),
        )
    vpcs = sorted({subnet["VpcId"] for subnet in subnets})
    if len(vpcs) != 1:
        return failed(
            f"the subnets lie in {len(vpcs)} VPCs",
            observed=", ".join(f"{one['SubnetId']} in {one['VpcId']}" for one in subnets),
            expected="subnets of one VPC",
            fix=Fix("Give the service subnets of one VPC."),
        )
    vpc = ec2.vpc(vpcs[0])
    id = vpc.get("DhcpOptionsId") or "default"
    if id == "default":
        return Given(DhcpOptions(vpcs[0], id, (), None), passed(f"{vpcs[0]} has no DHCP options set (id `default`)"))
    values = ec2.dhcp_options(id)
    names = values.get("domain-name", ())
    servers = values.get("domain-name-servers", ())
    options = DhcpOptions(vpcs[0], id, servers, names[0] if names else None, _resolvers(vpc))
    return Given(options, passed(f"{id} of {vpcs[0]}: DNS servers {_list(options.servers)}"))


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
    place: Place,
    vantage: Vantage,
    dns: Outcome[Dns],
    directories: DirectoryService,
    resolver: Route53Resolver,
    route53: Route53,
) -> Result[VpcDns]:
    """Judges where the VPC sends questions for names of the AD domain.

    Custom servers are compared with `--ad-dns`, else with the addresses of a Directory Service directory of
    the domain's name; servers that neither knows are no failure. `AmazonProvidedDNS` is right if a Resolver
    FORWARD rule for the domain or a parent of it, or a private hosted zone that can hold its records, is
    associated with the VPC.

    Why: Credentials Fetcher finds the domain controllers by SRV records, which only the AD's DNS (or a
    resolver that forwards to it) holds. AWS documents wrong DHCP options as the fourth cause.

    Fix: make a DHCP options set with the AD's DNS servers and associate it with the VPC, or make a Route 53
    Resolver outbound endpoint with a FORWARD rule for the domain and associate that. New tasks only see it.
    """
    domain = domain_in_use(names, account)
    custom = tuple(one for one in options.servers if one not in (AMAZON, *options.resolvers))
    if not custom:
        result = _amazon_provided(options, domain, place, resolver, route53)
    elif known.addresses:
        result = _compare(options, custom, known.addresses, domain, "--ad-dns", place)
    else:
        result = _with_directories(options, custom, domain, directories, place)
    if isinstance(result, Finding) and result.status is Status.FAIL and _seen_inside(domain, vantage, dns.value):
        return Given(
            VpcDns(options.servers, "seen from inside"),
            replace(
                result,
                status=Status.WARN,
                summary=f"{result.summary}; but the task's own resolver finds the domain controllers of {domain.text}",
                shows_as=None,
                outweighed_by=None,
            ),
        )
    return result


@check(
    "dhcp-options.domain-name",
    title="The VPC's DHCP options complete names with the AD domain",
    cause=Cause.DHCP_OPTIONS,
    docs=links.FARGATE_GMSA,
)
def domain_name(options: DhcpOptions, names: GmsaNames, account: Outcome[Account], place: Place) -> Finding:
    """Compares the `domain-name` of the DHCP options set with the AD domain.

    Why: AWS's instructions set it. It only completes names without a dot, so a task works without it as long
    as the application uses full names.

    Fix: make a DHCP options set with the AD domain as its `domain-name`.
    """
    domain = domain_in_use(names, account)
    set_to = {one.rstrip(".") for one in (options.domain_name or "").lower().split()}
    if set_to & {domain.text, names.domain.text}:  # where the two differ, secret.domain says so
        return passed(f"{options.id}: domain-name is {options.domain_name}")
    return warned(
        f"the domain-name of {options.id} is {options.domain_name or 'not set'}, not {domain.text}; "
        "names without a dot will not be found in the AD",
        observed=options.domain_name or "not set",
        expected=domain.text,
        fix=_new_options(options, domain, options.servers or ("<DNS servers of the AD>",), place),
    )


@check(
    "dhcp-options.in-use",
    title="The task's DNS servers are those of the VPC's DHCP options",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DHCP_OPTIONS,
)
def in_use(used: DnsServersInUse, options: Outcome[DhcpOptions], known: KnownDnsServers) -> Finding:
    """Compares the DNS servers that the task was started with to those of the DHCP options set.

    Where the set cannot be read, they are compared to `--ad-dns`. Other servers may forward the domain, so that
    is no failure: dns.domain-controllers decides.

    Why: a changed DHCP options set reaches new tasks only. A running task may go on with servers that the next one
    will not have, or be without those that were set since.

    Fix: start a new task; check that one.
    """
    names = _list(used.addresses)
    if options.value:
        return _like_the_set(used, options.value)
    if not known.addresses:
        return passed(f"{names}; the DHCP options set was not read, so there was nothing to compare them with")
    others = tuple(one for one in used.addresses if one not in known.addresses)
    if not others:
        return passed(f"{names}, DNS of the AD (--ad-dns)")
    which = "none of which is" if len(others) == len(used.addresses) else f"of which {_list(others)} is not"
    return warned(
        f"the task's DNS servers are {names}, {which} among those of --ad-dns; that is right only if they forward the "
        f"domain, which {_SEEN_BY} shows",
        observed=names,
        expected=f"{_list(known.addresses)} (--ad-dns)",
        fix=Fix("Let the VPC's DHCP options name the AD's DNS servers, and start new tasks: only they see the change."),
    )


# Custom servers -------------------------------------------------------------------------------------


def _with_directories(
    options: DhcpOptions, servers: tuple[str, ...], domain: DomainName, client: DirectoryService, place: Place
) -> Result[VpcDns]:
    try:
        found = [one for one in client.directories() if str(one.get("Name", "")).lower() == domain.text]
    except ClientError as error:
        return unknown(
            f"{options.id} names {_list(servers)}; whether that is the AD could not be looked up: {error.text}",
            fix=Fix(
                "Name the AD's DNS servers with --ad-dns"
                + (f", or: {error.fix.text}" if error.fix else ", or try again.")
            ),
        )
    addresses = tuple(dict.fromkeys(ip for one in found for ip in _addresses(one)))
    if addresses:
        ids = ", ".join(one["DirectoryId"] for one in found)
        return _compare(options, servers, addresses, domain, f"the directory {ids}", place)
    return Given(
        VpcDns(servers, "custom servers"),
        passed(
            f"{options.id} names its own DNS servers {_list(servers)}; AWS knows no directory {domain.text} to compare "
            "them with (--ad-dns can name its servers), so dns.domain-controllers decides"
        ),
    )


def _addresses(directory: dict[str, object]) -> tuple[str, ...]:
    """Of an AD Connector these are the DNS servers of the self-managed AD."""
    settings = directory.get("ConnectSettings")
    own = directory.get("DnsIpAddrs") or (settings.get("CustomerDnsIps") if isinstance(settings, dict) else None)
    return tuple(own) if isinstance(own, list) else ()


def _compare(
    options: DhcpOptions,
    servers: tuple[str, ...],
    right: tuple[str, ...],
    domain: DomainName,
    source: str,
    place: Place,
) -> Result[VpcDns]:
    wrong = tuple(one for one in servers if one not in right)
    fix = _new_options(options, domain, right, place)
    expected = f"{_list(right)} ({source})"
    if len(wrong) == len(servers):
        return failed(
            f"{options.id} of {options.vpc} names {_list(servers)}, none of which is a DNS server of {domain.text}",
            observed=_list(servers),
            expected=expected,
            fix=fix,
            shows_as=texts.NO_DNS,
            outweighed_by=_SEEN_BY,
        )
    value = VpcDns(servers, source)
    if wrong:
        finding = warned(
            f"{options.id} also names {_list(wrong)}, which {source} does not list for {domain.text}; "
            "whichever server answers first decides",
            observed=_list(servers),
            expected=expected,
            fix=fix,
        )
        return Given(value, finding)
    return Given(value, passed(f"{options.id} names {_list(servers)}, DNS of {domain.text} ({source})"))


# The servers in use ---------------------------------------------------------------------------------


def _like_the_set(used: DnsServersInUse, options: DhcpOptions) -> Finding:
    """The VPC's resolver goes under several addresses; a server of the set that the task lacks is no harm."""
    amazon = not options.servers or bool({AMAZON, *options.resolvers} & set(options.servers))
    right = {*options.servers, *(options.resolvers if amazon else ())}
    others = tuple(one for one in used.addresses if one not in right)
    names = _list(used.addresses)
    if not others:
        return passed(f"{names}, as {options.id} of {options.vpc} says")
    return warned(
        f"this task was started with the DNS servers {names}, but {options.id} of {options.vpc} now names "
        f"{_list(options.servers or (AMAZON,))}: new tasks will not have the same as this one",
        observed=names,
        expected=_list(options.servers or (AMAZON,)),
        fix=Fix("A changed DHCP options set reaches new tasks only: start a new one, and check that."),
    )


# AmazonProvidedDNS ----------------------------------------------------------------------------------


def _amazon_provided(
    options: DhcpOptions, domain: DomainName, place: Place, resolver: Route53Resolver, route53: Route53
) -> Result[VpcDns]:
    """Right with a Resolver FORWARD rule, or a private hosted zone, for the domain or a parent of it."""
    in_the_way: list[ClientError] = []
    try:
        rule = _forward_rule(options.vpc, domain, resolver)
        if rule:
            return Given(VpcDns((), rule), passed(f"AmazonProvidedDNS with {rule}, associated with {options.vpc}"))
    except ClientError as error:
        in_the_way.append(error)
    try:
        zone = _hosted_zone(options.vpc, domain, place, route53)
        if zone:
            return Given(VpcDns((), zone), passed(f"AmazonProvidedDNS with the {zone} of {options.vpc}"))
    except ClientError as error:
        in_the_way.append(error)
    if in_the_way:
        return unknown(
            f"{_source(options)}, which is right only with a Resolver rule or a private hosted zone for "
            f"{domain.text}; that could not be looked up: {'; '.join(one.text for one in in_the_way)}",
            observed=_source(options),
            fix=in_the_way[0].fix,
        )
    return failed(
        f"{_source(options)}, and nothing leads it to {domain.text}: {options.vpc} has no Resolver FORWARD rule and no "
        "private hosted zone for the domain",
        observed=AMAZON if options.servers else "no DHCP options set",
        expected=f"the DNS servers of {domain.text}, or a FORWARD rule for it",
        fix=_new_options(options, domain, ("<DNS servers of the AD>",), place),
        shows_as=texts.NO_DNS,
        outweighed_by=_SEEN_BY,
    )


def _forward_rule(vpc: str, domain: DomainName, resolver: Route53Resolver) -> str | None:
    """The most specific rule decides; a SYSTEM rule takes a part of the domain out again."""
    rules = [resolver.rule(id) for id in resolver.rules_of_vpc(vpc)]
    matching = [one for one in rules if is_part_of(domain.text, str(one.get("DomainName", "")).rstrip("."))]
    matching = [one for one in matching if one.get("RuleType") in ("FORWARD", "SYSTEM")]
    best = max(matching, key=lambda one: len(str(one["DomainName"]).rstrip(".")), default=None)
    if best is None or best["RuleType"] != "FORWARD":
        return None
    targets = _list(tuple(str(one.get("Ip") or one.get("Ipv6")) for one in best.get("TargetIps", ())))
    return f"the Resolver rule {best['Id']} ({best['DomainName']} to {targets})"


def _hosted_zone(vpc: str, domain: DomainName, place: Place, route53: Route53) -> str | None:
    zones = route53.zones_of_vpc(vpc, place.region or "")
    fitting = [one for one in zones if is_part_of(domain.text, one) or is_part_of(one, domain.text)]
    return f"private hosted zone {fitting[0]}" if fitting else None


def _resolvers(vpc: dict[str, Any]) -> tuple[str, ...]:
    """The VPC resolver's addresses: two link-local ones, and the third address of each block of the VPC.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """
    blocks = [one["CidrBlock"] for one in vpc.get("CidrBlockAssociationSet", ())] or [vpc.get("CidrBlock")]
    third = (str(ipaddress.ip_network(block, strict=False)[2]) for block in blocks if block)
    return ("169.254.169.253", "fd00:ec2::253", *third)


def _source(options: DhcpOptions) -> str:
    if options.id == "default":
        return f"{options.vpc} has no DHCP options set, so tasks ask the VPC's own resolver"
    return f"{options.id} of {options.vpc} names AmazonProvidedDNS"


# Common ---------------------------------------------------------------------------------------------


def _seen_inside(domain: DomainName, vantage: Vantage, dns: Dns | None) -> bool:
    """Whether the task's own resolver finds the domain, whatever the static facts say."""
    if not (vantage.inside and vantage.own_resolver) or dns is None:
        return False
    try:
        return bool(dns.srv(srv_name(domain)))
    except ClientError:
        return False


def _new_options(options: DhcpOptions, domain: DomainName, servers: tuple[str, ...], place: Place) -> Fix:
    region = place.region_option
    values = ",".join(servers)
    return Fix(
        f"Make a DHCP options set with the AD's DNS servers and associate it with {options.vpc}, then start new tasks. "
        f"Or make a Route 53 Resolver FORWARD rule for {domain.text} and associate it with {options.vpc}.",
        (
            f"aws ec2 create-dhcp-options{region} --dhcp-configurations "
            f"{posix(f'Key=domain-name-servers,Values={values}')} {posix(f'Key=domain-name,Values={domain.text}')}",
            f"aws ec2 associate-dhcp-options{region} --vpc-id {posix(options.vpc)} "
            f"--dhcp-options-id {posix('<id of the new set>')}",
        ),
    )


def _list(items: tuple[str, ...]) -> str:
    return ", ".join(items) or "none"
