"""Cause 4: the VPC's DHCP options set must give the task DNS servers that resolve the AD domain."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    CheckId,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    alternatives,
    check,
    in_words,
    one_after_the_other,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.core.errors import NotFound
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import DnsServersInUse, KnownDnsServers
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.reachability.network import TaskSubnets, Vpc
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.values import VpcResolver, plain

AMAZON = "AmazonProvidedDNS"
_OURS = ("domain-name", "domain-name-servers")
SEEN_BY = CheckId("dns.domain-controllers")
"""The check that observes what is deduced here from configuration."""


@check(
    "dhcp-options.set",
    title="The VPC's DHCP options set can be read",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DHCP_OPTIONS,
)
def dhcp_options_set(subnets: TaskSubnets, ec2: Ec2) -> Result[DhcpOptions]:
    """Finds the DHCP options set of the VPC of the task's subnets.

    Why: a Fargate task gets its DNS servers only from the DHCP options set of its VPC: `dnsServers` and `extraHosts`
    are not valid on Fargate.

    Fix: Use existing subnets, all in one VPC.
    """
    vpc, id = subnets.vpc.id, subnets.vpc.dhcp_options
    if id == "default":
        return Given(DhcpOptions(vpc, id, (), None), passed(f"{vpc} has no DHCP options set (id `default`)"))
    try:
        values = ec2.dhcp_options(id)
    except NotFound:
        if not subnets.shared:
            raise
        text = f"{id} and {vpc} belong to account {subnets.vpc.owner}, and {id} is not visible from here"
        return skipped(text, fix=Fix("Ask the owner of the VPC."))
    names = values.get("domain-name", ())
    servers = tuple(map(plain, values.get("domain-name-servers", ())))
    others = tuple(f"Key={key},Values={','.join(own)}" for key, own in values.items() if key not in _OURS)
    options = DhcpOptions(vpc, id, servers, names[0] if names else None, _resolvers(subnets.vpc), others)
    return Given(options, passed(f"{id} of {vpc}: DNS servers {', '.join(servers) or 'none'}"))


@check("dhcp-options.dns-support", title="The VPC resolver's setting can be read, if it is used", docs=links.VPC_DNS)
def dns_support(options: DhcpOptions, ec2: Ec2) -> Given[VpcResolver]:
    """Reads the VPC's attribute `enableDnsSupport`, if the DHCP options list AmazonProvidedDNS.

    dhcp-options.domain-name-servers reports the consequences.

    Why: if the attribute is off, the VPC resolver does not answer, whatever rules and zones there are. DNS servers of
    the AD are not affected.

    Fix: Turn it on, with `aws ec2 modify-vpc-attribute --enable-dns-support`.
    """
    if own_servers(options):
        return Given(VpcResolver(on=True), passed(f"{options.id} lists custom DNS servers, not the VPC resolver"))
    on = ec2.vpc_attribute(options.vpc, "enableDnsSupport")
    return Given(VpcResolver(on), passed(f"{options.vpc} has enableDnsSupport {'on' if on else 'off'}"))


@check(
    "dhcp-options.domain-name",
    title="The DHCP options' domain-name is the AD domain",
    cause=Cause.DHCP_OPTIONS,
    docs=links.FARGATE_GMSA,
)
def domain_name(options: DhcpOptions, ad: AdDomain, place: AwsPlace) -> Finding:
    """Compares the `domain-name` of the DHCP options set with the AD domain.

    Why: AWS's instructions set it. It only completes names without a dot, so a task works without it if the application
    uses fully qualified names.

    Fix: Create a DHCP options set with the AD domain as its `domain-name`, and associate it with the VPC.
    """
    domain = ad.in_use
    set_to = {name.rstrip(".") for name in (options.domain_name or "").lower().split()}
    if set_to & {domain.text, ad.names.domain.text}:  # if the two differ, secret.domain reports it
        return passed(f"{options.id}: domain-name is {options.domain_name}")
    now = f"is {options.domain_name}, not {domain.text}" if options.domain_name else "is not set"
    return warned(
        f"the domain-name in the DHCP options of {options.vpc} {now}; names without a dot are not found in the AD",
        observed=options.domain_name or "not set",
        expected=domain.text,
        fix=new_options(options, domain, options.servers or ANY_SERVERS, place),
    )


@check(
    "dhcp-options.in-use",
    title="The task's DNS servers match the VPC's DHCP options",
    cause=Cause.DHCP_OPTIONS,
    docs=links.DHCP_OPTIONS,
)
def in_use(used: DnsServersInUse, options: Outcome[DhcpOptions], known: KnownDnsServers, place: AwsPlace) -> Finding:
    """Compares the DNS servers that the task was started with to those of the DHCP options set.

    If the set cannot be read, they are compared to `--ad-dns`. Other servers may forward the domain, so this is not a
    failure: dns.domain-controllers decides.

    Why: only new tasks use a changed DHCP options set. A running task keeps the servers that it was started with.

    Fix: Start a new task, and check that one.
    """
    names = ", ".join(used.addresses)
    if options.value:
        id, wanted = f"{options.value.id} of {options.value.vpc}", ", ".join(options.value.servers or (AMAZON,))
        if not not_of_the_set(used, options.value):
            return passed(f"{names}, as in {id}")
        fix = "Start new tasks, since only these use a changed DHCP options set, and check one of them."
        return warned(
            f"this task was started with the DNS servers {names}, but {id} now lists {wanted}, which only new tasks "
            "will use",
            observed=names,
            expected=wanted,
            fix=Fix(fix, (_new_tasks(place),), owner=Owner.DEVELOPER),
        )
    if not known.addresses:
        return passed(f"{names}; the DHCP options set was not read, so there is nothing to compare them with")
    others = tuple(address for address in used.addresses if address not in known.addresses)
    if not others:
        return passed(f"{names}, DNS of the AD (--ad-dns)")
    which = "none of which is" if len(others) == len(used.addresses) else f"of which {', '.join(others)} is not"
    return warned(
        f"the task's DNS servers are {names}, {which} in --ad-dns; this works only if they forward the domain, which "
        f"{SEEN_BY} shows",
        observed=names,
        expected=f"{', '.join(known.addresses)} (--ad-dns)",
        fix=Fix("Set the AD's DNS servers in the VPC's DHCP options, then start new tasks: only these use the change."),
    )


def own_servers(options: DhcpOptions) -> tuple[str, ...]:
    """The DNS servers of the set, without the VPC resolver."""
    return tuple(server for server in options.servers if server not in (AMAZON, *options.resolvers))


def not_of_the_set(used: DnsServersInUse, options: DhcpOptions) -> tuple[str, ...]:
    """The servers in use that the set does not list: it was changed after the task was started.

    The VPC resolver has several addresses. A server of the set that the task does not use is harmless.
    """
    amazon = not options.servers or bool({AMAZON, *options.resolvers} & set(options.servers))
    right = {*options.servers, *(options.resolvers if amazon else ())}
    return tuple(address for address in used.addresses if address not in right)


def _resolvers(vpc: Vpc) -> tuple[str, ...]:
    """The VPC resolver's addresses: two link-local ones, and the third address of the VPC's primary CIDR.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html
    """
    return ("169.254.169.253", "fd00:ec2::253", resolver_of(vpc.cidrs[0]))


def resolver_of(cidr: str) -> str:
    """The address of the VPC resolver in a VPC with this primary CIDR."""
    return str(ipaddress.ip_network(cidr, strict=False)[2])


ANY_SERVERS = ("<DNS server 1>", "<DNS server 2>")
"""Placeholders of the AD's DNS servers."""


