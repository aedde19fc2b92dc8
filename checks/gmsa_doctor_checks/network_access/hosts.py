"""The hosts and ports that a task must reach, for which routes and filters are checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Outcome, Result, Status, check, listed, passed, skipped
from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Platform
from gmsa_doctor.given.vantage import KnownDnsServers, ServiceNames
from gmsa_doctor_checks import links
from gmsa_doctor_checks.domain import AdDomain, srv_name
from gmsa_doctor_checks.network_access.values import Host, Hosts, Interface, Interfaces
from gmsa_doctor_checks.reachability.flow import Need, Port
from gmsa_doctor_checks.reachability.network import private_addresses
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.dhcp_options.forwarders import PUBLIC_RESOLVERS
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers
from gmsa_doctor_checks.vpc_dns.values import AwsDirectory, VpcDns

_MANAGED_AD = ("MicrosoftAD", "SharedMicrosoftAD")
"""Types of directories whose DNS servers are domain controllers."""
_SQL_SERVER = re.compile(r"MSSQLSvc/([^:/@]+)(?::(\d{1,5}))?(?:@.*)?", re.IGNORECASE)
_DNS = (Port(Need.DNS, Protocol.UDP, 53), Port(Need.DNS, Protocol.TCP, 53, required=False))
_FILTER_VALUES = 200
"""The most values that a filter of EC2 accepts. A large domain has hundreds of domain controllers."""


@check("network-access.hosts", title="The addresses that a task must reach are known", docs=links.FARGATE_NETWORK)
def hosts(
    ad: AdDomain,
    options: Outcome[DhcpOptions],
    known: KnownDnsServers,
    services: ServiceNames,
    dns: Outcome[Dns],
    directories: DirectoryService,
    platform: Outcome[Platform],
    definition: Outcome[TaskDefinition],
    vpc_dns: Outcome[VpcDns],
) -> Result[Hosts]:
    """Lists the domain controllers with the ports that Credentials Fetcher uses, and the VPC's DNS servers.

    The domain controllers are the targets of the SRV records. If DNS does not answer, they are those of the Directory
    Service directory with the domain's name, otherwise the AD's DNS servers (`--ad-dns`, or those of an AD Connector),
    which usually are domain controllers. Port 53 counts only for servers in the DHCP options set. SQL Servers are those
    of `--spn`. On EC2 with `awsvpc` the container instance makes the LDAP connections, so the task's network is not
    checked for them.

    Why: routes, security groups and network ACLs can only be checked for addresses.

    Fix: Pass the AD's DNS servers with `--ad-dns`, or use a DNS server that knows the domain (`--dns-server`).
    """
    domain = ad.in_use
    found = _Found(not _ldap_by_instance(platform.value, definition.value))
    answered = _by_dns(found, domain, dns.value) if dns.value else False
    custom = own_servers(options.value) if options.value else ()
    of_domain = _directories(directories, domain) if not known.addresses and not answered else ()
    if not answered and not isinstance(of_domain, ClientError):
        _by_configuration(found, known.addresses, of_domain)
    for server in custom:
        # dhcp-options.domain-name-servers reports the wrong ones
        if vpc_dns.finding.status is not Status.FAIL and server not in PUBLIC_RESOLVERS:
            found.add(server, "DNS server", *_DNS)
    if dns.value:
        _sql_servers(found, services, dns.value)
    if not found.ports and isinstance(of_domain, ClientError):
        raise of_domain
    if not found.ports and found.left_out:
        return skipped("; ".join(dict.fromkeys(found.left_out)))
    if not found.ports:
        return skipped(
            f"no address of a domain controller of {domain.text} is known: DNS was not used or did not answer, and "
            "Directory Service has no directory with that name",
            fix=Fix("Pass the AD's DNS servers with --ad-dns.", ("gmsa-doctor check … --ad-dns '<address>'",)),
        )
    value = Hosts(domain.text, found.hosts(), answered, tuple(found.left_out))
    return Given(value, passed("; ".join((listed(value.addresses), *value.open_questions)), rows=value.rows))


class _Found:
    """The hosts found so far: the name and the ports of each address, in order."""

    def __init__(self, ldap: bool) -> None:
        self._ldap = ldap
        self._names: dict[str, str] = {}
        self.ports: dict[str, dict[tuple[Need, Protocol, int], Port]] = {}
        self.left_out: list[str] = []

    def add(self, address: str, name: str, *ports: Port) -> None:
        """Add ports of a host; what was added first stays."""
        try:
            IPv4Address(address)
        except AddressValueError:
            self.left_out.append(f"{address} is not IPv4 and is not checked")
            return
        self._names.setdefault(address, name)
        for port in ports:
            if port.need is not Need.LDAP or self._ldap:
                self.ports.setdefault(address, {}).setdefault((port.need, port.protocol, port.number), port)

    def hosts(self) -> tuple[Host, ...]:
        """In the order in which they were found, with the ports in the order of use."""
        order = list(Need)
        return tuple(
            Host(address, self._names[address], tuple(sorted(ports.values(), key=lambda port: order.index(port.need))))
            for address, ports in self.ports.items()
        )


def _ldap_by_instance(platform: Platform | None, definition: TaskDefinition | None) -> bool:
    """Whether Credentials Fetcher runs on the container instance, and the task has a network interface of its own.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/linux-gmsa.html
    """
    on_instance = platform is not None and platform.has_ecs_agent
    return on_instance and definition is not None and definition.network_mode == "awsvpc"


def _by_dns(found: _Found, domain: DomainName, dns: Dns) -> bool:
    """Add the domain controllers that DNS returns, as dns.domain-controllers does; False if it returns none."""
    names = (srv_name(domain), f"_kerberos._tcp.{domain.text}")
    ldap, kerberos = ([] if isinstance(answer, ClientError) else answer for _, answer in each(names, dns.srv))
    answers = each(dict.fromkeys(record.target for record in (*ldap, *kerberos)), dns.addresses)
    addresses = {host: () if isinstance(answer, ClientError) else answer for host, answer in answers}
    for record in kerberos:
        for address in addresses[record.target]:
            found.add(address, record.target, *_kerberos(record.port))
    for record in ldap:
        for address in addresses[record.target]:
            found.add(address, record.target, Port(Need.LDAP, Protocol.TCP, record.port))
    return bool(found.ports or found.left_out)


def _kerberos(number: int = 88) -> tuple[Port, Port]:
    return Port(Need.KERBEROS, Protocol.TCP, number), Port(Need.KERBEROS, Protocol.UDP, number, required=False)


def _directories(client: DirectoryService, domain: DomainName) -> Sequence[Mapping[str, Any]] | ClientError:
    """The directories with the domain's name, or why they are not known, which matters only without other sources."""
    try:
        return [own for own in client.directories() if str(own.get("Name", "")).lower() == domain.text]
    except ClientError as error:
        return error


