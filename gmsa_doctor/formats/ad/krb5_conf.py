"""The Kerberos configuration of a container: krb5.conf(5) of MIT Kerberos, which Java also reads."""

from __future__ import annotations

import ipaddress

_TEXT = """\
# /etc/krb5.conf of the container's image, for {realm}. Written by gmsa-doctor.
[libdefaults]
    default_realm = {realm}

    # Find the domain controllers by their SRV records in DNS.
    dns_lookup_kdc = true
    dns_lookup_realm = false

    # Build the SPN from the server's name as the application writes it,
    # not from a PTR record or an alias.
    rdns = false
    dns_canonicalize_hostname = false

[domain_realm]
    # The realm of each server.
{hosts}
"""


def belongs(host: str, domain: str) -> bool:
    """Whether the host is the domain or in it. Case is ignored."""
    host, domain = host.lower(), domain.lower()
    return host == domain or host.endswith(f".{domain}")


def is_outside(host: str, domain: str) -> bool:
    """Whether the host has a full DNS name that is not in the domain."""
    return is_full_name(host) and not belongs(host, domain)


def is_full_name(host: str) -> bool:
    """Whether it is a DNS name with a dot, not an IP address. Only such a name can have an SPN."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return "." in host
    return False


def host_of(spn: str) -> str:
    """The host in an SPN: ``MSSQLSvc/host:1433``."""
    host = spn.partition("/")[2].partition("/")[0]
    return host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host


def realm_of(host: str, domains: tuple[str, ...]) -> str:
    """The realm of the host: that of the longest of the domains that contains it; empty if none does."""
    return max((domain for domain in domains if belongs(host, domain)), key=len, default="").upper()


def render(domain: str, hosts: tuple[str, ...] = (), domains: tuple[str, ...] = (), ours: tuple[str, ...] = ()) -> str:
    """The file for an AD domain, with a line for each server whose realm is known.

    ``domains`` are other domains, which trust it or are in its forest. ``ours`` are servers outside the domain whose
    SPNs are registered in it. The realm of another server is not guessed: a KDC refers to it.
    """
    realm, domain = domain.upper(), domain.lower()
    lines = [f"    {name} = {realm}" for name in (f".{domain}", domain, *sorted({host.lower() for host in ours}))]
    used: dict[str, None] = {}
    for host in dict.fromkeys(host.lower() for host in hosts if is_outside(host, domain)):
        if other := realm_of(host, domains):
            used |= dict.fromkeys((f"    .{other.lower()} = {other}", f"    {other.lower()} = {other}"))
        elif host not in ours:
            line = f"    # {host} is outside {domain}. If its SPN is registered in {domain}, add: {host} = {realm}"
            used[line] = None
    return _TEXT.format(realm=realm, hosts="\n".join((*lines, *used)))
