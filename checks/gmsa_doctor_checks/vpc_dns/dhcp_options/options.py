"""Cause 4: the VPC's DHCP options set must lead the task to the DNS servers of the AD."""

from __future__ import annotations

import ipaddress

from gmsa_doctor.authoring import Cause, CheckId, Finding, Fix, Given, Outcome, Result, check, passed, skipped, warned
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import DnsServersInUse, KnownDnsServers
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.reachability.network import TaskSubnets, Vpc
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.values import plain

AMAZON = "AmazonProvidedDNS"
SEEN_BY = CheckId("dns.domain-controllers")
"""The check that sees what is deduced here from configuration."""


@check(
    "dhcp-options.set",
    title="The VPC's DHCP options set can be read",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DHCP_OPTIONS,
)
def dhcp_options_set(subnets: TaskSubnets, ec2: Ec2) -> Result[DhcpOptions]:
    """Finds the DHCP options set of the VPC that the task's subnets are in.

    Why: a Fargate task takes its DNS servers from the DHCP options set of its VPC, and from nowhere else:
    `dnsServers` and `extraHosts` are not valid on Fargate.

    Fix: name subnets that exist, all of one VPC.
    """
    vpc, id = subnets.vpc.id, subnets.vpc.dhcp_options
    if id == "default":
        return Given(DhcpOptions(vpc, id, (), None), passed(f"{vpc} has no DHCP options set (id `default`)"))
    try:
        values = ec2.dhcp_options(id)
    except NotFound:
        if not subnets.shared:
            raise
        text = f"{id} belongs to the account {subnets.vpc.owner}, as {vpc} does, and cannot be seen from here"
        return skipped(text, fix=Fix("Ask who manages the VPC."))
    names = values.get("domain-name", ())
    servers = tuple(map(plain, values.get("domain-name-servers", ())))
    options = DhcpOptions(vpc, id, servers, names[0] if names else None, _resolvers(subnets.vpc))
    return Given(options, passed(f"{id} of {vpc}: DNS servers {listed(options.servers)}"))


@check(
    "dhcp-options.domain-name",
    title="The VPC's DHCP options complete names with the AD domain",
    cause=Cause.DHCP_OPTIONS,
    docs=links.FARGATE_GMSA,
)
def domain_name(options: DhcpOptions, ad: AdDomain, place: AwsPlace) -> Finding:
    """Compares the `domain-name` of the DHCP options set with the AD domain.

    Why: AWS's instructions set it. It only completes names without a dot, so a task works without it as long
    as the application uses full names.

    Fix: make a DHCP options set with the AD domain as its `domain-name`.
    """
    domain = ad.in_use
    set_to = {name.rstrip(".") for name in (options.domain_name or "").lower().split()}
    if set_to & {domain.text, ad.names.domain.text}:  # where the two differ, secret.domain says so
        return passed(f"{options.id}: domain-name is {options.domain_name}")
    return warned(
        f"the domain-name of {options.id} is {options.domain_name or 'not set'}, not {domain.text}; "
        "names without a dot will not be found in the AD",
        observed=options.domain_name or "not set",
        expected=domain.text,
        fix=new_options(options, domain, options.servers or ("<DNS servers of the AD>",), place),
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
    names = listed(used.addresses)
    if options.value:
        return _like_the_set(used, options.value)
    if not known.addresses:
        return passed(f"{names}; the DHCP options set was not read, so there was nothing to compare them with")
    others = tuple(address for address in used.addresses if address not in known.addresses)
    if not others:
        return passed(f"{names}, DNS of the AD (--ad-dns)")
    which = "none of which is" if len(others) == len(used.addresses) else f"of which {listed(others)} is not"
    return warned(
        f"the task's DNS servers are {names}, {which} among those of --ad-dns; that is right only if they forward the "
        f"domain, which {SEEN_BY} shows",
        observed=names,
        expected=f"{listed(known.addresses)} (--ad-dns)",
        fix=Fix("Let the VPC's DHCP options name the AD's DNS servers, and start new tasks: only they see the change."),
    )


# The servers in use ---------------------------------------------------------------------------------


def own_servers(options: DhcpOptions) -> tuple[str, ...]:
    """The DNS servers of the set that are not the VPC's own resolver."""
    return tuple(server for server in options.servers if server not in (AMAZON, *options.resolvers))


def not_of_the_set(used: DnsServersInUse, options: DhcpOptions) -> tuple[str, ...]:
    """The servers in use that the set does not name: it has changed since the task was started.

    The VPC's resolver goes under several addresses; a server of the set that the task lacks is no harm.
    """
    amazon = not options.servers or bool({AMAZON, *options.resolvers} & set(options.servers))
    right = {*options.servers, *(options.resolvers if amazon else ())}
    return tuple(address for address in used.addresses if address not in right)


def _like_the_set(used: DnsServersInUse, options: DhcpOptions) -> Finding:
    others = not_of_the_set(used, options)
    names = listed(used.addresses)
    if not others:
        return passed(f"{names}, as {options.id} of {options.vpc} says")
    return warned(
        f"this task was started with the DNS servers {names}, but {options.id} of {options.vpc} now names "
        f"{listed(options.servers or (AMAZON,))}: new tasks will not have the same as this one",
        observed=names,
        expected=listed(options.servers or (AMAZON,)),
        fix=Fix("A changed DHCP options set reaches new tasks only: start a new one, and check that."),
    )


# Common ---------------------------------------------------------------------------------------------


def _resolvers(vpc: Vpc) -> tuple[str, ...]:
    """The VPC resolver's addresses: two link-local ones, and the third address of each block of the VPC.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """
    third = (str(ipaddress.ip_network(block, strict=False)[2]) for block in vpc.cidrs)
    return ("169.254.169.253", "fd00:ec2::253", *third)


def new_options(options: DhcpOptions, domain: DomainName, servers: tuple[str, ...], place: AwsPlace) -> Fix:
    """To make another DHCP options set; sets cannot be changed."""
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


def listed(items: tuple[str, ...]) -> str:
    """The addresses with commas between them."""
    return ", ".join(items) or "none"
