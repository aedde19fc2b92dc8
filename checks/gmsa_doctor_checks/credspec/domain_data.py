"""Whether the CredSpec's further values of the domain match the directory."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Row,
    Status,
    check,
    deferred_to,
    if_several,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.ldap import forest
from gmsa_doctor.clients.ldap.client import Attributes, Entry, LdapRefusal
from gmsa_doctor.formats.ad import guid, sid
from gmsa_doctor.formats.documents.credspec import CredSpecDocument
from gmsa_doctor_checks import links
from gmsa_doctor_checks.credspec.secret import secret_domain
from gmsa_doctor_checks.values import Account, BoundDirectory, CredSpec, GmsaNames


@dataclass(frozen=True)
class DomainData:
    """A domain's values in the AD. Empty: not visible to this user."""

    sid: str
    guid: str
    net_bios_name: str
    dns_name: str
    forest: str
    """The DNS name of the forest's root domain."""


@check(
    "credspec.domain-data",
    title="The CredSpec's domain values match the AD",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
    about="credspec/DomainJoinConfig",
)
def domain_data(credspec: CredSpec, names: GmsaNames, account: Account, bound: BoundDirectory) -> Finding:
    """Compares the CredSpec's `Sid`, `Guid`, `NetBiosName` and `DnsTreeName` with the domain's.

    Why: Credentials Fetcher on Linux ignores them; Windows containers do not. If they differ, the CredSpec was created
    for another domain, or by an old version of the PowerShell module CredentialSpec, which swapped `DnsName` and
    `DnsTreeName` in domains other than the forest root.

    Fix: create the CredSpec again with the current module, or correct the values.
    """
    try:
        domain = _read(bound, account)
    except LdapRefusal as error:
        return skipped(f"the AD does not return the values of {account.domain.text}: {error.text}")
    if names.domain != account.domain and not _swapped(credspec.document, domain):
        return deferred_to(secret_domain, "the CredSpec and the secret name different domains")
    return judge(credspec.document, domain)


def _read(bound: BoundDirectory, account: Account) -> DomainData:
    base, directory = account.domain.base_dn, bound.directory
    hits = directory.search(base, "(objectClass=*)", ("objectSid", "objectGUID"), "base")
    entry = hits[0] if hits else Entry(base, Attributes({}))
    net_bios_names = {partition.dn.lower(): partition.net_bios_name for partition in forest.partitions(directory)}
    _, root = forest.naming_contexts(directory)
    return DomainData(
        _sid(entry.first("objectSid")),
        guid.parse(entry.first("objectGUID")) or "",
        net_bios_names.get(base.lower(), ""),
        account.domain.text,
        ".".join(part.partition("=")[2] for part in root.split(",")),
    )


def _sid(data: bytes | None) -> str:
    try:
        return sid.parse(data) if data else ""
    except sid.SidError:
        return ""


def judge(document: CredSpecDocument, domain: DomainData) -> Finding:
    """The finding about a CredSpec for this domain. Values that either side lacks are not compared."""
    pairs = {
        "Sid": (document.sid, domain.sid),
        "Guid": (document.guid and (guid.plain(document.guid) or document.guid), domain.guid),
        "NetBiosName": (document.net_bios_name, domain.net_bios_name),
        "DnsTreeName": (document.dns_tree_name, domain.forest),
    }
    compared = {key: (written, known) for key, (written, known) in pairs.items() if written and known}
    wrong = [key for key, (written, known) in compared.items() if written.lower() != known.lower()]
    if not wrong:
        return passed(f"same as in the AD: {', '.join(compared)}" if compared else "the CredSpec has none of them")
    rows = tuple(
        Row(f"DomainJoinConfig.{key}", Status.WARN, "{}; in the AD: {}".format(*compared[key])) for key in wrong
    )
    swapped = "; an old CredentialSpec module swapped DnsName and DnsTreeName" if _swapped(document, domain) else ""
    return warned(
        f"the CredSpec's {', '.join(wrong)} {'do' if wrong[1:] else 'does'} not match the domain{swapped} (ignored on "
        "Linux)",
        observed="; ".join(f"{row.name} {row.text}" for row in rows),
        expected="the domain's values, or none",
        fix=Fix(
            "Create the CredSpec again with the current PowerShell module CredentialSpec, or set the AD's values.",
            (
                "Get-ADDomain | Select-Object DomainSID,ObjectGUID,NetBIOSName,DNSRoot,Forest",
                "Install-Module CredentialSpec",
            ),
        ),
        rows=if_several(rows),
    )


def _swapped(document: CredSpecDocument, domain: DomainData) -> bool:
    """Whether DnsName is the forest's root, and DnsTreeName the domain."""
    written = (document.dns_name.lower(), (document.dns_tree_name or "").lower())
    known = (domain.forest.lower(), domain.dns_name.lower())
    return written == known and known[0] != known[1]
