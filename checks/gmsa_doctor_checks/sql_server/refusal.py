"""Why the KDC does not issue a ticket for a SQL Server's SPN, as far as the directory shows."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.formats.ad.krb5_conf import host_of
from gmsa_doctor_checks.sql_server.spns import PREFIX, SpnHolder, enabling, holders_of, removal, setspn
from gmsa_doctor_checks.values import BoundDirectory, DomainName


def account_with(spn: str, domain: str, bound: BoundDirectory | None) -> str:
    """The account of the domain that has the SPN; empty if it is not one of SQL Server, or cannot be read."""
    if bound is None or not spn.lower().startswith(PREFIX.lower()):
        return ""
    try:
        holders = holders_of(bound.directory, DomainName(domain).base_dn, (host_of(spn),))
    except ClientError:
        return ""
    return next((holder.account for holder in holders if holder.has(spn)), "")


def with_holders(finding: Finding, spn: str, refusal: KdcRefusal, domain: str, bound: BoundDirectory | None) -> Finding:
    """The finding, with the accounts that have the SPN. Only called if the KDC has refused a ticket."""
    if bound is None or not spn.lower().startswith(PREFIX.lower()):
        return finding
    base = DomainName(domain).base_dn
    try:
        holders = holders_of(bound.directory, base, (host_of(spn),))
    except ClientError:
        return finding  # the KDC's answer is enough for the finding
    owners = [holder for holder in holders if holder.has(spn)]
    if refusal.reason is KdcReason.UNKNOWN_SERVICE and not owners:
        return _missing(finding, spn, holders)
    if len(owners) > 1:
        names = ", ".join(owner.account for owner in owners)
        fix = Fix(f"Remove {spn} from all accounts except the one that the service runs as.", removal(spn))
        return replace(finding, summary=f"{len(owners)} accounts have the SPN {spn}: {names}", fix=fix)
    if not owners:
        return finding
    owner = owners[0]
    disabled = "" if owner.enabled else ", which is disabled"
    changed = replace(finding, observed=f"{finding.observed}; {spn} is on {owner.account}{disabled} ({owner.dn})")
    if owner.enabled or finding.fix is None:
        return changed
    return replace(changed, fix=replace(finding.fix, commands=enabling(owner)))


def _missing(finding: Finding, spn: str, holders: tuple[SpnHolder, ...]) -> Finding:
    """The host may have other SPNs, with another port or in another form."""
    others = [(holder.account, other) for holder in holders for other in holder.of_host(host_of(spn))]
    if not others:
        return finding
    account = others[0][0]
    listed = ", ".join(f"{other} on {holder}" for holder, other in others)
    return replace(
        finding,
        summary=f"{finding.summary}; that host has {listed}",
        fix=Fix(
            f"1. If SQL Server runs as {account} and listens there, AD administrator: also register {spn} on it "
            "(command). 2. Otherwise, developer: set the port of the registered SPN in the connection string.",
            (setspn("-S", spn, account),),
        ),
    )
