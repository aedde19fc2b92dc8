"""What a scenario is, and the laboratory in which it happens."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from tests.lab import silent
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.dns_server import Mode, domain_records, fake_dns
from tests.lab.environment import Environment
from tests.lab.loopback import fresh_address


@dataclass(frozen=True)
class Lab:
    """The servers of one scenario; what `stack` holds ends with it."""

    dc: DomainController
    aws: EmbeddedAws
    stack: ExitStack

    def dns(self, records: Mapping[tuple[str, str], Sequence[str]], mode: Mode = Mode.ANSWER) -> str:
        """Run a DNS server that holds these records, and asks the domain controller for the rest."""
        ip = fresh_address()
        self.stack.enter_context(fake_dns(ip, records, forward_to=self.dc.ip, mode=mode))
        return ip

    def dns_of_controllers(self, controllers: Mapping[str, str]) -> str:
        """Run a DNS server that names these domain controllers (host to address) and no others."""
        return self.dns(domain_records(self.dc.domain, controllers))

    def black_hole(self, *ports: int) -> str:
        """Give an address that lets packets to these ports vanish."""
        ip = fresh_address()
        self.stack.enter_context(silent.black_hole(ip, ports))
        return ip

    def mute(self, *ports: int) -> str:
        """Give an address that accepts connections on these ports, and says nothing."""
        ip = fresh_address()
        self.stack.enter_context(silent.silent(ip, tcp=ports))
        return ip

    def hanging_up(self, *ports: int) -> str:
        """Give an address that closes each connection to these ports at once."""
        ip = fresh_address()
        self.stack.enter_context(silent.closing_at_once(ip, ports))
        return ip


Change: TypeAlias = Callable[[Environment, Lab], object]
"""Changes the healthy environment in place, before it is made."""


@dataclass(frozen=True)
class Scenario:
    """The healthy environment with one change, and what gmsa-doctor is to say of it."""

    name: str
    check: str
    """The one that fails (or warns, or cannot tell); empty: nothing does."""
    change: Change
    says: str = ""
    """Stands in what the finding says."""