def _by_configuration(found: _Found, known: Iterable[str], directories: Sequence[Mapping[str, Any]]) -> None:
    """Add the hosts that replace the answer of DNS. The DNS servers of Managed AD are its domain controllers."""
    ports = (*_kerberos(), Port(Need.LDAP, Protocol.TCP, 389))
    likely = tuple(replace(port, certain=False) for port in ports)
    for directory in directories:
        for address in _addresses(directory):
            managed = directory.get("Type") in _MANAGED_AD and address in (directory.get("DnsIpAddrs") or ())
            found.add(address, str(directory.get("DirectoryId", "")), *(ports if managed else likely))
    for address in known:
        found.add(address, "--ad-dns", *likely)


def _addresses(directory: Mapping[str, Any]) -> tuple[str, ...]:
    """The DNS servers of a directory's domain; those of an AD Connector are the self-managed AD's."""
    settings = directory.get("ConnectSettings") or {}
    own = AwsDirectory.of(directory).of_domain
    return own or tuple(settings.get("CustomerDnsIps") or ())


def _sql_servers(found: _Found, services: ServiceNames, dns: Dns) -> None:
    """Add the SQL Servers of ``--spn``. The default port is 1433; named instances are left out."""
    matches = [match for spn in services.spns if (match := _SQL_SERVER.fullmatch(spn))]
    answers = dict(each(dict.fromkeys(match[1].lower() for match in matches), dns.addresses))
    for match in matches:
        answer = answers[match[1].lower()]
        if isinstance(answer, ClientError):
            found.left_out.append(f"{match[1]} has no address here and is not checked")
            continue
        port = Port(Need.SQL_SERVER, Protocol.TCP, int(match[2] or 1433), certain=bool(match[2]))
        for address in answer:
            found.add(address, match[1], port)


@check("network-access.interfaces", title="The AD hosts in this account can be found", docs=links.NETWORK_INTERFACES)
def interfaces(hosts: Hosts, ec2: Ec2) -> Given[Interfaces]:
    """Finds network interfaces with the addresses of the domain controllers.

    Why: domain controllers of AWS Managed Microsoft AD, and those on EC2 instances, have security groups and network
    ACLs that must also allow the traffic. A rule of the task's groups may name their group instead of their address.

    Fix: Allow `ec2:DescribeNetworkInterfaces`.
    """
    addresses = hosts.addresses
    parts = [addresses[start : start + _FILTER_VALUES] for start in range(0, len(addresses), _FILTER_VALUES)]
    found = tuple(
        Interface(
            str(raw["NetworkInterfaceId"]),
            address,
            str(raw.get("VpcId")),
            str(raw.get("SubnetId")),
            tuple(str(group["GroupId"]) for group in raw.get("Groups", ())),
        )
        for part in parts
        for raw in ec2.network_interfaces(part)
        for address in sorted(private_addresses(raw) & set(addresses))
    )
    text = listed(f"{interface.address} is {interface.id} in {interface.vpc}" for interface in found)
    return Given(Interfaces(found), passed(text or "none of the hosts has a network interface in this account"))
