"""What the CredSpec says of the domain beside its name, against the domain itself."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import Cause, Finding, Fix, Row, Status, check, passed, skipped, warned
from gmsa_doctor.clients.ldap import forest
from gmsa_doctor.clients.ldap.client import Attributes, Entry, LdapRefusal
from gmsa_doctor.formats.ad import guid, sid
from gmsa_doctor.formats.documents.credspec import CredSpecDocument
from gmsa_doctor_checks import links
from gmsa_doctor_checks.values import Account, BoundDirectory, CredSpec, GmsaNames


@dataclass(frozen=True)
class DomainData:
    """What the AD says of a domain. Empty: not shown to this user."""

    sid: str
    guid: str
    net_bios_name: str
    dns_name: str
    forest: str
    """The DNS name of the forest's root domain."""


@check(
    "credspec.domain-data",
    title="The CredSpec says of the domain what the AD says",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
    about="credspec/DomainJoinConfig",
)
def domain_data(credspec: CredSpec, names: GmsaNames, account: Account, bound: BoundDirectory) -> Finding:
    """Compares the CredSpec's `Sid`, `Guid`, `NetBiosName` and `DnsTreeName` with the domain's.

    Why: Credentials Fetcher on Linux ignores them; Windows containers do not. Where they differ the CredSpec was made
    for another domain, or by an old version of the PowerShell module CredentialSpec, which exchanged `DnsName` and
    `DnsTreeName` in domains that are not the forest's root.

    Fix: make the CredSpec anew with the current module, or correct the values.
    """
    try:
        domain = _read(bound, account)
    except LdapRefusal as error:
        return skipped(f"the AD does not show what {account.domain.text} is: {error.text}")
    if names.domain != account.domain and not _exchanged(credspec.document, domain):
        return skipped("the CredSpec names another domain than the secret", because=("secret.domain",))
    return judge(credspec.document, domain)


def _read(bound: BoundDirectory, account: Account) -> DomainData:
    base = account.domain.base_dn
    hits = bound.directory.search(base, "(objectClass=*)", ("objectSid", "objectGUID"), "base")
    entry = hits[0] if hits else Entry(base, Attributes({}))
    mine = next((one for one in forest.partitions(bound.directory) if one.dn.lower() == base.lower()), None)
    _, root = forest.naming_contexts(bound.directory)
    return DomainData(
        _sid(entry.first("objectSid")),
        guid.parse(entry.first("objectGUID")) or "",
        mine.net_bios_name if mine else "",
        account.domain.text,
        ".".join(part.partition("=")[2] for part in root.split(",")),
    )


def _sid(data: bytes | None) -> str:
    try:
        return sid.parse(data) if data else ""
    except sid.SidError:
        return ""


def judge(document: CredSpecDocument, domain: DomainData) -> Finding:
    """The finding for a CredSpec of that domain. What it does not say, and what is not shown, is not compared."""
    compared = {
        "Sid": (document.sid, domain.sid),
        "Guid": (document.guid and (guid.plain(document.guid) or document.guid), domain.guid),
        "NetBiosName": (document.net_bios_name, domain.net_bios_name),
        "DnsTreeName": (document.dns_tree_name, domain.forest),
    }
    rows = tuple(
        Row(f"DomainJoinConfig.{key}", Status.WARN, f"{said}; the AD says {known}")
        for key, (said, known) in compared.items()
        if said and known and said.lower() != known.lower()
    )
    if not rows:
        said = [key for key, (value, known) in compared.items() if value and known]
        return passed(f"{', '.join(said) or 'nothing that is compared'}: as in the AD")
    why = "; DnsName and DnsTreeName are exchanged, as an old CredentialSpec module did"
    also = why if _exchanged(document, domain) else ""
    named = ", ".join(one.name.rpartition(".")[2] for one in rows)
    return warned(
        f"the CredSpec's {named} {'is' if len(rows) == 1 else 'are'} not the domain's{also}; on Linux that is ignored",
        observed="; ".join(f"{one.name} {one.text}" for one in rows),
        expected="the domain's own, or none",
        fix=Fix(
            "Make the CredSpec anew with the current PowerShell module CredentialSpec, or write the values of the AD.",
            (
                "Get-ADDomain | Select-Object DomainSID,ObjectGUID,NetBIOSName,DNSRoot,Forest",
                "Install-Module CredentialSpec",
            ),
        ),
        rows=rows if len(rows) > 1 else (),
    )


def _exchanged(document: CredSpecDocument, domain: DomainData) -> bool:
    """Whether DnsName is the forest's root, and DnsTreeName the domain."""
    said = (document.dns_name.lower(), (document.dns_tree_name or "").lower())
    known = (domain.forest.lower(), domain.dns_name.lower())
    return said == known and known[0] != known[1]
