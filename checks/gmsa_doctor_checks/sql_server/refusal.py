"""Why the KDC gives no ticket for a SQL Server's SPN, as the directory shows it."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix
from gmsa_doctor.clients.kerberos.logon import KdcReason, KdcRefusal
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.sql_server.spns import PREFIX, Holder, holders_of, host_of
from gmsa_doctor_checks.values import BoundDirectory


def with_holders(
    finding: Finding, spn: str, refusal: KdcRefusal, principal: str, bound: BoundDirectory | None
) -> Finding:
    """The same finding, with the accounts that the directory names. Asked only when the KDC has refused."""
    if bound is None or not spn.lower().startswith(PREFIX.lower()):
        return finding
    base = ",".join(f"DC={label}" for label in principal.rpartition("@")[2].lower().split("."))
    try:
        holders = holders_of(bound.directory, base, (host_of(spn),))
    except ClientError:
        return finding  # what the KDC says stands without it
    owners = [one for one in holders if one.has(spn)]
    if refusal.reason is KdcReason.UNKNOWN_SERVICE and not owners:
        return _missing(finding, spn, holders)
    if len(owners) > 1:
        return _several(finding, spn, owners)
    if owners:
        state = "" if owners[0].enabled else ", which is disabled"
        return replace(
            finding,
            observed=f"{finding.observed}; {spn} is on {owners[0].account}{state} ({owners[0].dn})",
            fix=_fix(finding, owners[0]),
        )
    return finding


def _missing(finding: Finding, spn: str, holders: tuple[Holder, ...]) -> Finding:
    """The host may have other SPNs: the port, or the form, is then what differs."""
    others = [(one, other) for one in holders for other in one.of_host(host_of(spn))]
    if not others:
        return finding
    account = others[0][0].account
    listed = ", ".join(f"{other} on {one.account}" for one, other in others)
    return replace(
        finding,
        summary=f"{finding.summary}; for that host it has {listed}",
        fix=Fix(
            f"Register this form too on {account}, if SQL Server runs as that; or let the connection string name the "
            "port that the SPN has.",
            (f"setspn -S {powershell(spn)} {powershell(account)}",),
        ),
    )


def _several(finding: Finding, spn: str, owners: list[Holder]) -> Finding:
    names = ", ".join(one.account for one in owners)
    return replace(
        finding,
        summary=f"{len(owners)} accounts have the SPN {spn}: {names}",
        fix=Fix(
            "Take it off all accounts but the one that the service runs as.",
            (f"setspn -Q {powershell(spn)}", f"setspn -D {powershell(spn)} {powershell('<account>')}"),
        ),
    )


def _fix(finding: Finding, owner: Holder) -> Fix | None:
    if owner.enabled or finding.fix is None:
        return finding.fix
    return Fix(finding.fix.text, (f"Enable-ADAccount -Identity {powershell(owner.account)}",))
