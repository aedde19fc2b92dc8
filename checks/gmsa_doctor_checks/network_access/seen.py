"""What is deduced to be closed may be seen to be open, from the task's own network."""

from __future__ import annotations

from collections.abc import Callable

from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.network_access.values import Hosts, Need


def seen_open(hosts: Hosts, tcp: Tcp | None, vantage: Vantage) -> Callable[[Need], bool]:
    """Whether a task is given what it needs, as seen from inside.

    Only there: that a port is open to another machine, as with ``--dns-server``, says nothing about the task's
    subnets and security groups.
    """

    def seen(need: Need) -> bool:
        if not vantage.inside or tcp is None:
            return False
        if need is Need.DNS:
            return hosts.answered and vantage.own_resolver
        asked = [
            (host.address, port.number)
            for host in hosts.hosts
            for port in host.ports
            if port.need is need and port.protocol is Protocol.TCP
        ]
        return any(not isinstance(answer, ClientError) for _, answer in each(asked, lambda one: tcp.connect(*one)))

    return seen
