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
    deferred_to,
    failed,
    passed,
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
from gmsa_doctor_checks.silence import judge_silence, split
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
    reachable, finding, silent = _try_all(controllers.kdcs, Need.KERBEROS, tcp)
    if not reachable:
        return _closed(finding, silent, passage, Need.KERBEROS, vantage)
    return Given(ReachableKdcs(controllers.domain, reachable), finding)


@check(
    "network.ldap",
    title="The domain controllers accept LDAP connections",
    docs=links.FARGATE_NETWORK,
    shows=(texts.NO_DC_ANSWERS, texts.BIND),
)
def ldap(
    controllers: DomainControllers, tcp: Tcp, vantage: Vantage, passage: Outcome[Passage], kdcs: Outcome[ReachableKdcs]
) -> Result[ReachableLdap]:
    """Opens a TCP connection to the LDAP port (389) of each domain controller that DNS names.

    Domain controllers that accept nothing at all are one fault, and it is told of once: by network.kerberos.

    Why: Credentials Fetcher reads the gMSA's password by LDAP on port 389 (not 636). The 1.3 daemon has no
    time limit there: one domain controller that drops packets costs minutes.

    Fix: allow TCP 389 from the task's security group to every domain controller, in the security groups, the
    network ACLs (return ports too) and the firewalls between.
    """
    reachable, finding, silent = _try_all(controllers.ldap, Need.LDAP, tcp)
    if reachable:
        return Given(ReachableLdap(controllers.domain, reachable), finding)
    closed = _closed(finding, silent, passage, Need.LDAP, vantage)
    if closed.status is Status.FAIL and _no_kdc_either(controllers, kdcs.finding):
        return deferred_to(kdcs.finding, f"as closed as Kerberos on the same hosts: {closed.summary}")
    return closed


def _try_all(endpoints: tuple[Endpoint, ...], need: Need, tcp: Tcp) -> tuple[tuple[Endpoint, ...], Finding, bool]:
    """The endpoints that accept a connection, the finding, and whether any gives no answer at all."""
    answers = each(endpoints, lambda endpoint: tcp.connect(endpoint.address, endpoint.port), AT_ONCE)
    seconds, errors = split(answers)
    reachable, closed = tuple(seconds), tuple(errors)
    rows = tuple(_row(endpoint, answer) for endpoint, answer in answers)
    if not closed:
        return reachable, passed(f"{need} is open on {_hosts(reachable)}", rows=rows), False
    silent = any(not isinstance(error, Refused) for error in errors.values())
    why = "; ".join(error.text for error in errors.values())
    ports = ", ".join(sorted({str(endpoint.port) for endpoint in closed}))
    addresses = ", ".join(sorted({endpoint.address for endpoint in closed}))
    also = "; where 389 is closed too (network.ldap), that as well" if need is Need.KERBEROS else ""
    fix = Fix(
        f"See whether {_hosts(closed)} runs and is a domain controller still. If so, allow TCP {ports} from the task's "
        f"security group to {addresses}{also}: security groups on both sides, network ACLs (return ports 1024-65535 "
        "too), routes and firewalls.",
        tuple(f"nc -vz -w 3 {posix(endpoint.address)} {endpoint.port}" for endpoint in closed[:3]),
    )
    expected = f"TCP {ports} open on each domain controller"
    if reachable:
        often = how_often((endpoint.host for endpoint in closed), (endpoint.host for endpoint in endpoints))
        summary = f"{need} is open on {_hosts(reachable)} but not on {_hosts(closed)}; {often}, and waits"
        return reachable, warned(summary, observed=why, expected=expected, fix=fix, rows=rows), silent
    shows = texts.USER_TICKET if need is Need.KERBEROS else texts.BIND
    summary = f"no domain controller accepts {need} connections: {why}"
    return (), failed(summary, observed=why, expected=expected, fix=fix, shows_as=shows, rows=rows), silent


def _row(endpoint: Endpoint, answer: float | ClientError) -> Row:
    if isinstance(answer, ClientError):
        return Row(str(endpoint), Status.WARN, answer.text)
    return Row(str(endpoint), Status.PASS, f"open after {answer * 1000:.0f} ms")


def _closed(finding: Finding, silent: bool, passage: Outcome[Passage], need: Need, vantage: Vantage) -> Finding:
    """Silence that is to be expected with these routes, security groups or network ACLs is no fault of its own."""
    ids = passage.value.closed_by(need) if passage.value else ()
    if silent and ids:
        return deferred_to(ids, f"as is to be expected with what the network lets pass: {finding.summary}")
    return judge_silence(finding, vantage)


def _no_kdc_either(controllers: DomainControllers, kerberos: Finding) -> bool:
    """No KDC accepts connections, which is a failure, and LDAP is on no other host."""
    kdcs = {endpoint.address for endpoint in controllers.kdcs}
    return kerberos.status is Status.FAIL and kdcs >= {endpoint.address for endpoint in controllers.ldap}


def _hosts(endpoints: tuple[Endpoint, ...]) -> str:
    return names(endpoint.host for endpoint in endpoints)
