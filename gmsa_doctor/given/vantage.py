"""Where a run looks from, and what an answer from there proves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vantage:
    """Where DNS, LDAP and Kerberos requests are sent from.

    ``inside``: from the task's network. ``asserted``: the user states that this machine sees what the task sees
    (``--live always``, ``--dns-server``). Silence is evidence only if one of the two is true; an answer from AD is
    evidence anywhere.
    """

    inside: bool
    asserted: bool = False
    own_resolver: bool = True
    """Whether the task's own resolver is used, not ``--dns-server``."""

    @property
    def silence_counts(self) -> bool:
        """Whether silence here means silence for the task."""
        return self.inside or self.asserted

    @property
    def word(self) -> str:
        """``inside`` or ``outside``."""
        return "inside" if self.inside else "outside"


@dataclass(frozen=True)
class KnownDnsServers:
    """The AD's DNS servers according to the user (``--ad-dns``)."""

    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class DnsServersInUse:
    """The DNS servers that the running task was started with."""

    addresses: tuple[str, ...]


@dataclass(frozen=True)
class ServiceNames:
    """SPNs for which the application needs tickets (``--spn``)."""

    spns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caller:
    """The identity behind the AWS credentials; ``is_execution_role``: the one that Credentials Fetcher uses."""

    account: str
    arn: str
    is_execution_role: bool = False
