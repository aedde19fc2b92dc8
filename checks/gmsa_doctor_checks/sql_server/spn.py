"""The SPNs of the application's SQL Servers, and the accounts that have them."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Outcome, Row, Status, check, deferred_to, if_several, passed, warned
from gmsa_doctor.formats.ad.ccache import ENCTYPES
from gmsa_doctor.formats.ad.cmdlets import NEW_PASSWORD
from gmsa_doctor.formats.ad.krb5_conf import host_of, is_outside
from gmsa_doctor.formats.sql_server.drivers import Form
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.sql_server.spns import PREFIX, SpnHolder, enabling, holders_of, removal, setspn, spns_of
from gmsa_doctor_checks.sql_server.values import ServiceTickets, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory


@check(
    "sql-server.spn",
    title="SQL Server's SPN is on one enabled account with AES",
    docs=links.SPN,
    shows=(texts.SSPI, texts.SQL_SPN, *texts.KERBEROS_SERVICE),
)
def spn(servers: SqlServers, bound: BoundDirectory, account: Account, tickets: Outcome[ServiceTickets]) -> Finding:
    """Looks for the accounts that have the SPN of each connection string's server.

    Why: the ticket is encrypted for the account that has the SPN; SQL Server can decrypt it only if it runs as that
    account. `kerberos.service-ticket` reports the KDC's answer for the SPN; if the KDC refuses, that is the root cause.

    Fix: register the SPN on the account that SQL Server runs as, and on no other account (`setspn -S`).
    """
    checked = servers.servers
    if tickets.finding.status is Status.FAIL:  # that check reports what the KDC refused
        granted = tickets.value.spns if tickets.value else ()
        checked = tuple(server for server in checked if not set(granted).isdisjoint(server.spns))
    if not checked:
        return deferred_to(tickets.finding)
    hosts = tuple(dict.fromkeys(host_of(spn) for server in checked for spn in server.spns))
    holders = holders_of(bound.directory, account.domain.base_dn, hosts)
    judged = [_judge(server, holders, tickets.value, account.domain.text) for server in checked]
    rows = tuple(row for row, _ in judged)
    row, fix = next((pair for pair in judged if pair[1] is not None), (None, None))
    if row is None:
        return passed("; ".join(f"{row.name}: {row.text}" for row in rows), rows=rows)
    return warned(
        f"{row.name}: {row.text}",
        expected="the SPN on the account that SQL Server runs as, enabled and with AES",
        fix=fix,
        rows=if_several(rows),
    )


def _judge(
    server: SqlServer, holders: tuple[SpnHolder, ...], tickets: ServiceTickets | None, domain: str
) -> tuple[Row, Fix | None]:
    """The server's row, and the fix if there is a fault."""
    wanted = [spn for spn in server.spns if tickets and spn in tickets.spns] or list(server.spns)
    for spn in wanted:
        owners = [holder for holder in holders if holder.has(spn)]
        if len(owners) > 1:
            fix = Fix("Remove it from all accounts except the one that SQL Server runs as.", removal(spn))
            names = ", ".join(owner.account for owner in owners)
            return Row(spn, Status.WARN, f"{len(owners)} accounts have it: {names}"), fix
        if owners:
            return _judge_owner(spn, owners[0], server, holders, tickets)
    spn = wanted[0]
    if tickets and spn in tickets.spns:  # in another domain of the forest, or hidden from the user
        return Row(spn, Status.PASS, "the KDC issues a ticket; no visible account in this domain has it"), None
    if is_outside(host_of(spn), domain):
        return Row(spn, Status.PASS, f"not checked: {host_of(spn)} is outside {domain}"), None
    near = ", ".join(near for holder in holders for near in holder.of_host(host_of(spn)))
    text = "no account in the domain has it" + (f"; that host has {near}" if near else "")
    fix = Fix(
        "1. Check that no account has it (command 1). 2. Register it in this form on the account that SQL Server runs "
        "as, or on the computer account if that account is virtual (command 2).",
        (setspn("-Q", spn), setspn("-S", spn, "<DOMAIN\\service account>")),
    )
    return Row(spn, Status.WARN, text), fix


