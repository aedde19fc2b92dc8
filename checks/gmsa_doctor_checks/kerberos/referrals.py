"""Service tickets across realms: a KDC refers to the realm of the service, and the KDC of that realm is asked."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos, Referred, ServiceTicket, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.core.errors import ClientError, Refused, TimedOut, Unreachable
from gmsa_doctor.formats.ad.krb5_conf import host_of, realm_of

MOST_REALMS = 5
"""The longest path of referrals that is followed; a forest's trusts are a tree."""


@dataclass(frozen=True)
class Referral:
    """The KDC's yes for a service of another realm, whose own KDC was not asked: ``reason``."""

    realm: str
    reason: str

    @property
    def text(self) -> str:
        """For reports."""
        return f"referred to {self.realm}, not followed: {self.reason}"


def request(
    kerberos: Kerberos, ticket: Ticket, spn: str, kdc: Kdc, dns: Dns, domains: tuple[str, ...] = ()
) -> ServiceTicket | Referral:
    """The ticket for the service, from the KDC of the realm that the KDCs refer to. Raises ClientError.

    ``domains`` are the other domains that the AD lists (trusts and partitions). If the KDC neither knows the service
    nor refers, the ticket is requested in the realm of the domain that contains the host, as a client does whose
    krb5.conf has that domain in ``[domain_realm]``. Sources: RFC 6806 section 8 and MS-KILE 3.3.5.7 (a referral TGT is
    an answer, not an error), krb5.conf(5).
    """
    try:
        return _follow(kerberos, ticket, spn, kdc, dns, "")
    except KdcRefusal as refusal:
        realm = realm_of(host_of(spn), domains)
        if refusal.reason is not KdcReason.UNKNOWN_SERVICE or realm in ("", ticket.realm):
            raise
        return _follow(kerberos, ticket, spn, kdc, dns, realm)


def _follow(kerberos: Kerberos, ticket: Ticket, spn: str, kdc: Kdc, dns: Dns, realm: str) -> ServiceTicket | Referral:
    others: dict[str, Kdc] = {}
    referred = ""
    for _ in range(MOST_REALMS):
        try:
            return kerberos.service_ticket(ticket, spn, kdc, realm, others)
        except Referred as referral:
            referred = referral.realm
            try:
                others[referred] = _kdc_of(referred, dns)
            except ClientError as error:
                return Referral(referred, error.text)
        except (TimedOut, Refused, Unreachable) as error:
            if not referred:
                raise
            return Referral(referred, error.text)
    return Referral(referred, f"more than {MOST_REALMS} referrals")


def _kdc_of(realm: str, dns: Dns) -> Kdc:
    """The first KDC that DNS lists for the realm."""
    record = dns.srv(f"_kerberos._tcp.{realm.lower()}")[0]
    return Kdc(dns.addresses(record.target)[0], record.port)
