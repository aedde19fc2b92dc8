"""Whether the ports that Credentials Fetcher needs are open from here."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    Row,
    Status,
    check,
    deferred_to,
    failed,
    fix_in_steps,
    passed,
    warned,
)
from gmsa_doctor.clients.network.tcp import Tcp
from gmsa_doctor.core.errors import ClientError, Refused
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.domain_controllers.root_dse import how_often, names
from gmsa_doctor_checks.network_access.values import Passage
from gmsa_doctor_checks.reachability.flow import Need
from gmsa_doctor_checks.silence import judge_silence, split
from gmsa_doctor_checks.values import DomainControllers, Endpoint, ReachableKdcs, ReachableLdap

AT_ONCE = 128
"""Simultaneous connection attempts: a large domain has hundreds of domain controllers, most of them unreachable."""


@check(
    "network.kerberos",
    title="The KDCs accept connections",
    docs=links.FARGATE_NETWORK,
    shows=(texts.USER_TICKET, texts.CATCH_ALL),
)
def kerberos(
    controllers: DomainControllers, tcp: Tcp, vantage: Vantage, passage: Outcome[Passage]
) -> Result[ReachableKdcs]:
    """Opens a TCP connection to the Kerberos port (88) of each KDC that DNS lists.

    Why: without a KDC there is no ticket. Kerberos waits a long time for a KDC that drops packets, and any domain
    controller may be the first one asked.

    Fix: Allow TCP and UDP 88 from the task's security group to every domain controller, in the security groups, the
    network ACLs (also return ports) and the firewalls between them.
    """
    reachable, finding, silent = _connect(controllers.kdcs, Need.KERBEROS, tcp)
    if not reachable:
        return _closed(finding, silent, passage, Need.KERBEROS, vantage)
    return Given(ReachableKdcs(controllers.domain, reachable), finding)


@check(
    "network.ldap",
    title="The domain controllers accept LDAP connections",
    docs=links.FARGATE_NETWORK,
    shows=(texts.NO_DC_ANSWERS, texts.BIND, texts.DEADLINE),
)
def ldap(
    controllers: DomainControllers,
    tcp: Tcp,
    vantage: Vantage,
    passage: Outcome[Passage],
    kdcs: Outcome[ReachableKdcs],
    platform: Platform,
) -> Result[ReachableLdap]:
    """Opens a TCP connection to the LDAP port (389) of each domain controller that DNS lists.

    If the domain controllers accept no connections at all, network.kerberos alone reports it.

    Why: Credentials Fetcher reads the gMSA's password over LDAP on port 389 (not 636), from the first domain controller
    in DNS's answer. One that refuses costs no time. One that drops packets does: 1.3 has no time limit, 2.x waits 5 s
    for each search. On EC2, the ECS agent gives a start one minute, in attempts of 20 s (`DeadlineExceeded`). If half
    of the domain controllers or more are silent, that is a failure if the minute cannot suffice, otherwise unknown.

    Fix: Allow TCP 389 from the task's security group to every domain controller, in the security groups, the network
    ACLs (also return ports) and the firewalls between them.
    """
    reachable, finding, silent = _connect(controllers.ldap, Need.LDAP, tcp)
    if reachable:
        silent_hosts = len({endpoint.host for endpoint in controllers.ldap} - {endpoint.host for endpoint in reachable})
        hosts = len({endpoint.host for endpoint in controllers.ldap})
        if silent and silent_hosts * 2 >= hosts and hosts > 2 and vantage.silence_counts:
            finding = _mostly_silent(finding, silent_hosts, hosts, platform)
        return Given(ReachableLdap(controllers.domain, reachable), finding)
    closed = _closed(finding, silent, passage, Need.LDAP, vantage)
    if closed.status is Status.FAIL and _no_kdc_either(controllers, kdcs.finding):
        return deferred_to(kdcs.finding, f"also closed, on the same hosts as network.kerberos: {closed.summary}")
    return closed


def _mostly_silent(finding: Finding, silent: int, hosts: int, platform: Platform) -> Finding:
    """The severity if at least half of the domain controllers do not answer.

    Sources: LDAPDefaultSearchTimeout and the two searches of ldap_client.go in 2.x; execute_ldapsearch in 1.3 (no
    limit); NewCredentialsFetcherClient(conn, time.Minute) in credentialspec_linux.go of aws/amazon-ecs-agent.
    """
    seconds = silent * _SEARCH_SECONDS
    if platform.has_ecs_agent and (platform.fetchers == {Fetcher.V1_3} or seconds >= _LEASE_SECONDS):
        limit = f"the ECS agent ends such a start after {_LEASE_SECONDS} s: rpc error: code = DeadlineExceeded"
        return replace(finding, status=Status.FAIL, summary=f"{finding.summary}; {limit}", shows_as=texts.DEADLINE)
    wait = f"2.x waits up to {seconds} s for the silent ones, 1.3 for minutes"
    return replace(
        finding, status=Status.UNKNOWN, summary=f"{finding.summary}; {wait}: whether a start succeeds is open"
    )


_SEARCH_SECONDS = 10
"""How long 2.x waits for a silent domain controller: two searches of 5 s."""
_LEASE_SECONDS = 60


def _connect(endpoints: tuple[Endpoint, ...], need: Need, tcp: Tcp) -> tuple[tuple[Endpoint, ...], Finding, bool]:
    """The endpoints that accept a connection, the finding, and whether any of them does not answer."""
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
    hosts = _hosts(closed)
    needed = f"{ports} and 389" if need is Need.KERBEROS else ports
    first = f"Check that {hosts} is running and is still a domain controller."
    second = (
        f"allow TCP {needed} from the task's security group to {addresses} in the security groups of the task and of "
        "the domain controller, network ACLs (also return ports 1024-65535), routes and firewalls."
    )
    if not silent:
        first = (
            f"Check whether {hosts} is still a domain controller. a) If it is, start its services ntds (Active "
            "Directory Domain Services) and kdc (Kerberos Key Distribution Center), and check that it listens on TCP "
            f"{ports} (Get-NetTCPConnection -State Listen -LocalPort {ports}). b) If it is no longer a domain "
            f"controller, delete the SRV records of {hosts}; then run nltest /dsregdns on each domain controller that "
            "is in service, to register its own, and run gmsa-doctor again."
        )
        second = f"find the firewall that rejects TCP {ports} to {addresses}, and allow TCP {needed} in it."
    test = tuple(f"nc -vz -w 3 {posix(endpoint.address)} {endpoint.port}" for endpoint in closed[:3])
    fix = fix_in_steps(
        Fix(f"AD administrator: {first[0].lower()}{first[1:]}"),
        Fix(f"{'' if silent else 'After a), '}AWS administrator: test from the task's subnet.", test),
        Fix(f"If the test fails although {hosts} listens on TCP {ports}, AWS administrator: {second}"),
        owner=None if silent else Owner.AD,
    )
    expected = f"TCP {ports} open on each domain controller"
    if reachable:
        often = how_often((endpoint.host for endpoint in closed), (endpoint.host for endpoint in endpoints))
        summary = f"{need} is open on {_hosts(reachable)} but not on {_hosts(closed)}, where tasks wait; {often}"
        return reachable, warned(summary, observed=why, expected=expected, fix=fix, rows=rows), silent
    shows = texts.USER_TICKET if need is Need.KERBEROS else texts.BIND
    summary = f"no domain controller accepts {need} connections: {_reason(closed, ports, why, silent)}"
    return (), failed(summary, observed=why, expected=expected, fix=fix, shows_as=shows, rows=rows), silent


def _reason(closed: tuple[Endpoint, ...], ports: str, why: str, silent: bool) -> str:
    """Why none accepts a connection: their names, and whether they refuse or do not answer."""
    is_single = len({endpoint.host for endpoint in closed}) == 1
    if silent:
        return f"the only one in DNS is {closed[0].host}; {why}" if is_single else why
    if is_single:
        return f"the only one in DNS, {closed[0].host} ({closed[0].address}), refuses TCP {ports}"
    return f"{_hosts(closed)} refuse TCP {ports}"


def _row(endpoint: Endpoint, answer: float | ClientError) -> Row:
    if isinstance(answer, ClientError):
        return Row(str(endpoint), Status.WARN, answer.text)
    return Row(str(endpoint), Status.PASS, f"open after {answer * 1000:.0f} ms")


def _closed(finding: Finding, silent: bool, passage: Outcome[Passage], need: Need, vantage: Vantage) -> Finding:
    """Deferred to the checks of routes, security groups and network ACLs if these block the port."""
    ids = passage.value.closed_by(need) if passage.value else ()
    if silent and ids:
        return deferred_to(ids, f"blocked by the network, as expected: {finding.summary}")
    return judge_silence(finding, vantage)


def _no_kdc_either(controllers: DomainControllers, kerberos: Finding) -> bool:
    """Whether Kerberos failed on all hosts, and these include all LDAP hosts."""
    kdcs = {endpoint.address for endpoint in controllers.kdcs}
    return kerberos.status is Status.FAIL and kdcs >= {endpoint.address for endpoint in controllers.ldap}


def _hosts(endpoints: tuple[Endpoint, ...]) -> str:
    return names(endpoint.host for endpoint in endpoints)
