"""The AD domain's name: of the secret or of the CredSpec, and DNS names in it."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import Outcome, bundle
from gmsa_doctor_checks.values import Account, DomainName, GmsaNames


def domain_in_use(names: GmsaNames, account: Outcome[Account]) -> DomainName:
    """The secret's domain, which Credentials Fetcher uses; the CredSpec's if the secret is unknown."""
    return account.value.domain if account.value else names.domain


@bundle
@dataclass(frozen=True)
class AdDomain:
    """The AD domain's names in the CredSpec and in the secret."""

    names: GmsaNames
    account: Outcome[Account]

    @property
    def in_use(self) -> DomainName:
        """The domain that Credentials Fetcher uses."""
        return domain_in_use(self.names, self.account)


def srv_name(domain: DomainName) -> str:
    """The DNS name of AD's SRV records for domain controllers. Source: MS-ADTS 6.3.2.3."""
    return f"_ldap._tcp.dc._msdcs.{domain.text}"


def is_part_of(name: str, zone: str) -> bool:
    """Whether a DNS name is ``zone`` or lies below it; ``""`` is the root."""
    name, zone = name.rstrip(".").lower(), zone.rstrip(".").lower()
    return not zone or name == zone or name.endswith(f".{zone}")
