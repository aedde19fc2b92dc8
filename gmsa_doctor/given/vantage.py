"""Where we look from, and what an answer from there is worth."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Vantage:
    """The place that DNS, LDAP and Kerberos are asked from.

    ``inside``: in the task's network. ``asserted``: the user says that we see what the task sees
    (``--live always``, ``--dns-server``). Silence is evidence only where one of the two holds; what AD
    answers holds from everywhere.
    """

    inside: bool
    asserted: bool = False
    own_resolver: bool = True
    """Whether names are asked of the resolver that the task itself would ask, not of ``--dns-server``."""

    @property
    def silence_counts(self) -> bool:
        """Whether no answer here means no answer for the task."""
        return self.inside or self.asserted

    @property
    def word(self) -> str:
        """``inside`` or ``outside``."""
        return "inside" if self.inside else "outside"


@dataclass(frozen=True)
class KnownDnsServers:
    """The AD's DNS servers, as the user knows them (``--ad-dns``)."""

    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class DnsServersInUse:
    """The DNS servers that the task was started with, as it knows them itself."""

    addresses: tuple[str, ...]


@dataclass(frozen=True)
class ServiceNames:
    """SPNs that the application will ask tickets for (``--spn``)."""

    spns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Caller:
    """Whose AWS credentials these are; ``is_execution_role``: those that Credentials Fetcher will have."""

    account: str
    arn: str
    is_execution_role: bool = False
