"""What each domain controller says of itself in its root DSE, before anybody logs on.

Credentials Fetcher asks the domain controllers in the order of the SRV answer, which DNS servers of the AD rotate: if
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
"""Domain controllers that are asked one by one: a large domain has hundreds."""

NAMED = 6
"""Hosts that a sentence names at most; the rows name all."""


GMSA_LEVEL = 5
"""The functionality of a domain controller that knows gMSAs: Windows Server 2012. Source: MS-ADTS 3.1.1.4.5.39."""

_LEVELS = {0: "2000", 2: "2003", 3: "2008", 4: "2008 R2", 5: "2012", 6: "2012 R2", 7: "2016", 10: "2025"}
"""Source: MS-ADTS 6.1.4.2 (msDS-Behavior-Version: DC Functional Level)."""


@dataclass(frozen=True)
class RootDses:
    """The root DSEs of the domain controllers; ``asked`` are the hosts of the SRV answer, in its order."""

    domain: DomainName
    asked: tuple[str, ...]
    answers: tuple[tuple[Endpoint, RootDse], ...]

    @property
    def of_domain(self) -> tuple[tuple[Endpoint, RootDse], ...]:
        """Those of domain controllers that serve the domain."""
        return tuple((endpoint, dse) for endpoint, dse in self.answers if serves(dse, self.domain))


@check("domain-controllers.root-dse", title="Each domain controller says who it is", docs=links.DC_LOCATOR)
def root_dses(controllers: DomainControllers, reachable: ReachableLdap, ldap: Ldap) -> Result[RootDses]:
    """Asks each domain controller whose LDAP port is open for its root DSE: domain, site, Windows level, time.

    Why: a port that is open proves no directory service. Credentials Fetcher 1.3 has no time limit: one domain
    controller that accepts and stays silent blocks it for good.

    Fix: restart the directory service of the domain controller that does not answer, see what stands between, or take
    its SRV records out of DNS.
    """
    answers = each(reachable.endpoints[:MOST], lambda endpoint: ldap.root_dse(endpoint.address, endpoint.port))
    dses, errors = split(answers)
    asked = tuple(dict.fromkeys(endpoint.host for endpoint in controllers.ldap))
    value = RootDses(controllers.domain, asked, tuple(dses.items()))
    rows = tuple(_row(endpoint, answer) for endpoint, answer in answers)
    if not dses:
        return unknown(f"no domain controller says who it is: {next(iter(errors.values())).text}", rows=rows)
    if errors:
        silent = [endpoint.host for endpoint in errors]
        finding = warned(
            f"{names(silent)} accepts LDAP connections and says nothing of itself; {how_often(silent, asked)}",
            observed="; ".join(error.text for error in errors.values()),
            expected="an answer from each domain controller",
            fix=Fix(
                f"See whether the directory service (NTDS) of {names(silent)} runs, and what stands between; or take "
                "its SRV records out of DNS.",
                ("Get-Service NTDS", "dcdiag /test:Services /test:Advertising"),
            ),
            rows=rows,
        )
        return Given(value, finding)
    levels = [dse.domain_functionality for dse in dses.values() if dse.domain_functionality is not None]
    level = f", domain level {windows(min(levels))}" if levels else ""
    of = f"each of {len(answers)}" if len(answers) == len(reachable.endpoints) else f"each of the first {len(answers)}"
    return Given(value, passed(f"{of} answers{level}", rows=rows))


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
    """Compares the domain that each domain controller serves (`defaultNamingContext`) with the one that is asked for.

    Why: an SRV record that was made by hand, or left over from a migration, can name a domain controller of another
    domain. It has no ticket, no user and no gMSA for us.

    Fix: take the other domain's hosts out of the SRV records.
    """
    foreign = {endpoint: dse for endpoint, dse in dses.answers if not serves(dse, dses.domain)}
    if not foreign:
        return passed(f"each serves {dses.domain.text}")
    endpoint, dse = next(iter(foreign.items()))
    hosts = [foreigner.host for foreigner in foreign]
    domain_served = dns_name(dse.default_naming_context) or "no domain at all"
    return warned(
        f"the SRV records of {dses.domain.text} name {names(hosts)}, which serves {domain_served}; "
        f"{how_often(hosts, dses.asked)}",
        observed=f"{place(endpoint)}: defaultNamingContext {dse.default_naming_context or 'missing'}",
        expected=dses.domain.base_dn,
        fix=Fix(
            f"Take {names(hosts)} out of the SRV records of {dses.domain.text} (`_ldap._tcp…` and `_kerberos._tcp…`).",
            (f"dig +short SRV {posix(srv_name(dses.domain))}",),
        ),
        rows=_rows(dses.answers, foreign, lambda dse: dse.default_naming_context or "no defaultNamingContext"),
    )


@check("domain-controllers.functional-level", title="Each domain controller knows gMSAs", docs=links.GMSA_ACCOUNTS)
def functional_level(dses: RootDses) -> Finding:
    """Looks at the Windows level of each domain controller (`domainControllerFunctionality`): 2012 or later.

    Why: a domain controller of Windows Server 2008 R2 or before has no `msDS-ManagedPassword`: a task that asks it
    first is refused as if it were not permitted. The domain's own level may be lower; that alone stops nothing.

    Fix: raise or retire the old domain controller, or take its SRV records out of DNS.
    """
    old = {
        endpoint: dse.controller_functionality
        for endpoint, dse in dses.of_domain
        if dse.controller_functionality is not None and dse.controller_functionality < GMSA_LEVEL
    }
    if not old:
        return passed("each is of Windows Server 2012 or later, as far as it says")
    hosts = [endpoint.host for endpoint in old]
    return warned(
        f"{names(hosts)} is older than Windows Server 2012 and knows no gMSA; {how_often(hosts, dses.asked)}",
        observed="; ".join(f"{endpoint.host}: {windows(level)}" for endpoint, level in old.items()),
        expected=f"domainControllerFunctionality {GMSA_LEVEL} (Windows Server 2012) or more",
        fix=Fix(
            "Replace the old domain controller by a newer one, or take its SRV records out of DNS.",
            ("Get-ADDomainController -Filter * | Select-Object HostName,OperatingSystem",),
        ),
        rows=_rows(dses.of_domain, old, lambda dse: windows(dse.controller_functionality) or "tells no level"),
    )


@check("domain-controllers.read-only", title="The domain controllers are writable", docs=links.MANAGED_PASSWORD)
def read_only(dses: RootDses) -> Finding:
    """Looks for read-only domain controllers (RODC) among those that the SRV records name.

    Why: an RODC cannot make a gMSA's password: it passes the request on to a writable domain controller, and as a rule
    the user's logon too. Where it cannot reach one, the task fails. By itself it registers the SRV records of its site
    only, not those of the whole domain.

    Fix: leave RODCs out of the domain-wide SRV records, or see that they reach a writable domain controller.
    """
    found = [endpoint for endpoint, dse in dses.of_domain if dse.read_only]
    if not found:
        return passed("none is read-only")
    hosts = [endpoint.host for endpoint in found]
    return warned(
        f"{names(hosts)} is read-only: it passes the request for the gMSA's password on to a writable domain "
        f"controller, if it reaches one; {how_often(hosts, dses.asked)}",
        observed=f"read-only: {', '.join(map(place, found))}",
        expected="writable domain controllers in the SRV records of the whole domain",
        fix=Fix(
            "Take it out of the domain-wide SRV records (those of its site may stay), or see that it always reaches a "
            "writable domain controller.",
            ("Get-ADDomainController -Filter {IsReadOnly -eq $true} | Select-Object HostName,Site",),
        ),
        rows=_rows(dses.of_domain, found, lambda dse: "read-only" if dse.read_only else "writable"),
    )


def _rows(
    answers: Collection[tuple[Endpoint, RootDse]], bad: Collection[Endpoint], text: Callable[[RootDse], str]
) -> tuple[Row, ...]:
    return tuple(row(endpoint, text(dse), bad=endpoint in bad) for endpoint, dse in answers)


def windows(level: int | None) -> str:
    """A functionality as the Windows Server that brought it; empty where it is not known."""
    if level is None:
        return ""
    return f"Windows Server {_LEVELS[level]}" if level in _LEVELS else f"level {level}"


def serves(dse: RootDse, domain: DomainName) -> bool:
    """Whether it is a domain controller of the domain."""
    return dns_name(dse.default_naming_context) == domain.text


def dns_name(dn: str) -> str:
    """``DC=corp,DC=example`` as ``corp.example``; empty where it is no such DN."""
    parts = [part.strip().partition("=") for part in dn.split(",")] if dn else []
    return ".".join(value for _, _, value in parts).lower() if all(key.upper() == "DC" for key, _, _ in parts) else ""


def how_often(bad: Iterable[str], asked: Iterable[str]) -> str:
    """How often a task asks one of the bad hosts first, if DNS rotates the order of its answer."""
    hosts = set(bad)
    some, of = len(hosts), len(hosts | set(asked))
    if some >= of:
        return "every task meets it"
    ordinals = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
    share = f"about every {ordinals.get(of, f'{of}th')} start" if some == 1 else f"about {some} of {of} starts"
    return f"{some} of {of}: {share} asks it first, as DNS turns its answer"


def names(hosts: Iterable[str]) -> str:
    """Hosts, each once; of many the first."""
    return listed(dict.fromkeys(hosts), NAMED)


def place(endpoint: Endpoint) -> str:
    """A domain controller as a row names it."""
    return f"{endpoint.host} ({endpoint.address})"


def row(endpoint: Endpoint, text: str, *, bad: bool = False) -> Row:
    """The row of a domain controller: a warning, or well."""
    return Row(place(endpoint), Status.WARN if bad else Status.PASS, text)
