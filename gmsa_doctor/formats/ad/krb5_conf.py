"""The Kerberos configuration of a container: krb5.conf(5) of MIT Kerberos, which Java reads too."""

from __future__ import annotations

import ipaddress

_TEXT = """\
# /etc/krb5.conf of the container's image, for {realm}. Written by gmsa-doctor.
[libdefaults]
    default_realm = {realm}

    # The domain controllers are found by their SRV records in DNS.
    dns_lookup_kdc = true
    dns_lookup_realm = false

    # The SPN that is asked for is made of the server's name as the application writes it:
    # no PTR record and no alias changes it.
    rdns = false
    dns_canonicalize_hostname = false

[domain_realm]
    # Of which realm a server is.
{hosts}
"""


def belongs(host: str, domain: str) -> bool:
    """Whether the host's name ends with the domain name. Case does not matter."""
    host, domain = host.lower(), domain.lower()
    return host == domain or host.endswith(f".{domain}")


def is_full_name(host: str) -> bool:
    """Whether it is a DNS name with a dot, and no IP address: only such a name can have an SPN that is found."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." in host
    return False


def host_of(spn: str) -> str:
    """The host of an SPN: ``MSSQLSvc/host:1433``."""
    host = spn.partition("/")[2].partition("/")[0]
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def render(domain: str, hosts: tuple[str, ...] = ()) -> str:
    """The file for an AD domain; ``hosts`` are servers of the domain with names outside it."""
    realm, domain = domain.upper(), domain.lower()
    strangers = dict.fromkeys(host.lower() for host in hosts if is_full_name(host) and not belongs(host, domain))
    lines = [f"    {name} = {realm}" for name in (f".{domain}", domain, *strangers)]
    return _TEXT.format(realm=realm, hosts="\n".join(lines))
