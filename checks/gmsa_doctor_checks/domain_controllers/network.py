"""Whether the ports that Credentials Fetcher needs are open from here."""

from __future__ import annotations

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    Row,
    Status,
    check,
    failed,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain_controllers.root_dse import how_often, names
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.reachability.flow import Need
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.values import DomainControllers, Endpoint, ReachableKdcs, ReachableLdap

AT_ONCE = 128
"""Connections that are tried at the same time: a large domain has hundreds of domain controllers, most out of reach."""


@check(
    "network.kerberos",
    title="The KDCs accept connections",
    docs=links.FARGATE_NETWORK,
    shows=(texts.USER_TICKET, texts.CATCH_ALL),
)
def kerberos(
    controllers: DomainControllers, tcp: Tcp, vantage: Vantage, passage: Outcome[Passage]
) -> Result[ReachableKdcs]:
    """Opens a TCP connection to the Kerberos port (88) of each KDC that DNS names.

    Why: without a KDC there is no ticket. Kerberos waits long for one that drops packets, and which domain
    controller is asked first is chance.

    Fix: allow TCP and UDP 88 from the task's security group to every domain controller, in the security
    groups, the network ACLs (return ports too) and the firewalls between.
    """
    open_, finding, silent = _try_all(controllers.kdcs, "Kerberos", tcp)
    if not open_:
        return _closed(finding, silent, passage, Need.KERBEROS, vantage)
    return Given(ReachableKdcs(controllers.domain, open_), finding)


@check(
    "network.ldap",
    title="The domain controllers accept LDAP connections",
    docs=links.FARGATE_NETWORK,
    shows=(texts.NO_DC_ANSWERS, texts.BIND),
)
def ldap(
    controllers: DomainControllers,
    tcp: Tcp,
    vantage: Vantage,
    passage: Outcome[Passage],
    kdcs: Outcome[ReachableKdcs],
) -> Result[ReachableLdap]:
    """Opens a TCP connection to the LDAP port (389) of each domain controller that DNS names.

    Domain controllers that accept nothing at all are one fault, and it is told of once: by network.kerberos.

    Why: Credentials Fetcher reads the gMSA's password by LDAP on port 389 (not 636). The 1.3 daemon has no
    time limit there: one domain controller that drops packets costs minutes.

    Fix: allow TCP 389 from the task's security group to every domain controller, in the security groups, the
    network ACLs (return ports too) and the firewalls between.
    """
    open_, finding, silent = _try_all(controllers.ldap, "LDAP", tcp)
    if not open_:
        closed = _closed(finding, silent, passage, Need.LDAP, vantage)
        return _also_closed(closed, kdcs.finding) if _all_dead(controllers, kdcs) else closed
    return Given(ReachableLdap(controllers.domain, open_), finding)


def _try_all(endpoints: tuple[Endpoint, ...], service: str, tcp: Tcp) -> tuple[tuple[Endpoint, ...], Finding, bool]:
    """The endpoints that accept a connection, the finding, and whether any gives no answer at all."""
    answers = each(endpoints, lambda one: tcp.connect(one.address, one.port), AT_ONCE)
    open_ = tuple(one for one, answer in answers if not isinstance(answer, ClientError))
    closed = [(one, answer) for one, answer in answers if isinstance(answer, ClientError)]
    rows = tuple(
        Row(str(one), Status.WARN, answer.text)
        if isinstance(answer, ClientError)
        else Row(str(one), Status.PASS, f"open after {answer * 1000:.0f} ms")
        for one, answer in answers
    )
    if not closed:
        return open_, passed(f"{service} is open on {_hosts(open_)}", rows=rows), False
    silent = any(not isinstance(answer, Refused) for _, answer in closed)
    why = "; ".join(answer.text for _, answer in closed)
    ports = ", ".join(sorted({str(one.port) for one, _ in closed}))
    shut = tuple(one for one, _ in closed)
    also = "; where 389 is closed too (network.ldap), that as well" if service == "Kerberos" else ""
    fix = Fix(
        f"See whether {_hosts(shut)} runs and is a domain controller still. If so, allow TCP {ports} from the task's "
        f"security group to {', '.join(sorted({one.address for one in shut}))}{also}: security groups on both sides, "
        "network ACLs (return ports 1024-65535 too), routes and firewalls.",
        tuple(f"nc -vz -w 3 {posix(one.address)} {one.port}" for one in shut[:3]),
    )
    expected = f"TCP {ports} open on each domain controller"
    if open_:
        often = how_often(tuple(one.host for one in shut), tuple(one.host for one in endpoints))
        summary = f"{service} is open on {_hosts(open_)} but not on {_hosts(shut)}; {often}, and waits"
        return open_, warned(summary, observed=why, expected=expected, fix=fix, rows=rows), silent
    shows = texts.USER_TICKET if service == "Kerberos" else texts.BIND
    summary = f"no domain controller accepts {service} connections: {why}"
    return (), failed(summary, observed=why, expected=expected, fix=fix, shows_as=shows, rows=rows), silent


def _closed(finding: Finding, silent: bool, passage: Outcome[Passage], need: Need, vantage: Vantage) -> Finding:
    """Silence that is to be expected with these routes, security groups or network ACLs is no fault of its own."""
    ids = passage.value.closed_by(need) if passage.value else ()
    if silent and ids:
        return skipped(f"as is to be expected with what the network lets pass: {finding.summary}", because=ids)
    return judge_silence(finding, vantage)


def _all_dead(controllers: DomainControllers, kdcs: Outcome[ReachableKdcs]) -> bool:
    """No KDC accepts connections, which is a failure, and LDAP, closed as well, is on no other host."""
    hosts = {one.address for one in controllers.kdcs}
    return kdcs.finding.status is Status.FAIL and hosts >= {one.address for one in controllers.ldap}


def _also_closed(closed: Finding, kerberos: Finding) -> Finding:
    """A failure that has its cause in that of Kerberos; what is skipped has its own."""
    if closed.status is not Status.FAIL:
        return closed
    return skipped(f"as closed as Kerberos on the same hosts: {closed.summary}", because=(kerberos.check,))


def _hosts(endpoints: tuple[Endpoint, ...]) -> str:
    return names(tuple(one.host for one in endpoints))