def new_options(options: DhcpOptions, domain: DomainName, servers: tuple[str, ...], place: AwsPlace) -> Fix:
    """Create another DHCP options set, since sets cannot be changed, and start new tasks."""
    kept = in_words(option.partition(",")[0].removeprefix("Key=") for option in options.others)
    keeps = f"; the set keeps {kept} of {options.id}" if kept else ""
    return Fix(
        f"Use the AD's DNS servers for all hosts of {options.vpc}. First make sure that these servers also resolve the "
        f"other names that the hosts need{keeps}. Then create a DHCP options set with them, associate it with "
        f"{options.vpc}, and start new tasks (commands 1 to 3).",
        (*_new_set(options, domain, servers, place), _new_tasks(place)),
    )


def _new_set(
    options: DhcpOptions, domain: DomainName, servers: tuple[str, ...], place: AwsPlace
) -> tuple[str, ...]:  # fmt: skip
    region = place.region_option
    values = (f"Key=domain-name-servers,Values={','.join(servers)}", f"Key=domain-name,Values={domain.text}")
    return (
        f"aws ec2 create-dhcp-options{region} --dhcp-configurations {' '.join(map(posix, (*values, *options.others)))}",
        f"aws ec2 associate-dhcp-options{region} --vpc-id {posix(options.vpc)} "
        f"--dhcp-options-id {posix('<ID of the new set>')}",
    )


