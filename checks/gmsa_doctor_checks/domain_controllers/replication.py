"""The user and the gMSA on each domain controller, which differ until replication is finished.

This uses the ticket that the user already has: a service ticket for each domain controller, and no further logon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from gmsa_doctor.authoring import (
    CheckId,
    Finding,
    Fix,
    Given,
    Hidden,
    Outcome,
    Result,
    Status,
    check,
    deferred_to,
    passed,
    warned,
)
from gmsa_doctor.clients.kerberos.client import Kdc
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions
from gmsa_doctor.clients.ldap.client import Directory, Ldap, LdapRefusal, escape_filter
from gmsa_doctor.clients.ldap.domain import GMSA_CLASS
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.ad import filetime, managed_password
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.gmsa import read_password
from gmsa_doctor_checks.active_directory.ldap_bind import explain_bind
from gmsa_doctor_checks.active_directory.user_entry import duration, utc
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.domain_controllers.root_dse import MOST, RootDses, how_often, names, row
from gmsa_doctor_checks.silence import split
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    DomainControllers,
    Endpoint,
    GmsaAccount,
    GmsaNames,
    GmsaPassword,
    ReachableKdcs,
    UserTicket,
)

_ATTRIBUTES = ("userAccountControl", "pwdLastSet", "msDS-ManagedPasswordId", "msDS-GroupMSAMembership")
"""These replicate. `whenChanged` does not: it differs between domain controllers that agree (MS-ADA3 2.370)."""

_REFUSALS = {
    KdcReason.UNKNOWN_CLIENT: "it has no user {user}",
    KdcReason.WRONG_REALM: "it does not serve the realm of {user}",
    KdcReason.DISABLED: "{user} is disabled there",
    KdcReason.LOCKED: "{user} is locked there",
    KdcReason.ACCOUNT_EXPIRED: "the account {user} has expired there",
    KdcReason.PASSWORD_EXPIRED: "the password of {user} has expired there",
    KdcReason.REVOKED: "{user} is disabled, locked or expired there",
}


@dataclass(frozen=True)
class LdapSessions:
    """Sealed sessions with the domain controllers that accept the bind; ``srv_hosts``: the hosts of the SRV answer."""

    srv_hosts: tuple[str, ...]
    directories: tuple[tuple[Endpoint, Directory], ...]


@dataclass(frozen=True)
class GmsaReplica:
    """The gMSA on one domain controller."""

    dn: str
    enabled: bool
    password_set: int
    """``pwdLastSet``: units of 100 ns since 1601."""
    password_id: bytes | None = field(default=None, repr=False)
    """``msDS-ManagedPasswordId``: identifies the current password."""
    membership: bytes | None = field(default=None, repr=False)
    password: Hidden[bytes] | None = None
    refusal: str | None = None
    """Why the domain controller cannot compute the password, if it reports that."""


@check(
    "domain-controllers.bind",
    title="Each domain controller accepts the sealed LDAP bind",
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND,),
)
def bind(ticket: UserTicket, dses: RootDses, bound: BoundDirectory, ldap: Ldap) -> Result[LdapSessions]:
    """Binds to LDAP on each domain controller that serves the domain, signed and sealed, with the user's ticket.

    Why: Credentials Fetcher asks them in the order of the DNS answer. A domain controller with a missing SPN, or with a
    different key or clock, costs time if it comes first. A sealed bind satisfies LDAP signing; channel binding concerns
    LDAPS only.

    Fix: Depending on the reason, register the SPN, fix the clock, or let the domain controllers replicate.
    """
    endpoints = tuple(endpoint for endpoint, _ in dses.of_domain or dses.answers)
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)

    def session(endpoint: Endpoint) -> Directory:
        if (endpoint.host, endpoint.address) == (bound.host, bound.address):
            return bound.directory
        return ldap.bind(endpoint.host, endpoint.address, ticket.ticket, kdc, endpoint.port)

    answers = each(endpoints, session)
    directories, errors = split(answers)
    value = LdapSessions(dses.srv_hosts, tuple(directories.items()))
    if not errors:
        return Given(value, passed(f"each of {len(answers)} accepts the bind of {ticket.principal}, signed and sealed"))
    summary, fix = explain_bind(*next(iter(errors.items())), dses.domain)
    finding = warned(
        f"{summary}; {how_often((endpoint.host for endpoint in errors), dses.srv_hosts)}",
        expected="a sealed bind to each domain controller",
        fix=fix,
        rows=tuple(
            row(endpoint, answer.text, bad=True) if isinstance(answer, ClientError) else row(endpoint, "bound")
            for endpoint, answer in answers
        ),
    )
    return Given(value, finding)


@check(
    "domain-controllers.user",
    title="The user can log on at each KDC",
    docs=links.KERBEROS_ERRORS,
    shows=(texts.USER_TICKET,),
)
def user(ticket: UserTicket, controllers: DomainControllers, kdcs: ReachableKdcs, questions: KdcQuestions) -> Finding:
    """Sends the first request of a logon, without a password, to the KDCs that were not asked for the ticket.

    A KDC that has the user requests pre-authentication. Otherwise it reports that the user is missing, disabled or
    locked. No failed logon is counted.

    Why: a user that was just created, enabled or unlocked is so on one domain controller first. A task whose Kerberos
    library asks another domain controller fails.

    Fix: Wait for replication, or force it. If replication is broken, fix it.
    """
    name, _, realm = ticket.principal.rpartition("@")
    others = kdcs.endpoints[kdcs.endpoints.index(ticket.kdc) + 1 :] if ticket.kdc in kdcs.endpoints else kdcs.endpoints
    answers = each(others[:MOST], lambda kdc: questions.first_answer(name, realm, kdc.address, kdc.port))
    refusals = {kdc: refusal for kdc, answer in answers if (refusal := _refusal(answer, name))}
    rows = (
        row(ticket.kdc, "issued a ticket"),
        *(row(kdc, refusals.get(kdc, f"{name} can log on"), bad=kdc in refusals) for kdc, _ in answers),
    )
    if not refusals:
        return passed(f"{name} can log on at each of {len(rows)}", rows=rows)
    hosts = [kdc.host for kdc in refusals]
    refusal = next(iter(refusals.values()))
    often = how_often(hosts, (kdc.host for kdc in controllers.kdcs))
    return warned(
        f"{hosts[0]}: {refusal}, unlike {ticket.kdc.host}; {often}",
        expected=f"{name} can log on at each KDC",
        fix=Fix(
            "Start replication between the domain controllers, and find out why "
            f"{names(hosts)} lags behind or does not answer.",
            (
                "repadmin /showrepl",
                "repadmin /syncall /AdeP",
                f"Get-ADUser {powershell(name)} -Server {powershell(hosts[0])} -Properties Enabled,LockedOut",
            ),
        ),
        rows=rows,
    )


def _refusal(answer: FirstAnswer | ClientError, user: str) -> str | None:
    """Why the user cannot log on there, if the first answer shows it."""
    if isinstance(answer, ClientError):
        return answer.text
    return _REFUSALS[answer.reason].format(user=user) if answer.reason in _REFUSALS else None


@check(
    "domain-controllers.gmsa",
    title="The gMSA is the same on each domain controller",
    docs=links.MANAGED_PASSWORD,
    shows=(texts.NO_PASSWORD_ATTRIBUTE, texts.GMSA_TICKET),
)
def gmsa(
    sessions: LdapSessions,
    gmsas: GmsaNames,
    account: Account,
    bound: BoundDirectory,
    found: Outcome[GmsaAccount],
    password: Outcome[GmsaPassword],
) -> Finding:
    """Compares the gMSA on each domain controller: existence, status, allowed principals, password and its age.

    Why: a change takes seconds to replicate within a site, and up to hours between sites. Until then tasks fail
    intermittently, depending on the order of the DNS answer: the gMSA is not found, the user is not permitted, or the
    password does not match the KDC's.

    Fix: Wait for replication, or force it. If replication is broken, fix it.
    """
    name = gmsas.gmsa.text
    base, directories = account.domain.base_dn, dict(sessions.directories)
    replicas, errors = split(each(directories, lambda endpoint: read_replica(directories[endpoint], base, name)))
    known = {endpoint: replica for endpoint, replica in replicas.items() if replica is not None}
    if not known:
        return deferred_to(CheckId("directory.gmsa-account"), f"no domain controller has {name}$")
    if failure := _behind(replicas, bound, name, found, password):
        return replace(failure, summary=f"{failure.summary}; {how_often((bound.host,), sessions.srv_hosts)}")
    holder, newest = max(known.items(), key=lambda item: item[1].password_set)
    differences = {endpoint: difference(replica, newest, holder.host) for endpoint, replica in replicas.items()}
    odd = {endpoint: text for endpoint, text in differences.items() if text}
    odd |= {endpoint: error.text for endpoint, error in errors.items()}
    rows = tuple(
        row(endpoint, odd.get(endpoint) or _state(known[endpoint]), bad=endpoint in odd)
        for endpoint in (*replicas, *errors)
    )
    if not odd:
        count = len(replicas)
        same = f"is the same on {count} domain controllers" if count > 1 else f"was read from {holder.host} only"
        return passed(f"{name}$ {same}: {_state(newest)}", rows=rows)
    hosts = [endpoint.host for endpoint in odd]
    return warned(
        f"{name}$ differs on {hosts[0]}: {next(iter(odd.values()))}; {how_often(hosts, sessions.srv_hosts)}",
        expected=f"{name}$ is the same on each domain controller, as on {holder.host}",
        fix=_replicate(hosts[0], newest),
        rows=rows,
    )


def _behind(
    replicas: dict[Endpoint, GmsaReplica | None],
    bound: BoundDirectory,
    name: str,
    found: Outcome[GmsaAccount],
    password: Outcome[GmsaPassword],
) -> Finding | None:
    """The failure on the domain controller that was asked first, if another one shows that the cause is replication."""
    endpoints = {(endpoint.host, endpoint.address): endpoint for endpoint in replicas}
    endpoint_bound = endpoints.get((bound.host, bound.address))
    first = replicas[endpoint_bound] if endpoint_bound else None
    healthy = {
        endpoint.host: replica
        for endpoint, replica in replicas.items()
        if replica is not None and replica.enabled and endpoint.host != bound.host
    }
    if found.value is None and found.finding.status is Status.FAIL and (first is None or not first.enabled):
        failure, problem = found.finding, "does not have it" if first is None else "has it disabled"
    elif first and not first.password and found.value and password.value is None:
        healthy = {host: replica for host, replica in healthy.items() if replica.password}
        failure, problem = password.finding, "does not return its password"
    else:
        return None
    if not healthy or failure.status is not Status.FAIL:
        return None
    holder, replica = next(iter(healthy.items()))
    return replace(
        failure,
        summary=f"{name}$ differs between domain controllers: {bound.host} {problem}, unlike {holder}",
        observed=failure.summary,
        expected=f"{name}$ is the same on each domain controller",
        fix=_replicate(bound.host, replica),
        rows=(),
    )


def _replicate(host: str, healthy: GmsaReplica) -> Fix:
    return Fix(
        f"Start replication between the domain controllers, and find out why {host} differs.",
        (
            "repadmin /showrepl",
            "repadmin /syncall /AdeP",
            f"repadmin /showobjmeta {powershell(host)} {powershell(healthy.dn)}",
        ),
    )


def read_replica(directory: Directory, base: str, name: str) -> GmsaReplica | None:
    """The gMSA on this domain controller; None if it does not have it."""
    query = f"(&(objectClass={GMSA_CLASS})(sAMAccountName={escape_filter(name)}$))"
    entries = directory.search(base, query, _ATTRIBUTES)
    if not entries:
        return None
    entry, password, refusal = entries[0], None, None
    try:
        blob = read_password(directory, entry.dn)
        password = managed_password.parse(blob).current if blob else None
    except managed_password.BlobError:
        pass
    except LdapRefusal as error:
        refusal = error.server_text or error.text
    return GmsaReplica(
        entry.dn,
        not int(entry.text("userAccountControl") or 0) & Control.ACCOUNTDISABLE,
        int(entry.text("pwdLastSet") or 0),
        entry.first("msDS-ManagedPasswordId"),
        entry.first("msDS-GroupMSAMembership"),
        password,
        refusal,
    )


def difference(found: GmsaReplica | None, newest: GmsaReplica, holder: str) -> str | None:
    """How the gMSA differs from the one with the newest password, which ``holder`` has; None if it does not."""
    if found is None:
        return "the gMSA does not exist there"
    older = duration(timedelta(microseconds=(newest.password_set - found.password_set) // 10))
    differences = {
        f"the gMSA is {'enabled' if found.enabled else 'disabled'} there, unlike on {holder}": (
            found.enabled != newest.enabled
        ),
        "its password was never set": newest.password_set and not found.password_set,
        f"its password was set on {_set_on(found)}, {older} earlier than on {holder}": (
            found.password_set != newest.password_set
        ),
        f"it cannot compute the password: {found.refusal}": found.refusal and not newest.refusal,
        f"msDS-GroupMSAMembership differs from {holder}": _differ(found.membership, newest.membership),
        f"it {'returns' if found.password else 'does not return'} the password, unlike {holder}": (
            bool(found.password) != bool(newest.password)
        ),
        f"it returns a different password from {holder}": _differ(found.password, newest.password),
        f"msDS-ManagedPasswordId differs from {holder}": _differ(found.password_id, newest.password_id),
    }
    return next((text for text, holds in differences.items() if holds), None)


def _differ(value: object, known: object) -> bool:
    """Whether both values are shown and differ."""
    return bool(value and known) and value != known


def _state(replica: GmsaReplica) -> str:
    since = f"password set on {_set_on(replica)}" if replica.password_set else "password not set yet"
    return since if replica.enabled else f"disabled, {since}"


def _set_on(replica: GmsaReplica) -> str:
    return utc(filetime.instant(replica.password_set))
