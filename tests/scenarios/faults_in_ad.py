"""Faults that show only when the AD is asked: DNS, the network, logons, the gMSA, SQL Server's names."""

from tests.lab import accounts
from tests.lab.dns_server import Mode
from tests.scenarios.changes import (
    dns_server,
    gmsa,
    in_ad,
    kdc_at,
    ldap_at,
    nowhere,
    options,
    secret,
    user,
)
from tests.scenarios.lab import Lab, Scenario

_DN = "CN={},CN=Managed Service Accounts,DC=corp,DC=example"


def _no_srv(lab: Lab) -> str:
    return lab.dns({("_ldap._tcp.dc._msdcs.corp.example", "SRV"): []})


def _no_kerberos_srv(lab: Lab) -> str:
    return lab.dns({(f"_kerberos._{protocol}.corp.example", "SRV"): [] for protocol in ("tcp", "udp")})


def _no_address(lab: Lab) -> str:
    records = {("_ldap._tcp.dc._msdcs.corp.example", "SRV"): ["0 100 389 gone.corp.example."]}
    return lab.dns({**records, ("gone.corp.example", "A"): [], ("gone.corp.example", "AAAA"): []})


DNS = (
    Scenario("no SRV record of the domain controllers", "dns.domain-controllers", dns_server(_no_srv), "_ldap._tcp"),
    Scenario("no SRV record of the KDCs", "dns.domain-controllers", dns_server(_no_kerberos_srv), "_kerberos._tcp"),
    Scenario(
        "SRV records of a host without address", "dns.domain-controllers", dns_server(_no_address), "has an address"
    ),
    Scenario("a DNS server that is not there", "dns.domain-controllers", dns_server(nowhere), "Connection refused"),
    Scenario(
        "a DNS server that refuses",
        "dns.domain-controllers",
        dns_server(lambda lab: lab.dns({}, Mode.REFUSE)),
        "REFUSED",
    ),
    Scenario(
        "a DNS server that fails",
        "dns.domain-controllers",
        dns_server(lambda lab: lab.dns({}, Mode.SERVFAIL)),
        "SERVFAIL",
    ),
    Scenario(
        "a domain that DNS does not know",
        "dns.domain-controllers",
        secret(domainName="corp.elsewhere"),
        "corp.elsewhere for the AD domain (the secret's domainName",
    ),
)

NETWORK = (
    Scenario("no KDC listens", "network.kerberos", kdc_at(nowhere), "no domain controller accepts Kerberos"),
    Scenario("a firewall before the KDC", "network.kerberos", kdc_at(lambda lab: lab.black_hole(88)), "did not answer"),
    Scenario("no LDAP server listens", "network.ldap", ldap_at(nowhere), "no domain controller accepts LDAP"),
    Scenario("a firewall before LDAP", "network.ldap", ldap_at(lambda lab: lab.black_hole(389)), "did not answer"),
)

USER = (
    Scenario("a wrong password", "kerberos.user-ticket", secret(password="not-the-password"), "is wrong"),
    Scenario("an unknown user", "kerberos.user-ticket", secret(username="gmsa-raeder"), "has no user with"),
    Scenario("a disabled user", "kerberos.user-ticket", user("gmsa-disabled"), "disabled"),
    Scenario("a locked user", "kerberos.user-ticket", user("gmsa-locked"), "locked"),
    Scenario("a password to be changed", "kerberos.user-ticket", user("gmsa-pwexpired"), "must change"),
    Scenario("an expired account", "kerberos.user-ticket", user("gmsa-acctexpired"), "expired"),
    Scenario("a KDC that hangs up", "kerberos.user-ticket", kdc_at(lambda lab: lab.hanging_up(88)), "no KDC answers"),
    Scenario("a KDC that is mute", "kerberos.user-ticket", kdc_at(lambda lab: lab.mute(88)), "no KDC answers"),
)


def _alias(lab: Lab) -> str:
    return lab.dns({("_ldap._tcp.dc._msdcs.corp.example", "SRV"): ["0 100 389 dc-alias.corp.example."]})


DIRECTORY = (
    Scenario("SRV records that name an alias", "directory.bind", dns_server(_alias), "no SPN ldap/dc-alias"),
    Scenario("an unknown gMSA", "directory.gmsa-account", gmsa("webapp99"), "no gMSA webapp99"),
    Scenario("a gMSA of another CN", "directory.gmsa-account", gmsa("webapp03"), "webapp03$ has another CN"),
    Scenario("a disabled gMSA", "directory.gmsa-account", gmsa("webapp04"), "is disabled"),
    Scenario("a gMSA that a user hides", "directory.gmsa-account", gmsa("webapp05"), "found before the gMSA"),
    Scenario("a user in place of a gMSA", "directory.gmsa-account", gmsa("notagmsa"), "not a gMSA but a user"),
    Scenario("a standalone account", "directory.gmsa-account", gmsa("smsa01"), "msDS-ManagedServiceAccount"),
    Scenario(
        "a distinguishedName of nothing",
        "directory.gmsa-account",
        secret(distinguishedName=_DN.format("webapp99")),
        "does not exist",
    ),
    Scenario(
        "the distinguishedName of an OU with several",
        "directory.gmsa-account",
        secret(distinguishedName="CN=Managed Service Accounts,DC=corp,DC=example"),
        "the secret's distinguishedName contains 9 gMSAs",
    ),
    Scenario(
        "the distinguishedName of another gMSA",
        "directory.gmsa-account",
        secret(distinguishedName=_DN.format("webapp07")),
        "belongs to webapp07$",
    ),
    Scenario(
        "a user who may not",
        "directory.managed-password",
        user(accounts.OUTSIDER),
        f"allowed: only {accounts.PRINCIPALS}",
    ),
    Scenario("a gMSA of others", "directory.managed-password", gmsa("webapp02"), "has no right to read"),
    Scenario(
        "a gMSA that has expired", "kerberos.gmsa-ticket", in_ad("webapp01$", accountExpires="1"), "the gMSA webapp01$"
    ),
)

SERVICES = (
    Scenario(
        "an SPN that nobody has",
        "kerberos.service-ticket",
        options("--spn", "MSSQLSvc/nosuch.corp.example:1433"),
        "no account in the AD has the SPN",
    ),
    Scenario(
        "an SPN of PostgreSQL that nobody has",
        "kerberos.service-ticket",
        options("--spn", "postgres/pg.corp.example"),
        "no account in the AD has the SPN postgres/pg.corp.example",
    ),
    Scenario(
        "the alias of a SQL Server",
        "kerberos.service-ticket",
        options("--spn", "MSSQLSvc/sql.corp.example:1433", "--spn", "MSSQLSvc/sql-alias.corp.example:1433"),
        "sql-alias.corp.example",
    ),
)

FAULTS_IN_AD = (*DNS, *NETWORK, *USER, *DIRECTORY, *SERVICES)
