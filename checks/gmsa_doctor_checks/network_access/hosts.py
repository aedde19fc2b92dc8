"""Which hosts a task must reach, and on which ports: what the filters and routes of the network are judged for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from gmsa_doctor.authoring import Fix, Given, Outcome, Result, Row, Status, check, listed, passed, skipped
from gmsa_doctor.clients.aws.directory_service import DirectoryService
from gmsa_doctor.clients.aws.ec2 import Ec2
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor.given.vantage import KnownDnsServers, ServiceNames
from gmsa_doctor_checks import links
from gmsa_doctor_checks.domain import AdDomain, srv_name
from gmsa_doctor_checks.network_access.values import Host, Hosts, Interface, Interfaces
from gmsa_doctor_checks.reachability.flow import Need, Port
from gmsa_doctor_checks.reachability.network import private_addresses
from gmsa_doctor_checks.values import DhcpOptions, DomainName
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import own_servers

_ARE_CONTROLLERS = ("MicrosoftAD", "SharedMicrosoftAD")
"""Types of directories whose DNS servers are domain controllers."""
_SQL_SERVER = re.compile(r"MSSQLSvc/([^:/@]+)(?::(\d{1,5}))?(?:@.*)?", re.IGNORECASE)
_SQL_PORT = 1433
_AT_ONCE = 200
"""As many values a filter of EC2 takes. A large domain has hundreds of domain controllers."""


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
) -> Result[Hosts]:
    """Lists the domain controllers with the ports that Credentials Fetcher asks, and the DNS servers of the VPC.

    The domain controllers are those that the SRV records name; without an answer of DNS, those of a Directory Service
    directory of the domain's name, else the AD's DNS servers (`--ad-dns`, or what an AD Connector asks), which most
    often are domain controllers. Port 53 is asked only of servers that the DHCP options set names. SQL Servers are
    those of `--spn`. On EC2 with `awsvpc` it is the instance that asks LDAP, so that the task's network is not judged
    for that.

    Why: routes, security groups and network ACLs can only be judged for addresses.

    Fix: name the AD's DNS servers with `--ad-dns`, or run where DNS answers for the domain (`--dns-server`).
    """
    domain = ad.in_use
    found = _Found(not _asks_as_instance(platform.value, definition.value))
    answered = _by_dns(found, domain, dns.value) if dns.value else False
    custom = own_servers(options.value) if options.value else ()
    asked = not known.addresses and bool(custom or not answered)
    of_domain = _directories(directories, domain) if asked else ()
    if not answered and not isinstance(of_domain, ClientError):
        _by_configuration(found, known.addresses, of_domain)
    _dns_servers(found, custom, known.addresses, of_domain)
    if dns.value:
        _sql_servers(found, services, dns.value)
    if not found.ports and isinstance(of_domain, ClientError):
        raise of_domain
    if not found.ports and found.left_out:
        return skipped("; ".join(dict.fromkeys(found.left_out)))
    if not found.ports:
        return skipped(
            f"no address of a domain controller of {domain.text} is known from here: DNS was not asked or did not "
            "answer, and AWS knows no directory of that name",
            fix=Fix("Name the AD's DNS servers with --ad-dns.", ("gmsa-doctor check … --ad-dns '<address>'",)),
        )
    value = Hosts(domain.text, found.hosts(), answered, tuple(found.left_out))
    rows = tuple(Row(str(host), Status.PASS, ", ".join(map(str, host.ports))) for host in value.hosts)
    left_out = "".join(f"; {question}" for question in value.open_questions)
    return Given(value, passed(f"{listed(value.addresses)}{left_out}", rows=rows))


class _Found:
    """The hosts as they are found: ports and a name for each address, in order."""

    def __init__(self, ldap: bool) -> None:
        self._ldap = ldap
        self.names: dict[str, str] = {}
        self.ports: dict[str, dict[tuple[Need, Protocol, int], Port]] = {}
        self.left_out: list[str] = []

    def add(self, address: str, name: str, *ports: tuple[Any, ...], certain: bool = True) -> None:
        """Add ports (need, protocol, number, and whether it is required) of a host."""
        try:
            IPv4Address(address)
        except AddressValueError:
            self.left_out.append(f"{address} is not IPv4 and is not judged")
            return
        self.names.setdefault(address, name)
        for need, protocol, number, *required in ports:
            if need is Need.LDAP and not self._ldap:
                continue
            port = Port(need, protocol, number, not required or bool(required[0]), certain)
            self.ports.setdefault(address, {}).setdefault((need, protocol, number), port)

    def hosts(self) -> tuple[Host, ...]:
        """In the order in which they were found, their ports in the order in which a task asks them."""
        order = list(Need)
        return tuple(
            Host(address, self.names[address], tuple(sorted(ports.values(), key=lambda port: order.index(port.need))))
            for address, ports in self.ports.items()
        )


def _asks_as_instance(platform: Platform | None, definition: TaskDefinition | None) -> bool:
    """Whether Credentials Fetcher asks from another network interface than the task's: it runs on the instance.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/linux-gmsa.html
    """
    on_instance = platform is not None and platform.launch in (Launch.EC2, Launch.EXTERNAL)
    return on_instance and definition is not None and definition.network_mode == "awsvpc"


def _by_dns(found: _Found, domain: DomainName, dns: Dns) -> bool:
    """The domain controllers that DNS names, in the way of dns.domain-controllers; False if it names none."""
    questions = (srv_name(domain), f"_kerberos._tcp.{domain.text}")
    ldap, kerberos = ([] if isinstance(answer, ClientError) else answer for _, answer in each(questions, dns.srv))
    answers = each(dict.fromkeys(record.target for record in (*ldap, *kerberos)), dns.addresses)
    addresses = {host: () if isinstance(answer, ClientError) else answer for host, answer in answers}
    for record in kerberos:
        for address in addresses[record.target]:
            found.add(address, record.target, *_kerberos(record.port))
    for record in ldap:
        for address in addresses[record.target]:
            found.add(address, record.target, (Need.LDAP, Protocol.TCP, record.port))
    return bool(found.ports or found.left_out)


def _kerberos(number: int = 88) -> tuple[tuple[Any, ...], ...]:
    return (Need.KERBEROS, Protocol.TCP, number), (Need.KERBEROS, Protocol.UDP, number, False)


def _dns_servers(
    found: _Found, custom: Iterable[str], known: tuple[str, ...], directories: Sequence[Mapping[str, Any]] | ClientError
) -> None:
    """The DNS servers that the task is given, but those that are known not to be the AD's: that is another fault."""
    own = () if isinstance(directories, ClientError) else directories
    of_ad = known or tuple(address for directory in own for address in _addresses(directory))
    for server in custom:
        if server in of_ad or not of_ad:
            found.add(server, "DNS server", (Need.DNS, Protocol.UDP, 53), (Need.DNS, Protocol.TCP, 53, False))


