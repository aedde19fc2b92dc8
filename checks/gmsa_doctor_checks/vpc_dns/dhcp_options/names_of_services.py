"""Cause 4, the other way round: DNS servers of the AD must lead the names of AWS's services to the VPC's endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import Cause, CheckId, Finding, Fix, Outcome, Status, check, deferred_to, passed, warned
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.services import ServicePath, ServicePaths, amazonaws, host_name, service_name
from gmsa_doctor_checks.values import DhcpOptions, SecretObject
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import listed, own_servers
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, AwsDirectory, VpcDns

_FORWARDING = ("MicrosoftAD", "SharedMicrosoftAD", "SimpleAD")
"""Directories whose DNS asks the resolver of their own VPC for all other names. An AD Connector has no DNS.

Sources: https://docs.aws.amazon.com/directoryservice/latest/admin-guide/simple_ad_dns.html, and
https://aws.amazon.com/blogs/networking-and-content-delivery/integrating-your-directory-services-dns-resolution-with-amazon-route-53-resolvers/
"""
_SERVERS = CheckId("dhcp-options.domain-name-servers")
_RESOLVER = "169.254.169.253"


@check(
    "dhcp-options.names-of-services",
    title="The DNS servers of the DHCP options lead names of AWS's services to the VPC's endpoints",
    cause=Cause.DHCP_OPTIONS,
    docs=links.PRIVATE_NAMES,
)
def names_of_services(
    options: DhcpOptions,
    paths: ServicePaths,
    directories: Outcome[AwsDirectories],
    secret: Outcome[SecretObject],
    dns: Outcome[VpcDns],
    place: AwsPlace,
    vantage: Vantage,
) -> Finding:
    """Looks whether DNS servers of the AD's own are asked for services that are reached by an interface endpoint only.

    An endpoint's private DNS is known to the resolver of its VPC alone, so the AD's DNS has to forward AWS's names
    there. That of AWS Managed Microsoft AD does so by itself, to the resolver of the directory's own VPC. What other
    DNS servers do cannot be seen from here.

    Why: else the service's usual name leads to its public addresses, and a subnet without a way out of the VPC does not
    get there: the CredSpec or the secret is not read, or the image not pulled.

    Fix: make a conditional forwarder for `amazonaws.com` on the AD's DNS servers, to the resolver of the VPC.
    """
    servers = own_servers(options)
    if not servers:
        return passed("the VPC's own resolver is asked, which knows the endpoints' private DNS")
    by_endpoint = [path for path in paths.paths if path.only_by]
    if not by_endpoint:
        return passed("no service is reached by an interface endpoint only")
    asked = vantage.inside and vantage.own_resolver and secret.value
    if asked and any(path.service == "secretsmanager" for path in by_endpoint):
        return passed(f"Secrets Manager was asked from here, so {listed(servers)} lead to its endpoint")
    if dns.finding.status is Status.FAIL:
        text = f"{listed(servers)} are not the DNS servers that tasks should ask: it is what {_SERVERS} tells"
        return deferred_to(_SERVERS, text)
    if directories.value is None:
        return deferred_to(directories.finding)
    doubts = {server: why for server in servers if (why := _doubt(server, directories.value.all, options.vpc))}
    if not doubts:
        return passed(f"{listed(servers)} ask the resolver of {options.vpc} for AWS's names, as Directory Service does")
    return _warning(options, doubts, by_endpoint, place)


def _doubt(server: str, directories: Sequence[AwsDirectory], vpc: str) -> str | None:
    """Why a DNS server may not ask the VPC's resolver."""
    own = next((found for found in directories if found.type in _FORWARDING and server in found.dns), None)
    if own is None:
        return "whether it forwards them to the VPC's resolver cannot be seen from here"
    if own.vpc in (None, vpc):
        return None
    return f"it is DNS of {own.id}, which forwards them to the resolver of its own VPC {own.vpc}"


def _warning(options: DhcpOptions, doubts: dict[str, str], paths: Sequence[ServicePath], place: AwsPlace) -> Finding:
    names = ", ".join(dict.fromkeys(service_name(path.service) for path in paths))
    endpoints = ", ".join(dict.fromkeys(path.only_by for path in paths))
    subnets = ", ".join(dict.fromkeys(path.subnet_name for path in paths))
    by_reason: dict[str, list[str]] = {}
    for server, reason in doubts.items():
        by_reason.setdefault(reason, []).append(server)
    why = "; ".join(f"{', '.join(servers)}: {reason}" for reason, servers in by_reason.items())
    forwarder = next((address for address in options.resolvers if address.count(".") == 3 and address != _RESOLVER), "")
    to = f"{forwarder}, the resolver of {options.vpc}" if forwarder else f"the resolver of {options.vpc}"
    name = host_name(paths[0].service, place)
    if paths[0].service == "ecr.dkr":
        name = f"{place.account or '<account>'}.{name}"
    return warned(
        f"{options.id} of {options.vpc} names DNS servers of its own, and tasks in {subnets} get to {names} by "
        f"{endpoints} only, which those servers have to lead them to: {why}",
        observed=", ".join(doubts),
        expected=f"private addresses of {options.vpc} for the names of these services",
        fix=Fix(
            f"Ask each server from a host of {options.vpc}: it must give private addresses of the VPC. If it gives "
            f"public ones, make a conditional forwarder for {amazonaws(place)} on it, to {to} ({_RESOLVER} from a DNS "
            "server on EC2 in this VPC; from another network, to a Route 53 Resolver inbound endpoint of this VPC).",
            tuple(f"nslookup {posix(name)} {posix(server)}" for server in doubts),
        ),
    )
