"""Connections from the task's own network, which overrule what is deduced from configuration."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import Outcome, bundle
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.aws.packet_filter import Protocol
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.network_access.values import Hosts
from gmsa_doctor_checks.reachability.flow import ANY_SUBNET, Need


@bundle
@dataclass(frozen=True)
class FromInside:
    """TCP, and where it is used from.

    Only the inside counts: a port that is open to another machine, as with ``--dns-server``, proves nothing about the
    task's subnets and security groups.
    """

    tcp: Outcome[Tcp]
    vantage: Vantage

    def sees(self, hosts: Hosts, need: Need) -> bool:
        """Whether a task reaches a need on one of the hosts."""
        tcp = self.tcp.value
        if not self.vantage.inside or tcp is None:
            return False
        if need is Need.DNS:
            return hosts.answered and self.vantage.own_resolver
        ends = [
            (flow.destination, flow.port.number)
            for flow in hosts.flows(ANY_SUBNET)
            if flow.port.need is need and flow.port.protocol is Protocol.TCP
        ]
        return any(not isinstance(answer, ClientError) for _, answer in each(ends, lambda end: tcp.connect(*end)))
