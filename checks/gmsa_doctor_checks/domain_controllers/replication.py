"""What each domain controller knows of the user and of the gMSA: they replicate, and until they have, they differ.

Asked with the ticket that the user has already: a service ticket for each domain controller, and no further logon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

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
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.ad import managed_password
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.active_directory.gmsa import GMSA_CLASS, read_password
from gmsa_doctor_checks.active_directory.ldap_bind import explain_bind
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
"""Those that replicate. `whenChanged` does not: it differs between domain controllers that agree (MS-ADA3 2.370)."""

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)

_REFUSALS = {
    KdcReason.UNKNOWN_CLIENT: "it does not know {user}",
    KdcReason.WRONG_REALM: "it serves another realm than that of {user}",
    KdcReason.DISABLED: "{user} is disabled there",
    KdcReason.LOCKED: "{user} is locked there",
    KdcReason.ACCOUNT_EXPIRED: "the account {user} has expired there",
    KdcReason.PASSWORD_EXPIRED: "the password of {user} has expired there",
    KdcReason.REVOKED: "{user} is disabled, locked or expired there",
}


@dataclass(frozen=True)
class LdapSessions:
    """Sealed sessions with the domain controllers that let the user in; ``asked``: the hosts of the SRV answer."""

    asked: tuple[str, ...]
    directories: tuple[tuple[Endpoint, Directory], ...]


@dataclass(frozen=True)
class GmsaReplica:
    """The gMSA as one domain controller knows it."""

    dn: str
    enabled: bool
    password_set: int
    """``pwdLastSet``: units of 100 ns since 1601."""
    password_id: bytes | None = field(default=None, repr=False)
    """``msDS-ManagedPasswordId``: which password is the current one."""
    membership: bytes | None = field(default=None, repr=False)
    password: Hidden[bytes] | None = None
    refusal: str | None = None
    """Why no password can be made there, where the domain controller says so."""


@check(
    "domain-controllers.bind",
    title="Each domain controller lets the user in",
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND,),
)
def bind(ticket: UserTicket, dses: RootDses, bound: BoundDirectory, ldap: Ldap) -> Result[LdapSessions]:
    """Logs on to LDAP at each domain controller that serves the domain, signed and sealed, with the same ticket.

    Why: Credentials Fetcher asks them in the order of DNS's answer. One whose SPN is missing, or whose keys or clock do
    not fit, costs time where it comes first. A sealed bind satisfies LDAP signing; channel binding concerns LDAPS only.

    Fix: as the reason says: register the SPN, mend the clock, or let the domain controllers replicate.
    """
    endpoints = tuple(endpoint for endpoint, _ in dses.of_domain or dses.answers)
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)

    def session(endpoint: Endpoint) -> Directory:
        if (endpoint.host, endpoint.address) == (bound.host, bound.address):
            return bound.directory
        return ldap.bind(endpoint.host, endpoint.address, ticket.ticket, kdc, endpoint.port)

    answers = each(endpoints, session)
    directories, errors = split(answers)
    value = LdapSessions(dses.asked, tuple(directories.items()))
    if not errors:
        return Given(value, passed(f"each of {len(answers)} lets {ticket.principal} in, signed and sealed"))
    summary, fix = explain_bind(*next(iter(errors.items())))
    finding = warned(
        f"{summary}; {how_often((endpoint.host for endpoint in errors), dses.asked)}",
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
    title="Each KDC knows the user, and lets it log on",
    docs=links.KERBEROS_ERRORS,
    shows=(texts.USER_TICKET,),
)
def user(ticket: UserTicket, controllers: DomainControllers, kdcs: ReachableKdcs, questions: KdcQuestions) -> Finding:
    """Sends the first request of a logon, without any password, to the KDCs that were not asked for the ticket.

    A KDC that knows the user demands a proof; one that does not, or has it disabled or locked, says so. That counts as
    no failed logon.

    Why: a user that was just made, enabled or unlocked is so on one domain controller first. A task whose Kerberos
    library asks another one fails.

    Fix: wait for the replication or force it, and mend it where it is broken.
    """
    name, _, realm = ticket.principal.rpartition("@")
    others = kdcs.endpoints[kdcs.endpoints.index(ticket.kdc) + 1 :] if ticket.kdc in kdcs.endpoints else kdcs.endpoints
    answers = each(others[:MOST], lambda kdc: questions.first_answer(name, realm, kdc.address, kdc.port))
    refusals = {kdc: refusal for kdc, answer in answers if (refusal := _refusal(answer, name))}
    rows = (
        row(ticket.kdc, "gave a ticket"),
        *(row(kdc, refusals.get(kdc, f"knows {name}"), bad=kdc in refusals) for kdc, _ in answers),
    )
    if not refusals:
        return passed(f"{name} can log on at each of {len(rows)}", rows=rows)
    hosts = [kdc.host for kdc in refusals]
    refusal = next(iter(refusals.values()))
    often = how_often(hosts, (kdc.host for kdc in controllers.kdcs))
    return warned(
        f"{hosts[0]}: {refusal}, unlike {ticket.kdc.host}; {often}",
        expected=f"each KDC lets {name} log on",
        fix=Fix(
            f"Let the domain controllers replicate, and see why {names(hosts)} lags behind or does not answer.",
            (
                "repadmin /showrepl",
                "repadmin /syncall /AdeP",
                f"Get-ADUser {powershell(name)} -Server {powershell(hosts[0])} -Properties Enabled,LockedOut",
            ),
        ),
        rows=rows,
    )


def _refusal(answer: FirstAnswer | ClientError, user: str) -> str | None:
    """Why the user cannot log on there, as far as the first answer tells."""
    if isinstance(answer, ClientError):
        return answer.text
    return _REFUSALS[answer.reason].format(user=user) if answer.reason in _REFUSALS else None


@check(
    "domain-controllers.gmsa",
    title="The domain controllers agree about the gMSA",
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
    """Asks each domain controller for the gMSA, and compares: known, enabled, who may retrieve, the password, its age.

    Why: a change reaches the other domain controllers in seconds within a site, and between sites in up to hours. Until
    then tasks fail by chance, as the order of DNS's answer falls: the gMSA is not found, not permitted, or its password
    is not the one that the KDC knows.

    Fix: wait for the replication or force it, and mend it where it is broken.
    """
    name = gmsas.gmsa.text
    base, directories = account.domain.base_dn, dict(sessions.directories)
    replicas, errors = split(each(directories, lambda endpoint: read_replica(directories[endpoint], base, name)))
    known = {endpoint: replica for endpoint, replica in replicas.items() if replica is not None}
    if not known:
        return deferred_to(CheckId("directory.gmsa-account"), f"no domain controller tells of {name}$")
    if failure := _behind(replicas, bound, name, found, password):
        return replace(failure, summary=f"{failure.summary}; {how_often((bound.host,), sessions.asked)}")
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
        same = f"{count} domain controllers agree about" if count > 1 else f"{holder.host} alone was asked for"
        return passed(f"{same} {name}$, {_state(newest)}", rows=rows)
    hosts = [endpoint.host for endpoint in odd]
    return warned(
        f"{hosts[0]} differs about {name}$: {next(iter(odd.values()))}; {how_often(hosts, sessions.asked)}",
        expected=f"the same of {name}$ on each domain controller, as {holder.host} has it",
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
    """What failed at the domain controller that was asked first, and is well at another: the reason is replication."""
    endpoints = {(endpoint.host, endpoint.address): endpoint for endpoint in replicas}
    asked = endpoints.get((bound.host, bound.address))
    here = replicas[asked] if asked else None
    well = {
        endpoint.host: replica
        for endpoint, replica in replicas.items()
        if replica is not None and replica.enabled and endpoint.host != bound.host
    }
    if found.value is None and found.finding.status is Status.FAIL and (here is None or not here.enabled):
        failure, trouble = found.finding, "does not know it" if here is None else "has it disabled"
    elif here and not here.password and found.value and password.value is None:
        well = {host: replica for host, replica in well.items() if replica.password}
        failure, trouble = password.finding, "does not give its password"
    else:
        return None
    if not well or failure.status is not Status.FAIL:
        return None
    holder, replica = next(iter(well.items()))
    return replace(
        failure,
        summary=f"the domain controllers differ about {name}$: {bound.host} {trouble}, unlike {holder}",
        observed=failure.summary,
        expected=f"the same of {name}$ on each domain controller",
        fix=_replicate(bound.host, replica),
        rows=(),
    )


def _replicate(host: str, well: GmsaReplica) -> Fix:
    return Fix(
        f"Let the domain controllers replicate, and see why {host} differs.",
        (
            "repadmin /showrepl",
            "repadmin /syncall /AdeP",
            f"repadmin /showobjmeta {powershell(host)} {powershell(well.dn)}",
        ),
    )


def read_replica(directory: Directory, base: str, name: str) -> GmsaReplica | None:
    """The gMSA as this domain controller knows it; None: not at all."""
    query = f"(&(objectClass={GMSA_CLASS})(sAMAccountName={escape_filter(name)}$))"
    entries = directory.search(base, query, _ATTRIBUTES)
    if not entries:
        return None
    entry = entries[0]
    try:
        password, refusal = _parsed(read_password(directory, entry.dn)), None
    except LdapRefusal as error:
        password, refusal = None, error.server_text or error.text
    return GmsaReplica(
        entry.dn,
        not int(entry.text("userAccountControl") or 0) & Control.ACCOUNTDISABLE,
        int(entry.text("pwdLastSet") or 0),
        entry.first("msDS-ManagedPasswordId"),
        entry.first("msDS-GroupMSAMembership"),
        password,
        refusal,
    )


def _parsed(blob: bytes | None) -> Hidden[bytes] | None:
    try:
        return managed_password.parse(blob).current if blob else None
    except managed_password.BlobError:
        return None


def difference(found: GmsaReplica | None, newest: GmsaReplica, holder: str) -> str | None:
    """In what a domain controller differs from the one with the newest password; None: in nothing."""
    if found is None:
        return "it does not know the gMSA"
    older = _age(newest.password_set - found.password_set)
    differences = {
        f"the gMSA is {'enabled' if found.enabled else 'disabled'} there, unlike on {holder}": (
            found.enabled != newest.enabled
        ),
        f"its password is of {_moment(found.password_set)}, {older} older than on {holder}": (
            found.password_set != newest.password_set
        ),
        f"it cannot make the password: {found.refusal}": found.refusal and not newest.refusal,
        f"others may retrieve the password there than on {holder}": _differ(found.membership, newest.membership),
        f"it {'gives' if found.password else 'does not give'} the password, unlike {holder}": (
            bool(found.password) != bool(newest.password)
        ),
        f"it gives another password than {holder}": _differ(found.password, newest.password),
        f"it has another msDS-ManagedPasswordId than {holder}": _differ(found.password_id, newest.password_id),
    }
    return next((text for text, holds in differences.items() if holds), None)


def _differ(value: object, known: object) -> bool:
    """Whether both are shown, and differ."""
    return bool(value and known) and value != known


def _state(replica: GmsaReplica) -> str:
    since = f"password of {_moment(replica.password_set)}" if replica.password_set else "password not set yet"
    return since if replica.enabled else f"disabled, {since}"


def _moment(ticks: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=ticks // 10):%Y-%m-%d %H:%M:%S} UTC"


def _age(ticks: int) -> str:
    seconds = ticks / 10_000_000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
