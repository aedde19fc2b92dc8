"""The Kerberos configuration that the container's image needs."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, Given, Outcome, Owner, Result, Row, Status, check, passed, warned
from gmsa_doctor.clients.ldap.client import Directory, LdapRefusal, escape_filter
from gmsa_doctor.formats.ad import krb5_conf
from gmsa_doctor.given.shared_values import Krb5Conf
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks import links
from gmsa_doctor_checks.active_directory.other_domains import other_domains
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.values import Account, BoundDirectory, DomainName, GmsaNames


@check("kerberos.krb5-conf", title="The servers' names belong to the Kerberos realm", docs=links.DOMAIN_REALM)
def configuration(
    names: GmsaNames, account: Outcome[Account], services: ServiceNames, bound: Outcome[BoundDirectory]
) -> Result[Krb5Conf]:
    """Generates the container's krb5.conf, and checks whether the servers named with `--spn` need one.

    The realm of a server outside the AD domain is that of the domain which contains it, among those that the AD lists:
    the domains that trust it, and those of its forest. `gmsa-doctor krb5-conf` prints the file.

    Why: a client that requests a ticket for `db.other.example` must know the realm of this server. A name below the AD
    domain shows that. For any other name, the client asks the domain controllers, which refer to the realm if they know
    it, or takes the end of the name as the realm. Not all clients follow such a referral.

    Fix: Put a krb5.conf with `[domain_realm]` into the image, or use the server's name in the AD domain.
    """
    domain = account.value.domain if account.value else names.domain
    spns = tuple(spn for spn in services.spns if krb5_conf.is_outside(krb5_conf.host_of(spn), domain.text))
    hosts = tuple(dict.fromkeys(map(krb5_conf.host_of, services.spns)))
    outside = tuple(dict.fromkeys(map(krb5_conf.host_of, spns)))
    directory = bound.value.directory if bound.value and outside else None
    domains = other_domains(directory, domain.base_dn) if directory else ()
    ours = _registered(directory, domain, spns) if directory else ()
    value = Krb5Conf(domain.text, hosts, krb5_conf.render(domain.text, hosts, domains, ours))
    if not outside:
        return Given(value, passed(f"names below {domain.text} belong to the realm {domain.realm}"))
    realms = {host: domain.realm if host in ours else krb5_conf.realm_of(host, domains) for host in outside}
    options = [f"--spn {posix(spn)}" for spn in services.spns]
    options += [f"--trusted-domain {posix(name)}" for name in domains if name.upper() in realms.values()]
    finding = warned(
        f"the name {', '.join(outside)} does not show the server's realm: some Kerberos clients do not find it",
        observed="; ".join(f"{host}: {realm or 'in no domain that the AD lists'}" for host, realm in realms.items()),
        expected=f"a name below {domain.text}, or a [domain_realm] section that names the host's domain",
        fix=Fix(
            "Copy a krb5.conf into the image as /etc/krb5.conf (for Java, set java.security.krb5.conf), or use a name "
            f"of the server below {domain.text} that has an SPN.",
            (f"gmsa-doctor krb5-conf --domain {posix(domain.text)} {' '.join(options)} > krb5.conf",),
            owner=Owner.DEVELOPER,
        ),
        rows=tuple(_row(host, realms.get(host), domain) for host in hosts),
    )
    return Given(value, finding)


def _row(host: str, realm: str | None, domain: DomainName) -> Row:
    if realm is None:
        return Row(host, Status.PASS, f"in {domain.text}")
    return Row(host, Status.WARN, f"realm {realm}" if realm else "its realm is unknown; a KDC may refer to it")


def _registered(directory: Directory, domain: DomainName, spns: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts of those SPNs that an account of the domain has."""
    try:
        return tuple(
            krb5_conf.host_of(spn)
            for spn in spns
            if directory.search(domain.base_dn, f"(servicePrincipalName={escape_filter(spn)})", ("cn",))
        )
    except LdapRefusal:
        return ()