def forward_rule(
    options: DhcpOptions, domain: DomainName, servers: tuple[str, ...], place: AwsPlace, name: str = ""
) -> Fix:
    """Forward the domain, or another ``name``, from the VPC resolver; the alternative is another DHCP options set."""
    rule = _rule(options, name or domain.text, servers, place)
    return alternatives(
        replace(rule, text=f"{rule.text} Other names are not affected."), new_options(options, domain, servers, place)
    )


def options_or_rule(options: DhcpOptions, domain: DomainName, servers: tuple[str, ...], place: AwsPlace) -> Fix:
    """Another DHCP options set; the alternative is the VPC resolver, with a rule that forwards the domain."""
    rule = _rule(options, domain.text, servers, place)
    amazon = Fix(
        f"Create a DHCP options set with {AMAZON}, associate it with {options.vpc}, then start new tasks.",
        (*_new_set(options, domain, (AMAZON,), place), _new_tasks(place)),
    )
    own = replace(
        rule,
        text=f"If the hosts of {options.vpc} need no other names from their present DNS servers, use the VPC resolver "
        f"for all these hosts, with a rule that forwards {domain.text}. {rule.text}",
    )
    return alternatives(new_options(options, domain, servers, place), one_after_the_other(own, amazon))


def _rule(options: DhcpOptions, name: str, servers: tuple[str, ...], place: AwsPlace) -> Fix:
    region, subnets = place.region_option, " ".join(posix(f"SubnetId=<subnet {zone}>") for zone in (1, 2))
    return Fix(
        "List the outbound endpoints of the Route 53 Resolver (command 1). If there is none, create one in subnets "
        f"from which the AD's DNS servers can be reached (command 2). When its status is OPERATIONAL, create a FORWARD "
        f"rule for {name}, and associate it with {options.vpc} (commands 3 and 4).",
        (
            f"aws route53resolver list-resolver-endpoints{region} --filters Name=Direction,Values=OUTBOUND",
            f"aws route53resolver create-resolver-endpoint{region} --creator-request-id {posix(f'gmsa-{options.vpc}')} "
            f"--direction OUTBOUND --security-group-ids {posix('<security group with outbound UDP and TCP 53>')} "
            f"--ip-addresses {subnets}",
            f"aws route53resolver create-resolver-rule{region} "
            f"--creator-request-id {posix(f'gmsa-{name}-{options.vpc}')} --rule-type FORWARD "
            f"--domain-name {posix(name)} --target-ips {' '.join(posix(f'Ip={server}') for server in servers)} "
            f"--resolver-endpoint-id {posix('<outbound endpoint>')}",
            f"aws route53resolver associate-resolver-rule{region} --resolver-rule-id {posix('<ID of the new rule>')} "
            f"--vpc-id {posix(options.vpc)}",
        ),
    )


def _new_tasks(place: AwsPlace) -> str:
    return (
        f"aws ecs update-service{place.region_option} --cluster {posix('<cluster>')} --service {posix('<service>')} "
        "--force-new-deployment"
    )
