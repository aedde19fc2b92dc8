"""Cause 4, in reverse: DNS servers of the AD must resolve AWS host names to the VPC's endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import (
    Cause,
    CheckId,
    Finding,
    Fix,
    Outcome,
    Owner,
    Status,
    check,
    deferred_to,
    passed,
    warned,
)
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.reachability.services import ServicePath, ServicePaths, host_name, service_name
from gmsa_doctor_checks.values import DhcpOptions, SecretObject
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, AwsDirectory, VpcDns

_FORWARDING = ("MicrosoftAD", "SharedMicrosoftAD", "SimpleAD")
"""Directories whose DNS forwards all other names to the resolver of their own VPC. An AD Connector has no DNS.

Sources: https://docs.aws.amazon.com/directoryservice/latest/admin-guide/simple_ad_dns.html, and
https://aws.amazon.com/blogs/networking-and-content-delivery/integrating-your-directory-services-dns-resolution-with-amazon-route-53-resolvers/
"""
_SERVERS = CheckId("dhcp-options.domain-name-servers")
_RESOLVER = "169.254.169.253"


@check(
    "dhcp-options.names-of-services",
    title="The VPC's DNS servers resolve AWS names to its endpoints",
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
    """Checks whether custom DNS servers resolve the names of services that only an interface endpoint can reach.

    Only the resolver of its VPC knows an endpoint's private DNS, so the AD's DNS servers must forward AWS host names to
    it. Those of AWS Managed Microsoft AD forward to the resolver of the directory's own VPC. What other DNS servers do
    is not visible here.

    Why: otherwise the service's host name resolves to its public addresses, which a subnet without a route out of the
    VPC cannot reach: the CredSpec or the secret is not read, or the image is not pulled.

    Fix: Create a conditional forwarder for `amazonaws.com` on the AD's DNS servers, to the resolver of the VPC.
    """
    servers = own_servers(options)
    if not servers:
        return passed("tasks use the VPC resolver, which knows the endpoints' private DNS")
    listed = ", ".join(servers)
    by_endpoint = [path for path in paths.paths if path.only_by]
    if not by_endpoint:
        return passed("no service is reachable only through an interface endpoint")
    read_here = vantage.inside and vantage.own_resolver and secret.value
    if read_here and any(path.service == "secretsmanager" for path in by_endpoint):
        return passed(f"the secret was read from here, so {listed} resolve Secrets Manager to its endpoint")
    if dns.finding.status is Status.FAIL:
        return deferred_to(_SERVERS, f"{listed} are the wrong DNS servers for tasks; same cause as {_SERVERS}")
    if directories.value is None:
        return deferred_to(directories.finding)
    doubts = {server: why for server in servers if (why := _doubt(server, directories.value.all, options.vpc))}
    if not doubts:
        return passed(f"{listed} (Directory Service) forward AWS host names to the resolver of {options.vpc}")
    return _warning(options, doubts, by_endpoint, place)


def _doubt(server: str, directories: Sequence[AwsDirectory], vpc: str) -> str | None:
    own = next((found for found in directories if found.type in _FORWARDING and server in found.dns), None)
    if own is None:
        return "not visible here whether it does"
    if own.vpc in (None, vpc):
        return None
    return f"it is DNS of {own.id}, which forwards to the resolver of its own VPC {own.vpc}"


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
        f"{options.id} of {options.vpc} lists custom DNS servers, which must forward AWS host names to the VPC "
        f"resolver, since tasks in {subnets} can reach {names} only through {endpoints}; {why}",
        observed=", ".join(doubts),
        expected=f"private addresses of {options.vpc} for the names of these services",
        fix=Fix(
            f"Query each server from a host in {options.vpc}: it must return private addresses of the VPC. If it does "
            f"not, create a conditional forwarder for {place.dns_suffix} on it, to {to} (to {_RESOLVER} on an EC2 "
            "instance in this VPC; to a Route 53 Resolver inbound endpoint of this VPC from another network).",
            tuple(f"nslookup {posix(name)} {posix(server)}" for server in doubts),
            owner=Owner.AD,
        ),
    )
