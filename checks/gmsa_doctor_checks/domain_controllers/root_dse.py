"""The rootDSE of each domain controller, read without a logon.

Credentials Fetcher asks the domain controllers in the order of the SRV answer, which the AD's DNS servers rotate: if
one of three does not work, about every third task asks it first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from gmsa_doctor.authoring import Finding, Fix, Given, Result, Row, Status, check, listed, passed, unknown, warned
from gmsa_doctor.clients.ldap.client import Ldap, RootDse
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import srv_name
from gmsa_doctor_checks.silence import split
from gmsa_doctor_checks.values import DomainControllers, DomainName, Endpoint, ReachableLdap

MOST = 32
"""The maximum number of domain controllers that are asked: a large domain has hundreds."""

NAMED = 6
"""The maximum number of hosts in a sentence; the rows list all."""

GMSA_LEVEL = 5
"""The lowest functional level that supports gMSAs: Windows Server 2012. Source: MS-ADTS 3.1.1.4.5.39."""

_LEVELS = {0: "2000", 2: "2003", 3: "2008", 4: "2008 R2", 5: "2012", 6: "2012 R2", 7: "2016", 10: "2025"}
"""Source: MS-ADTS 6.1.4.2 (msDS-Behavior-Version: DC Functional Level)."""


@dataclass(frozen=True)
class RootDses:
    """The rootDSEs of the domain controllers; ``srv_hosts``: the hosts of the SRV answer, in its order."""

    domain: DomainName
    srv_hosts: tuple[str, ...]
    answers: tuple[tuple[Endpoint, RootDse], ...]

    @property
    def of_domain(self) -> tuple[tuple[Endpoint, RootDse], ...]:
        """The rootDSEs of the domain controllers that serve the domain."""
        return tuple((endpoint, dse) for endpoint, dse in self.answers if serves(dse, self.domain))


@check("domain-controllers.root-dse", title="Each domain controller returns its rootDSE", docs=links.DC_LOCATOR)
def root_dses(controllers: DomainControllers, reachable: ReachableLdap, ldap: Ldap) -> Result[RootDses]:
    """Reads the rootDSE of each domain controller whose LDAP port is open: domain, site, functional level, time.

    Why: an open port does not prove that a directory service answers. Credentials Fetcher 1.3 has no time limit: one
    domain controller that accepts connections but does not answer blocks it forever.

    Fix: Restart the directory service of the domain controller that does not answer, check the proxies and firewalls in
    front of it, or remove its SRV records from DNS.
    """
    answers = each(reachable.endpoints[:MOST], lambda endpoint: ldap.root_dse(endpoint.address, endpoint.port))
    dses, errors = split(answers)
    srv_hosts = tuple(dict.fromkeys(endpoint.host for endpoint in controllers.ldap))
    value = RootDses(controllers.domain, srv_hosts, tuple(dses.items()))
    rows = tuple(_row(endpoint, answer) for endpoint, answer in answers)
    if not dses:
        return unknown(f"no domain controller returns its rootDSE: {next(iter(errors.values())).text}", rows=rows)
    if errors:
        silent = [endpoint.host for endpoint in errors]
        finding = warned(
            f"{names(silent)} accepts LDAP connections but does not return its rootDSE; {how_often(silent, srv_hosts)}",
            observed="; ".join(error.text for error in errors.values()),
            expected="an answer from each domain controller",
            fix=Fix(
                f"Check that the directory service (NTDS) of {names(silent)} is running, and that no proxy or firewall "
                "interferes. Or remove its SRV records from DNS.",
                ("Get-Service NTDS", "dcdiag /test:Services /test:Advertising"),
            ),
            rows=rows,
        )
        return Given(value, finding)
    levels = [dse.domain_functionality for dse in dses.values() if dse.domain_functionality is not None]
    level = f", domain functional level {windows(min(levels))}" if levels else ""
    first = "" if len(answers) == len(reachable.endpoints) else "the first "
    return Given(value, passed(f"each of {first}{len(answers)} answers{level}", rows=rows))


def _row(endpoint: Endpoint, answer: RootDse | ClientError) -> Row:
    if isinstance(answer, ClientError):
        return row(endpoint, answer.text, bad=True)
    parts = (
        dns_name(answer.default_naming_context) or "no domain",
        f"site {answer.site}" if answer.site else "",
        windows(answer.controller_functionality),
        "read-only" if answer.read_only else "",
        f"{answer.seconds_ahead:+.0f} s",
    )
    return row(endpoint, ", ".join(filter(None, parts)))


@check("domain-controllers.domain", title="Each domain controller serves the domain", docs=links.DC_LOCATOR)
def domain(dses: RootDses) -> Finding:
    """Compares the domain that each domain controller serves (`defaultNamingContext`) with the AD domain.

    Why: an SRV record that was created manually, or left over from a migration, can point to a domain controller of
    another domain, which does not have this domain's users and gMSAs.

    Fix: Remove the other domain's hosts from the SRV records.
    """
    foreign = {endpoint: dse for endpoint, dse in dses.answers if not serves(dse, dses.domain)}
    if not foreign:
        return passed(f"each serves {dses.domain.text}")
    endpoint, dse = next(iter(foreign.items()))
    hosts = [foreigner.host for foreigner in foreign]
    return warned(
        f"the SRV records of {dses.domain.text} list {names(hosts)}, which serves "
        f"{dns_name(dse.default_naming_context) or 'no domain'}; "
        f"{how_often(hosts, dses.srv_hosts)}",
        observed=f"{place(endpoint)}: defaultNamingContext {dse.default_naming_context or 'missing'}",
        expected=dses.domain.base_dn,
        fix=Fix(
            f"Remove {names(hosts)} from the SRV records of {dses.domain.text} (`_ldap._tcp…` and `_kerberos._tcp…`).",
            (f"dig +short SRV {posix(srv_name(dses.domain))}",),
        ),
        rows=_rows(dses.answers, foreign, lambda dse: dse.default_naming_context or "no defaultNamingContext"),
    )


@check("domain-controllers.functional-level", title="Each domain controller supports gMSAs", docs=links.GMSA_ACCOUNTS)
def functional_level(dses: RootDses) -> Finding:
    """Reads the functional level of each domain controller (`domainControllerFunctionality`): 2012 or later.

    Why: a domain controller with Windows Server 2008 R2 or earlier has no `msDS-ManagedPassword`: a task that asks it
    first fails as if it had no permission. A lower level of the domain itself does no harm.

    Fix: Upgrade or retire the old domain controller, or remove its SRV records from DNS.
    """
    old = {
        endpoint: dse.controller_functionality
        for endpoint, dse in dses.of_domain
        if dse.controller_functionality is not None and dse.controller_functionality < GMSA_LEVEL
    }
    if not old:
        return passed("each reports Windows Server 2012 or later, or no level")
    hosts = [endpoint.host for endpoint in old]
    return warned(
        f"{names(hosts)} is older than Windows Server 2012 and does not support gMSAs; "
        f"{how_often(hosts, dses.srv_hosts)}",
        observed="; ".join(f"{endpoint.host}: {windows(level)}" for endpoint, level in old.items()),
        expected=f"domainControllerFunctionality {GMSA_LEVEL} (Windows Server 2012) or more",
        fix=Fix(
            "Replace the old domain controller with a newer one, or remove its SRV records from DNS.",
            ("Get-ADDomainController -Filter * | Select-Object HostName,OperatingSystem",),
        ),
        rows=_rows(dses.of_domain, old, lambda dse: windows(dse.controller_functionality) or "reports no level"),
    )


@check("domain-controllers.read-only", title="The domain controllers are writable", docs=links.MANAGED_PASSWORD)
def read_only(dses: RootDses) -> Finding:
    """Looks for read-only domain controllers (RODC) in the SRV records.

    Why: an RODC cannot compute a gMSA's password: it forwards the request to a writable domain controller, and usually
    the user's logon too. If it cannot reach one, the task fails. By default, an RODC registers SRV records for its own
    site only, not for the whole domain.

    Fix: Remove RODCs from the domain-wide SRV records, or make sure that they reach a writable domain controller.
    """
    found = [endpoint for endpoint, dse in dses.of_domain if dse.read_only]
    if not found:
        return passed("none is read-only")
    hosts = [endpoint.host for endpoint in found]
    return warned(
        f"{names(hosts)} is read-only: it must forward the request for the gMSA's password to a writable domain "
        f"controller; {how_often(hosts, dses.srv_hosts)}",
        observed=f"read-only: {', '.join(map(place, found))}",
        expected="writable domain controllers in the SRV records of the whole domain",
        fix=Fix(
            "Remove it from the domain-wide SRV records (its site's records may stay), or make sure that it always "
            "reaches a writable domain controller.",
            ("Get-ADDomainController -Filter {IsReadOnly -eq $true} | Select-Object HostName,Site",),
        ),
        rows=_rows(dses.of_domain, found, lambda dse: "read-only" if dse.read_only else "writable"),
    )


def _rows(
    answers: Collection[tuple[Endpoint, RootDse]], bad: Collection[Endpoint], text: Callable[[RootDse], str]
) -> tuple[Row, ...]:
    return tuple(row(endpoint, text(dse), bad=endpoint in bad) for endpoint, dse in answers)


def windows(level: int | None) -> str:
    """A functional level as the Windows Server version that introduced it; empty if it is not known."""
    if level is None:
        return ""
    return f"Windows Server {_LEVELS[level]}" if level in _LEVELS else f"level {level}"


def serves(dse: RootDse, domain: DomainName) -> bool:
    """Whether it is a domain controller of the domain."""
    return dns_name(dse.default_naming_context) == domain.text


def dns_name(dn: str) -> str:
    """``DC=corp,DC=example`` as ``corp.example``; empty if it is not such a DN."""
    parts = [part.strip().partition("=") for part in dn.split(",")] if dn else []
    return ".".join(value for _, _, value in parts).lower() if all(key.upper() == "DC" for key, _, _ in parts) else ""


def how_often(bad: Iterable[str], srv_hosts: Iterable[str]) -> str:
    """How often a task asks one of these hosts first, if DNS rotates the order of its answer."""
    hosts = set(bad)
    count, total = len(hosts), len(hosts | set(srv_hosts))
    if count >= total:
        return "this affects every task"
    nth = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(total, f"{total}th")
    share = f"about every {nth} task asks it" if count == 1 else "as many tasks ask one of them"
    return f"{count} of {total} domain controllers: {share} first (DNS rotates the order)"


def names(hosts: Iterable[str]) -> str:
    """The hosts' names without duplicates, shortened if there are many."""
    return listed(dict.fromkeys(hosts), NAMED)


def place(endpoint: Endpoint) -> str:
    """The name of a domain controller's row."""
    return f"{endpoint.host} ({endpoint.address})"


def row(endpoint: Endpoint, text: str, *, bad: bool = False) -> Row:
    """The row of a domain controller: a warning if ``bad``."""
    return Row(place(endpoint), Status.WARN if bad else Status.PASS, text)