def _judge_owner(
    spn: str,
    owner: SpnHolder,
    server: SqlServer,
    holders: tuple[SpnHolder, ...],
    tickets: ServiceTickets | None,
) -> tuple[Row, Fix | None]:
    if not owner.enabled:
        return Row(spn, Status.WARN, f"on {owner.account}, which is disabled"), Fix("Enable it.", enabling(owner))
    if owner.rc4_only and tickets and (enctype := tickets.enctype_of(spn)):  # kerberos.service-ticket reports RC4
        return Row(spn, Status.PASS, f"on {owner.account}; its ticket has {ENCTYPES.get(enctype, enctype)}"), None
    if owner.rc4_only:
        fix = Fix(
            "Allow AES for the account and reset its password. Then set the new password for the SQL Server service in "
            "SQL Server Configuration Manager, and restart SQL Server.",
            (
                f"Set-ADObject -Identity {powershell(owner.dn)} -Replace @{{'msDS-SupportedEncryptionTypes'=24}}",
                f"Set-ADAccountPassword -Identity {powershell(owner.dn)} -Reset -NewPassword {NEW_PASSWORD}",
            ),
        )
        return Row(spn, Status.WARN, f"on {owner.account}, which allows RC4 only: many Linux images reject RC4"), fix
    text = _on(owner, spn, tickets) + _of_one_version(server, spn, holders)
    return _for_each_version(server, owner, holders) or (Row(spn, Status.PASS, text), None)


def _on(owner: SpnHolder, spn: str, tickets: ServiceTickets | None) -> str:
    if not owner.default_types:
        return f"on {owner.account}"
    enctype = tickets.enctype_of(spn) if tickets else None
    observed = f"its ticket has {ENCTYPES.get(enctype, enctype)}" if enctype else "the type of its ticket was not seen"
    default = "whose encryption types are not set, so the domain controllers' default applies"
    return f"on {owner.account}, {default}; {observed}"


def _of_one_version(server: SqlServer, spn: str, holders: tuple[SpnHolder, ...]) -> str:
    """Without a port in the string, SqlClient 5.2.0 requests the SPN without a port only.

    Sources: dotnet/SqlClient, issue 2394, and its change log (fixed in 5.2.1 by pull request 2436).
    """
    string = server.string
    without_port = f"{PREFIX}{host_of(spn)}"
    is_default = string.form is Form.DOTNET and not (string.port or string.instance or string.spn)
    if not is_default or any(holder.has(without_port) for holder in holders):
        return ""
    return (
        f"; no account has {without_port}, the only one that SqlClient 5.2.0 requests: use 5.2.1 or later, or set the "
        "port in the connection string"
    )


def _for_each_version(server: SqlServer, owner: SpnHolder, holders: tuple[SpnHolder, ...]) -> tuple[Row, Fix] | None:
    """For a named instance, .NET requests its name or its port, depending on its version: both should be registered.

    SQL Server registers both when it starts, if it is allowed to. Source: dotnet/SqlClient, issue 3566.
    """
    string = server.string
    if string.form is not Form.DOTNET or not string.instance or string.port or string.spn:
        return None
    host = next((host_of(spn) for spn in server.spns if owner.has(spn)), string.host)
    wanted = spns_of(string, host, server.port)
    missing = next((spn for spn in wanted if not any(holder.has(spn) for holder in holders)), None)
    if missing is None:
        return None
    text = f"no account has it; .NET requests {' or '.join(wanted)}, depending on the driver's version"
    fix = Fix(
        f"Also register it on {owner.account}, which has the other SPN of {host}, or set the port in the connection "
        "string.",
        (setspn("-S", missing, owner.account),),
    )
    return Row(missing, Status.WARN, text), fix
