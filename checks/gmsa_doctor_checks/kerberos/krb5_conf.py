"""What the Kerberos configuration in the container's image has to hold."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, Given, Outcome, Result, Row, Status, check, passed, warned
from gmsa_doctor.formats.ad import krb5_conf
from gmsa_doctor.given.shared_values import Krb5Conf
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.values import Account, GmsaNames


@check("kerberos.krb5-conf", title="The servers' names tell their Kerberos realm", docs=links.DOMAIN_REALM)
def configuration(names: GmsaNames, account: Outcome[Account], services: ServiceNames) -> Result[Krb5Conf]:
    """Works out the krb5.conf of the container, and whether the servers named with `--spn` need one.

    `gmsa-doctor krb5-conf` prints the file.

    Why: a client that wants a ticket for `db.example.net` must know that it is a server of `CORP.EXAMPLE`. A name below
    the AD domain says so itself; for another name the client asks the domain controllers, which may or may not know, or
    takes the end of the name for the realm.

    Fix: put a krb5.conf with `[domain_realm]` into the image, or name the server by its name in the AD domain.
    """
    domain = (account.value.domain if account.value else names.domain).text
    hosts = tuple(dict.fromkeys(map(krb5_conf.host_of, services.spns)))
    value = Krb5Conf(domain, hosts, krb5_conf.render(domain, hosts))
    strangers = [host for host in hosts if krb5_conf.is_full_name(host) and not krb5_conf.belongs(host, domain)]
    if not strangers:
        return Given(value, passed(f"names below {domain} are of the realm {domain.upper()}"))
    options = " ".join(f"--spn {posix(spn)}" for spn in services.spns)
    return Given(
        value,
        warned(
            f"the name of {', '.join(strangers)} does not say that it is of {domain.upper()}: whether a client finds "
            "the realm depends on the client",
            observed=", ".join(strangers),
            expected=f"a name below {domain}, or a [domain_realm] section that names the host",
            fix=Fix(
                "Put a krb5.conf into the image as /etc/krb5.conf (for Java, name it with java.security.krb5.conf), or "
                f"name the server by a name below {domain} that has an SPN.",
                (f"gmsa-doctor krb5-conf --domain {posix(domain)} {options} > krb5.conf",),
            ),
            rows=tuple(
                Row(host, Status.WARN if host in strangers else Status.PASS, _realm_of(host, domain)) for host in hosts
            ),
        ),
    )


def _realm_of(host: str, domain: str) -> str:
    return f"of {domain}" if krb5_conf.belongs(host, domain) else f"{host.lower()} = {domain.upper()}"
