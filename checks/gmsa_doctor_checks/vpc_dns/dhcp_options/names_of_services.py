"""Cause 4, the other way round: DNS servers of the AD must lead the names of AWS's services to the VPC's endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from gmsa_doctor.authoring import Cause, Finding, Fix, Outcome, Status, check, passed, skipped, stands_behind, warned
from gmsa_doctor.given.subject import AwsPlace
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.network_path.values import ServicePaths, Way
from gmsa_doctor_checks.network_path.ways import LAYERS, service_name
from gmsa_doctor_checks.values import DhcpOptions, SecretObject
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import listed, own_servers
from gmsa_doctor_checks.vpc_dns.values import AwsDirectories, AwsDirectory, VpcDns

_FORWARDING = ("MicrosoftAD", "SharedMicrosoftAD", "SimpleAD")
"""Directories whose DNS asks the resolver of their own VPC for all other names. An AD Connector has no DNS.

Sources: https://docs.aws.amazon.com/directoryservice/latest/admin-guide/simple_ad_dns.html, and
https://aws.amazon.com/blogs/networking-and-content-delivery/integrating-your-directory-services-dns-resolution-with-amazon-route-53-resolvers/
"""
_SERVERS = "dhcp-options.domain-name-servers"
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
    way: Outcome[VpcDns],
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
    ways = [one for one in paths.ways if one.only_by]
    if not ways:
        return passed("no service is reached by an interface endpoint only")
    if (
        vantage.inside
        and vantage.own_resolver
        and secret.value
        and any(one.service == "secretsmanager" for one in ways)
    ):
        return passed(f"Secrets Manager was asked from here, so {listed(servers)} lead to its endpoint")
    if way.finding.status is Status.FAIL:
        text = f"{listed(servers)} are not the DNS servers that tasks should ask: it is what {_SERVERS} tells"
        return skipped(text, because=(_SERVERS,))
    if directories.value is None:
        return stands_behind([directories.finding])
    doubtful = {one: why for one in servers if (why := _doubt(one, directories.value.all, options.vpc))}
    if not doubtful:
        return passed(f"{listed(servers)} ask the resolver of {options.vpc} for AWS's names, as Directory Service does")
    return _warning(options, doubtful, ways, place)


def _doubt(server: str, directories: Sequence[AwsDirectory], vpc: str) -> str | None:
    """Why a DNS server may not ask the VPC's resolver."""
    own = next((one for one in directories if one.type in _FORWARDING and server in one.dns), None)
    if own is None:
        return "whether it forwards them to the VPC's resolver cannot be seen from here"
    if own.vpc in (None, vpc):
        return None
    return f"it is DNS of {own.id}, which forwards them to the resolver of its own VPC {own.vpc}"


def _warning(options: DhcpOptions, doubtful: dict[str, str], ways: Sequence[Way], place: AwsPlace) -> Finding:
    names = ", ".join(dict.fromkeys(service_name(one.service) for one in ways))
    endpoints = ", ".join(dict.fromkeys(one.only_by for one in ways))
    subnets = ", ".join(dict.fromkeys(one.name for one in ways))
    why = "; ".join(f"{', '.join(_with(doubtful, reason))}: {reason}" for reason in dict.fromkeys(doubtful.values()))
    forwarder = next((one for one in options.resolvers if one.count(".") == 3 and one != _RESOLVER), "")
    to = f"{forwarder}, the resolver of {options.vpc}" if forwarder else f"the resolver of {options.vpc}"
    return warned(
        f"{options.id} of {options.vpc} names DNS servers of its own, and tasks in {subnets} get to {names} by "
        f"{endpoints} only, which those servers have to lead them to: {why}",
        observed=", ".join(doubtful),
        expected=f"private addresses of {options.vpc} for the names of these services",
        fix=Fix(
            f"Ask each server from a host of {options.vpc}: it must give private addresses of the VPC. If it gives "
            f"public ones, make a conditional forwarder for {_suffix(place)} on it, to {to} ({_RESOLVER} from a DNS "
            "server on EC2 in this VPC; from another network, to a Route 53 Resolver inbound endpoint of this VPC).",
            tuple(f"nslookup {posix(_name(ways[0].service, place))} {posix(one)}" for one in doubtful),
        ),
    )


def _with(doubtful: dict[str, str], reason: str) -> list[str]:
    return [one for one, why in doubtful.items() if why == reason]


def _suffix(place: AwsPlace) -> str:
    return "amazonaws.com.cn" if place.partition == "aws-cn" else "amazonaws.com"


def _name(service: str, place: AwsPlace) -> str:
    """A name that the endpoint's private DNS holds."""
    if service == "ecr.dkr":
        return f"{place.account or '<account>'}.dkr.ecr.{place.region}.{_suffix(place)}"
    host = {"ecr.api": "api.ecr", LAYERS: "s3"}.get(service, service)
    return f"{host}.{place.region}.{_suffix(place)}"
