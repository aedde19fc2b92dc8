"""The sealed LDAP bind, and why a domain controller refuses it."""

from __future__ import annotations

from collections.abc import Mapping

from gmsa_doctor.authoring import Fix
from gmsa_doctor.clients.kerberos.client import Kdc, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import Directory, Ldap, LdapRefusal
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.domain import srv_name
from gmsa_doctor_checks.values import DomainName, Endpoint, ReachableLdap

SILENT_TRIED = 2
"""The maximum number of silent domain controllers that are waited for. Others that refuse cost no time."""
STRONGER_AUTH_REQUIRED = 8


class NoneBinds(ClientError):
    """No domain controller accepts the bind. ``first``: where, and why; ``untried``: how many were not tried."""

    def __init__(self, errors: Mapping[Endpoint, ClientError], untried: int) -> None:
        self.first = next(iter(errors.items()))
        self.untried = untried
        super().__init__(self.first[1].text)


def bind_first(
    ldap: Ldap, controllers: ReachableLdap, ticket: Ticket, kdc: Endpoint
) -> tuple[Endpoint, Directory, tuple[Endpoint, ...]]:
    """A session with the first domain controller that accepts the bind, and the domain controllers that did not.

    Credentials Fetcher also goes on with the next one (fetch_gmsa_password_and_create_krb_ticket of krb.cpp in 1.3,
    findGMSAPassword in 2.x). Raises NoneBinds if none does.
    """
    errors: dict[Endpoint, ClientError] = {}
    silent = 0
    for endpoint in controllers.endpoints:
        try:
            directory = ldap.bind(endpoint.host, endpoint.address, ticket, Kdc(kdc.address, kdc.port), endpoint.port)
        except ClientError as error:
            errors[endpoint] = error
            silent += isinstance(error, TimedOut)
        else:
            return endpoint, directory, tuple(errors)
        if silent >= SILENT_TRIED:
            break
    raise NoneBinds(errors, len(controllers.endpoints) - len(errors))


def explain_bind(endpoint: Endpoint, error: ClientError, domain: DomainName) -> tuple[str, Fix]:
    """The summary and the fix for an error of the bind, in the domain whose SRV records name the endpoint."""
    host = endpoint.host
    if isinstance(error, LdapRefusal):
        fix = Fix(
            f"Check which LDAP signing and channel binding {host} requires, in its event log and in these parameters.",
            ("Get-ItemProperty HKLM:\\SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters",),
        )
        if error.code == STRONGER_AUTH_REQUIRED:
            return f"{host} requires more than a signed and sealed bind: {error.server_text}", fix
        return f"{host} refuses the LDAP bind: {error.text}", fix
    no_session = f"no LDAP session with {host}: {error.text}"
    if not isinstance(error, KdcRefusal):
        return no_session, Fix(
            f"Check that the directory service of {host} is running, and that no proxy or firewall interferes with "
            f"port {endpoint.port}."
        )
    spn = powershell(f"ldap/{host}")
    srv = srv_name(domain)
    register = Fix(
        f"1. Check whether {host} is an alias: it is one if Resolve-DnsName shows a CNAME, or an address that "
        "Get-ADDomainController lists for another host name (commands 1 and 2). 2. If it is an alias, show the SRV "
        f"record {srv} (command 3), and change its target to the domain controller's own name in DNS Manager. 3. "
        f"Otherwise register the SPN on the computer account of {host} (command 4).",
        (
            f"Resolve-DnsName {powershell(host)}",
            "Get-ADDomainController -Filter * | Select-Object HostName,IPv4Address",
            f"Resolve-DnsName -Type SRV {powershell(srv)}",
            f"setspn -S {spn} {powershell('<domain controller>$')}",
        ),
    )
    explanations = {
        KdcReason.UNKNOWN_SERVICE: (
            f"the AD has no SPN ldap/{host} for the host name {host} in the SRV record",
            register,
        ),
        KdcReason.NOT_UNIQUE: (
            f"more than one account has the SPN ldap/{host}",
            Fix(
                f"Remove the SPN ldap/{host} from all accounts except the domain controller's.",
                (f"setspn -Q {spn}", f"setspn -D {spn} {powershell('<account>')}"),
            ),
        ),
        KdcReason.CLOCK_SKEW: (
            f"the clock of {host} is too far from that of the KDC that issued the ticket",
            Fix(
                f"Synchronize {host} and the KDC with the same time source. kerberos.clock compares their clocks.",
                ("w32tm /query /status", "w32tm /resync /rediscover"),
            ),
        ),
        KdcReason.TICKET_REJECTED: (
            f"{host} rejects the ticket for ldap/{host}: its key or its clock differs from the KDC's",
            Fix(
                f"Check that {host} itself has the SPN, that it replicates, and that its clock is right.",
                (f"setspn -Q {spn}", "repadmin /showrepl", "w32tm /query /status"),
            ),
        ),
    }
    return explanations.get(error.reason, (no_session, register))
