"""Each domain controller that the SRV records name, by itself: what it says of itself before anybody logs on.

Credentials Fetcher takes the domain controllers in the order of the answer, and DNS servers of the AD turn that order
with every answer: one that is ill of three is met first by about every third task.
"""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.authoring import Finding, Fix, Given, Result, Row, Status, check, passed, unknown, warned
from gmsa_doctor.clients.ldap.directory import Ldap, RootDse
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor_checks import links
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain import srv_name
from gmsa_doctor_checks.values import DomainControllers, DomainName, Endpoint, ReachableLdap

GMSA_LEVEL = 5
"""The functionality of a domain controller that knows gMSAs: Windows Server 2012. Source: MS-ADTS 3.1.1.4.5.39."""

MOST = 32
"""Domain controllers that are looked at one by one: a large domain has hundreds."""

NAMED = 6
"""Hosts that a sentence names at most; the rows name all."""

_LEVELS = {0: "2000", 2: "2003", 3: "2008", 4: "2008 R2", 5: "2012", 6: "2012 R2", 7: "2016", 10: "2025"}
"""Source: MS-ADTS 6.1.4.2 (msDS-Behavior-Version: DC Functional Level)."""


@dataclass(frozen=True)
class RootDses:
    """What the domain controllers say of themselves; ``asked`` are the hosts of the SRV answer, in its order."""

    domain: DomainName
    asked: tuple[str, ...]
    answers: tuple[tuple[Endpoint, RootDse], ...]

    @property
    def of_domain(self) -> tuple[tuple[Endpoint, RootDse], ...]:
        """Those that serve the domain."""
        return tuple(one for one in self.answers if serves(one[1], self.domain))


@check(
    "domain-controllers.root-dse",
    title="Each domain controller says who it is",
    docs=links.DC_LOCATOR,
)
def root_dses(controllers: DomainControllers, reachable: ReachableLdap, ldap: Ldap) -> Result[RootDses]:
    """Asks each domain controller whose LDAP port is open for its root DSE: domain, site, Windows level, time.

    Why: a port that is open proves no directory service. Credentials Fetcher 1.3 has no time limit: one domain
    controller that accepts and stays silent blocks it for good.

    Fix: restart the directory service of the domain controller that does not answer, see what stands between, or take
    its SRV records out of DNS.
    """
    answers = each(reachable.endpoints[:MOST], lambda one: ldap.root_dse(one.address, one.port))
    hosts = tuple(dict.fromkeys(one.host for one in controllers.ldap))
    value = RootDses(
        controllers.domain, hosts, tuple((one, dse) for one, dse in answers if not isinstance(dse, ClientError))
    )
    silent = tuple((one, error) for one, error in answers if isinstance(error, ClientError))
    rows = tuple(_row(one, answer) for one, answer in answers)
    if not value.answers:
        return unknown(f"no domain controller says who it is: {silent[0][1].text}", rows=rows)
    if silent:
        bad = tuple(one.host for one, _ in silent)
        finding = warned(
            f"{names(bad)} accepts LDAP connections and says nothing of itself; {how_often(bad, hosts)}",
            observed="; ".join(error.text for _, error in silent),
            expected="an answer from each domain controller",
            fix=Fix(
                f"See whether the directory service (NTDS) of {names(bad)} runs, and what stands between; or take its "
                "SRV records out of DNS.",
                ("Get-Service NTDS", "dcdiag /test:Services /test:Advertising"),
            ),
            rows=rows,
        )
        return Given(value, finding)
    level = min(
        (one.domain_functionality for _, one in value.answers if one.domain_functionality is not None), default=None
    )
    told = f", domain level {windows(level)}" if level is not None else ""
    of = f"each of {len(answers)}" if len(answers) == len(reachable.endpoints) else f"each of the first {len(answers)}"
    return Given(value, passed(f"{of} answers{told}", rows=rows))


def _row(endpoint: Endpoint, answer: RootDse | ClientError) -> Row:
    if isinstance(answer, ClientError):
        return Row(place(endpoint), Status.WARN, answer.text)
    parts = (
        dns_name(answer.default_naming_context) or "no domain",
        f"site {answer.site}" if answer.site else "",
        windows(answer.controller_functionality),
        "read-only" if answer.read_only else "",
        f"{answer.seconds_ahead:+.0f} s",
    )
    return Row(place(endpoint), Status.PASS, ", ".join(part for part in parts if part))


@check(
    "domain-controllers.domain",
    title="Each domain controller serves the domain",
    docs=links.DC_LOCATOR,
)
def domain(dses: RootDses) -> Finding:
    """Compares the domain that each domain controller serves (`defaultNamingContext`) with the one that is asked for.

    Why: an SRV record that was made by hand, or left over from a migration, can name a domain controller of another
    domain. It has no ticket, no user and no gMSA for us.

    Fix: take the other domain's hosts out of the SRV records.
    """
    foreign = [(one, dse) for one, dse in dses.answers if not serves(dse, dses.domain)]
    if not foreign:
        return passed(f"each serves {dses.domain.text}")
    endpoint, dse = foreign[0]
    bad = tuple(one.host for one, _ in foreign)
    other = dns_name(dse.default_naming_context) or "no domain at all"
    srv = srv_name(dses.domain)
    return warned(
        f"the SRV records of {dses.domain.text} name {names(bad)}, which serves {other}; {how_often(bad, dses.asked)}",
        observed=f"{place(endpoint)}: defaultNamingContext {dse.default_naming_context or 'missing'}",
        expected=dses.domain.base_dn,
        fix=Fix(
            f"Take {names(bad)} out of the SRV records of {dses.domain.text} (`_ldap._tcp…` and `_kerberos._tcp…`).",
            (f"dig +short SRV {posix(srv)}",),
        ),
        rows=tuple(
            Row(
                place(one),
                Status.PASS if serves(dse, dses.domain) else Status.WARN,
                dse.default_naming_context or "no defaultNamingContext",
            )
            for one, dse in dses.answers
        ),
    )


