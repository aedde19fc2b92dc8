"""The SPNs of the application's SQL Servers, and who has them."""

from __future__ import annotations

from gmsa_doctor.authoring import Finding, Fix, Outcome, Row, Status, check, passed, stands_behind, warned
from gmsa_doctor.formats.sql_server.connection_string import Form
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.sql_server.spns import Holder, holders_of, host_of, spns_of
from gmsa_doctor_checks.sql_server.values import ServiceTickets, SqlServer, SqlServers
from gmsa_doctor_checks.values import Account, BoundDirectory


@check(
    "sql-server.spn",
    title="The SQL Server's SPN is on one account, enabled and with AES",
    docs=links.SPN,
    shows=(texts.SSPI, texts.SQL_SPN, *texts.KERBEROS_SERVICE),
)
def spn(servers: SqlServers, bound: BoundDirectory, account: Account, tickets: Outcome[ServiceTickets]) -> Finding:
    """Looks for the accounts that have the SPN of each connection string's server.

    Why: the ticket is made for the account that has the SPN; SQL Server can read it only if it runs as that account.
    What the KDC itself says to the SPN is `kerberos.service-ticket`; where it refuses, that is the root cause.

    Fix: register the SPN on the account that SQL Server runs as, and on no other (`setspn -S`).
    """
    asked = servers.servers
    if tickets.finding.status is Status.FAIL:  # what the KDC refuses is told by it
        got = tickets.value.spns if tickets.value else ()
        asked = tuple(one for one in asked if any(spn in got for spn in one.spns))
    if not asked:
        return stands_behind([tickets.finding])
    spns = tuple(dict.fromkeys(spn for one in asked for spn in one.spns))
    base = account.domain.base_dn
    holders = holders_of(bound.directory, base, tuple(dict.fromkeys(map(host_of, spns))))
    judged = [_judge(one, holders, tickets.value) for one in asked]
    rows = tuple(row for row, _ in judged)
    troubles = [(row, fix) for row, fix in judged if fix is not None]
    if not troubles:
        return passed("; ".join(f"{row.name}: {row.text}" for row in rows), rows=rows)
    row, fix = troubles[0]
    return warned(
        f"{row.name}: {row.text}",
        expected="the SPN on the account that SQL Server runs as, enabled and with AES",
        fix=fix,
        rows=rows if len(rows) > 1 else (),
    )


def _judge(server: SqlServer, holders: tuple[Holder, ...], tickets: ServiceTickets | None) -> tuple[Row, Fix | None]:
    """The server's row, and what to do if all is not well."""
    wanted = [one for one in server.spns if tickets and one in tickets.spns] or list(server.spns)
    for spn in wanted:
        owners = [one for one in holders if one.has(spn)]
        if len(owners) > 1:
            return _several(spn, owners)
        if owners:
            row, fix = _owned(spn, owners[0])
            return (row, fix) if fix else _for_each_version(server, owners[0], holders) or (row, None)
    if tickets and wanted[0] in tickets.spns:  # of another domain of the forest, or hidden from the user
        return Row(wanted[0], Status.PASS, "the KDC gives a ticket; who has it cannot be seen in this domain"), None
    near = tuple(spn for one in holders for spn in one.of_host(host_of(wanted[0])))
    text = "no account of the domain has it" + (f"; for that host there is {', '.join(near)}" if near else "")
    return Row(wanted[0], Status.WARN, text), registration(wanted[0], "<DOMAIN\\service account>")


def _for_each_version(server: SqlServer, owner: Holder, holders: tuple[Holder, ...]) -> tuple[Row, Fix] | None:
    """For a named instance, .NET asks with its name or with its port, as its version is: both should be there.

    SQL Server registers both when it starts, where it may. Source: dotnet/SqlClient, issue 3566.
    """
    string = server.string
    if string.form is not Form.DOTNET or not string.instance or string.port or string.spn:
        return None
    host = next((host_of(spn) for spn in server.spns if owner.has(spn)), string.host)
    wanted = spns_of(string, host, server.port)
    missing = [spn for spn in wanted if not any(one.has(spn) for one in holders)]
    if not missing:
        return None
    text = f"nobody has it; .NET asks for {' or '.join(wanted)}, as the version of its driver is"
    fix = Fix(
        f"Register it too on {owner.account}, which has the other SPN of {host}; or name the port in the connection "
        "string.",
        (f"setspn -S {powershell(missing[0])} {powershell(owner.account)}",),
    )
    return Row(missing[0], Status.WARN, text), fix


def _several(spn: str, owners: list[Holder]) -> tuple[Row, Fix]:
    names = ", ".join(one.account for one in owners)
    fix = Fix(
        "Take it off all accounts but the one that SQL Server runs as.",
        (f"setspn -Q {powershell(spn)}", f"setspn -D {powershell(spn)} {powershell('<account>')}"),
    )
    return Row(spn, Status.WARN, f"{len(owners)} accounts have it: {names}"), fix


def _owned(spn: str, owner: Holder) -> tuple[Row, Fix | None]:
    if not owner.enabled:
        fix = Fix("Enable it.", (f"Enable-ADAccount -Identity {powershell(owner.account)}",))
        return Row(spn, Status.WARN, f"on {owner.account}, which is disabled"), fix
    if owner.rc4_only:
        fix = Fix(
            "Let it use AES, set its password anew, and restart SQL Server.",
            (f"Set-ADObject -Identity {powershell(owner.dn)} -Replace @{{'msDS-SupportedEncryptionTypes'=24}}",),
        )
        return Row(spn, Status.WARN, f"on {owner.account}, which takes RC4 only: many Linux images refuse that"), fix
    return Row(spn, Status.PASS, f"on {owner.account}"), None


def registration(spn: str, account: str) -> Fix:
    """How to register it."""
    return Fix(
        "Register it on the account that SQL Server runs as (the machine's own for a virtual account), in this form.",
        (f"setspn -Q {powershell(spn)}", f"setspn -S {powershell(spn)} {powershell(account)}"),
    )