def _directories(client: DirectoryService, domain: DomainName) -> Sequence[Mapping[str, Any]] | ClientError:
    """The directories of the domain's name, or why they are not known: that matters only where nothing else tells."""
    try:
        return [own for own in client.directories() if str(own.get("Name", "")).lower() == domain.text]
    except ClientError as error:
        return error


def _by_configuration(found: _Found, known: Iterable[str], directories: Sequence[Mapping[str, Any]]) -> None:
    """What stands in for the answer of DNS. Of Managed AD the DNS servers are the domain controllers."""
    ports = (*_kerberos(), (Need.LDAP, Protocol.TCP, 389))
    for directory in directories:
        certain = directory.get("Type") in _ARE_CONTROLLERS
        for address in _addresses(directory):
            found.add(address, str(directory.get("DirectoryId", "")), *ports, certain=certain)
    for address in known:
        found.add(address, "--ad-dns", *ports, certain=False)


def _addresses(directory: Mapping[str, Any]) -> tuple[str, ...]:
    """Of an AD Connector these are the DNS servers of the self-managed AD."""
    settings = directory.get("ConnectSettings") or {}
    return tuple(directory.get("DnsIpAddrs") or settings.get("CustomerDnsIps") or ())


def _sql_servers(found: _Found, services: ServiceNames, dns: Dns) -> None:
    """The SQL Servers of ``--spn``. One without a port is asked on 1433, if it is no named instance."""
    matches = [match for spn in services.spns if (match := _SQL_SERVER.fullmatch(spn))]
    answers = dict(each(dict.fromkeys(match[1].lower() for match in matches), dns.addresses))
    for match in matches:
        answer = answers[match[1].lower()]
        if isinstance(answer, ClientError):
            found.left_out.append(f"{match[1]} has no address here and is not judged")
            continue
        port = (Need.SQL_SERVER, Protocol.TCP, int(match[2] or _SQL_PORT))
        for address in answer:
            found.add(address, match[1], port, certain=bool(match[2]))


@check(
    "network-access.interfaces",
    title="It is known which hosts of the AD lie in this account",
    docs=links.NETWORK_INTERFACES,
)
def interfaces(hosts: Hosts, ec2: Ec2) -> Given[Interfaces]:
    """Looks for network interfaces that have the addresses of the domain controllers.

    Why: for domain controllers of AWS Managed Microsoft AD and for those on EC2 instances, their own security groups
    and network ACLs decide too, and a rule may name their group in place of their address.

    Fix: allow `ec2:DescribeNetworkInterfaces`.
    """
    addresses = hosts.addresses
    parts = [addresses[start : start + _AT_ONCE] for start in range(0, len(addresses), _AT_ONCE)]
    raw = [interface for part in parts for interface in ec2.network_interfaces(part)]
    found = tuple(own for interface in raw for own in _interfaces(interface, set(addresses)))
    if not found:
        return Given(Interfaces(), passed("none of the hosts has a network interface in this account"))
    text = ", ".join(f"{own.address} is {own.id} in {own.vpc}" for own in found[:4])
    return Given(Interfaces(found), passed(f"{text}{' …' if len(found) > 4 else ''}"))


def _interfaces(raw: Mapping[str, Any], wanted: set[str]) -> Iterable[Interface]:
    groups = tuple(str(group["GroupId"]) for group in raw.get("Groups", ()))
    for address in sorted(private_addresses(raw) & wanted):
        yield Interface(
            str(raw["NetworkInterfaceId"]), address, str(raw.get("VpcId")), str(raw.get("SubnetId")), groups
        )