@check(
    "domain-controllers.functional-level",
    title="Each domain controller knows gMSAs",
    docs=links.GMSA_ACCOUNTS,
)
def functional_level(dses: RootDses) -> Finding:
    """Looks at the Windows level of each domain controller (`domainControllerFunctionality`): 2012 or later.

    Why: a domain controller of Windows Server 2008 R2 or before has no `msDS-ManagedPassword`: a task that asks it
    first is refused as if it were not permitted. The domain's own level may be lower; that alone stops nothing.

    Fix: raise or retire the old domain controller, or take its SRV records out of DNS.
    """
    old = [
        (one, dse)
        for one, dse in dses.of_domain
        if dse.controller_functionality is not None and dse.controller_functionality < GMSA_LEVEL
    ]
    if not old:
        return passed("each is of Windows Server 2012 or later, as far as it says")
    bad = tuple(one.host for one, _ in old)
    return warned(
        f"{names(bad)} is older than Windows Server 2012 and knows no gMSA; {how_often(bad, dses.asked)}",
        observed="; ".join(f"{one.host}: {windows(dse.controller_functionality)}" for one, dse in old),
        expected=f"domainControllerFunctionality {GMSA_LEVEL} (Windows Server 2012) or more",
        fix=Fix(
            "Replace the old domain controller by a newer one, or take its SRV records out of DNS.",
            ("Get-ADDomainController -Filter * | Select-Object HostName,OperatingSystem",),
        ),
        rows=tuple(
            Row(
                place(one),
                Status.WARN if one.host in bad else Status.PASS,
                windows(dse.controller_functionality) or "tells no level",
            )
            for one, dse in dses.of_domain
        ),
    )


@check(
    "domain-controllers.read-only",
    title="The domain controllers are writable",
    docs=links.MANAGED_PASSWORD,
)
def read_only(dses: RootDses) -> Finding:
    """Looks for read-only domain controllers (RODC) among those that the SRV records name.

    Why: an RODC cannot make a gMSA's password: it passes the request on to a writable domain controller, and as a rule
    the user's logon too. Where it cannot reach one, the task fails. By itself it registers the SRV records of its site
    only, not those of the whole domain.

    Fix: leave RODCs out of the domain-wide SRV records, or see that they reach a writable domain controller.
    """
    found = [one for one, dse in dses.of_domain if dse.read_only]
    if not found:
        return passed("none is read-only")
    bad = tuple(one.host for one in found)
    return warned(
        f"{names(bad)} is read-only: it passes the request for the gMSA's password on to a writable domain controller, "
        f"if it reaches one; {how_often(bad, dses.asked)}",
        observed=f"read-only: {', '.join(place(one) for one in found)}",
        expected="writable domain controllers in the SRV records of the whole domain",
        fix=Fix(
            "Take it out of the domain-wide SRV records (those of its site may stay), or see that it always reaches a "
            "writable domain controller.",
            ("Get-ADDomainController -Filter {IsReadOnly -eq $true} | Select-Object HostName,Site",),
        ),
        rows=tuple(
            Row(
                place(one),
                Status.WARN if dse.read_only else Status.PASS,
                "read-only" if dse.read_only else "writable",
            )
            for one, dse in dses.of_domain
        ),
    )


# Words ----------------------------------------------------------------------------------------------


def how_often(bad: tuple[str, ...], asked: tuple[str, ...]) -> str:
    """How often a task meets one of the bad hosts first, if DNS turns the order of its answer."""
    some, of = len(set(bad)), len(set(asked) | set(bad))
    if some >= of:
        return "every task meets it"
    ordinals = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
    share = f"about every {ordinals.get(of, f'{of}th')} start" if some == 1 else f"about {some} of {of} starts"
    return f"{some} of {of}: {share} asks it first, as DNS turns its answer"


def names(hosts: tuple[str, ...]) -> str:
    """Hosts, each once; of many the first."""
    each_once = list(dict.fromkeys(hosts))
    more = len(each_once) - NAMED
    return ", ".join(each_once[:NAMED]) + (f" and {more} more" if more > 0 else "")


def place(endpoint: Endpoint) -> str:
    """A domain controller as a row names it."""
    return f"{endpoint.host} ({endpoint.address})"


def serves(dse: RootDse, domain: DomainName) -> bool:
    """Whether it is a domain controller of the domain."""
    return dns_name(dse.default_naming_context) == domain.text


def dns_name(dn: str) -> str:
    """``DC=corp,DC=example`` as ``corp.example``; empty where it is no such DN."""
    parts = [part.strip().partition("=") for part in dn.split(",")] if dn else []
    return ".".join(value for _, _, value in parts).lower() if all(key.upper() == "DC" for key, _, _ in parts) else ""


def windows(level: int | None) -> str:
    """A functionality as the Windows Server that brought it; empty where it is not known."""
    if level is None:
        return ""
    return f"Windows Server {_LEVELS[level]}" if level in _LEVELS else f"level {level}"
