"""The Kerberos configuration that the container's image needs."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, Given, Outcome, Owner, Result, Row, Status, check, passed, warned
from gmsa_doctor.formats.ad import krb5_conf
from gmsa_doctor.given.shared_values import Krb5Conf
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.values import Account, GmsaNames


@check("kerberos.krb5-conf", title="The servers' names belong to the Kerberos realm", docs=links.DOMAIN_REALM)
def configuration(names: GmsaNames, account: Outcome[Account], services: ServiceNames) -> Result[Krb5Conf]:
    """Generates the container's krb5.conf, and checks whether the servers named with `--spn` need one.

    `gmsa-doctor krb5-conf` prints the file.

    Why: a client that requests a ticket for `db.example.net` must know that this server belongs to `CORP.EXAMPLE`. A
    name below the AD domain shows that. For any other name, the client asks the domain controllers, which may not know
    it, or takes the end of the name as the realm.

    Fix: Put a krb5.conf with `[domain_realm]` into the image, or use the server's name in the AD domain.
    """
    domain = (account.value.domain if account.value else names.domain).text
    hosts = tuple(dict.fromkeys(map(krb5_conf.host_of, services.spns)))
    value = Krb5Conf(domain, hosts, krb5_conf.render(domain, hosts))
    others = [host for host in hosts if krb5_conf.is_full_name(host) and not krb5_conf.belongs(host, domain)]
    if not others:
        return Given(value, passed(f"names below {domain} belong to the realm {domain.upper()}"))
    options = " ".join(f"--spn {posix(spn)}" for spn in services.spns)
    return Given(
        value,
        warned(
            f"the name {', '.join(others)} does not show that the server belongs to {domain.upper()}: some Kerberos "
            "clients do not find its realm",
            observed=", ".join(others),
            expected=f"a name below {domain}, or a [domain_realm] section that names the host",
            fix=Fix(
                "Copy a krb5.conf into the image as /etc/krb5.conf (for Java, set java.security.krb5.conf), "
                f"or use a name of the server below {domain} that has an SPN.",
                (f"gmsa-doctor krb5-conf --domain {posix(domain)} {options} > krb5.conf",),
                owner=Owner.DEVELOPER,
            ),
            rows=tuple(
                Row(host, Status.WARN, f"{host.lower()} = {domain.upper()}")
                if host in others
                else Row(host, Status.PASS, f"in {domain}")
                for host in hosts
            ),
        ),
    )
