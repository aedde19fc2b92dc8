"""What each domain controller knows of the gMSA: they replicate, and until they have, they differ.

Asked with the ticket that the user has already: a service ticket for each domain controller, and no further logon.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gmsa_doctor.authoring import (
    Finding,
    Fix,
    Given,
    Hidden,
    Outcome,
    Result,
    Row,
    Status,
    check,
    passed,
    skipped,
    warned,
)
from gmsa_doctor.clients.kerberos.kdc_questions import FirstAnswer, KdcQuestions
from gmsa_doctor.clients.kerberos.logon import Kdc, KdcReason
from gmsa_doctor.clients.ldap.directory import Directory, Entry, Ldap, LdapRefusal, escape_filter
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.ad import managed_password
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.gmsa_account import GMSA_CLASS
from gmsa_doctor_checks.directory.managed_password import bind_fix, bind_trouble
from gmsa_doctor_checks.domain_controllers.root_dse import MOST, RootDses, how_often, names, place
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


@dataclass(frozen=True)
class ControllerSession:
    """A sealed session with one domain controller."""

    endpoint: Endpoint
    directory: Directory


@dataclass(frozen=True)
class Sessions:
    """Sealed sessions with the domain controllers that let the user in; ``asked``: the hosts of the SRV answer."""

    asked: tuple[str, ...]
    sessions: tuple[ControllerSession, ...]


@check(
    "domain-controllers.bind",
    title="Each domain controller lets the user in",
    docs=links.LDAP_SIGNING,
    shows=(texts.BIND,),
)
def bind(ticket: UserTicket, dses: RootDses, bound: BoundDirectory, ldap: Ldap) -> Result[Sessions]:
    """Logs on to LDAP at each domain controller that serves the domain, signed and sealed, with the same ticket.

    Why: Credentials Fetcher asks them in the order of DNS's answer. One whose SPN is missing, or whose keys or clock do
    not fit, costs time where it comes first. A sealed bind satisfies LDAP signing; channel binding concerns LDAPS only.

    Fix: as the reason says: register the SPN, mend the clock, or let the domain controllers replicate.
    """
    endpoints = tuple(one for one, _ in dses.of_domain or dses.answers)
    kdc = Kdc(ticket.kdc.address, ticket.kdc.port)

    def session(endpoint: Endpoint) -> Directory:
        if (endpoint.host, endpoint.address) == (bound.host, bound.address):
            return bound.directory
        return ldap.bind(endpoint.host, endpoint.address, ticket.ticket, kdc, endpoint.port)

    answers = each(endpoints, session)
    value = Sessions(
        dses.asked, tuple(ControllerSession(one, found) for one, found in answers if not isinstance(found, ClientError))
    )
    troubles = [(one, error) for one, error in answers if isinstance(error, ClientError)]
    if not troubles:
        return Given(value, passed(f"each of {len(answers)} lets {ticket.principal} in, signed and sealed"))
    first, error = troubles[0]
    finding = warned(
        f"{bind_trouble(first, error)}; {how_often(tuple(one.host for one, _ in troubles), dses.asked)}",
        expected="a sealed bind to each domain controller",
        fix=bind_fix(first, error),
        rows=tuple(
            Row(place(one), Status.WARN, found.text)
            if isinstance(found, ClientError)
            else Row(place(one), Status.PASS, "bound")
            for one, found in answers
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
    answers = each(others[:MOST], lambda one: questions.first_answer(name, realm, one.address, one.port))
    told = [(one, _refusal(answer, name)) for one, answer in answers]
    rows = (
        Row(place(ticket.kdc), Status.PASS, "gave a ticket"),
        *(Row(place(one), Status.WARN if why else Status.PASS, why or f"knows {name}") for one, why in told),
    )
    bad = tuple(one.host for one, why in told if why)
    if not bad:
        return passed(f"{name} can log on at each of {len(rows)}", rows=rows)
    asked = tuple(dict.fromkeys(one.host for one in controllers.kdcs))
    return warned(
        f"{bad[0]}: {next(why for _, why in told if why)}, unlike {ticket.kdc.host}; {how_often(bad, asked)}",
        expected=f"each KDC lets {name} log on",
        fix=Fix(
            f"Let the domain controllers replicate, and see why {names(bad)} lags behind or does not answer.",
            (
                "repadmin /showrepl",
                "repadmin /syncall /AdeP",
                f"Get-ADUser {powershell(name)} -Server {powershell(bad[0])} -Properties Enabled,LockedOut",
            ),
        ),
        rows=rows,
    )


_USER_REFUSALS = {
    KdcReason.UNKNOWN_CLIENT: "it does not know {user}",
    KdcReason.WRONG_REALM: "it serves another realm than that of {user}",
    KdcReason.DISABLED: "{user} is disabled there",
    KdcReason.LOCKED: "{user} is locked there",
    KdcReason.ACCOUNT_EXPIRED: "the account {user} has expired there",
    KdcReason.PASSWORD_EXPIRED: "the password of {user} has expired there",
    KdcReason.REVOKED: "{user} is disabled, locked or expired there",
}


def _refusal(answer: FirstAnswer | ClientError, user: str) -> str | None:
    """Why the user cannot log on there, as far as the first answer tells."""
    if isinstance(answer, ClientError):
        return answer.text
    return _USER_REFUSALS[answer.reason].format(user=user) if answer.reason in _USER_REFUSALS else None


@dataclass(frozen=True)
class View:
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
    "domain-controllers.gmsa",
    title="The domain controllers agree about the gMSA",
    docs=links.MANAGED_PASSWORD,
    shows=(texts.NO_PASSWORD_ATTRIBUTE, texts.GMSA_TICKET),
)
def gmsa(
    sessions: Sessions,
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
    answers = each(sessions.sessions, lambda one: view(one.directory, account.domain.base_dn, name))
    seen = [(one.endpoint, it) for one, it in answers if not isinstance(it, ClientError)]
    known = [one for _, one in seen if one is not None]
    if not known:
        return skipped(f"no domain controller tells of {name}$", because=("directory.gmsa-account",))
    if failure := _behind(seen, bound, name, found, password):
        return replace(failure, summary=f"{failure.summary}; {how_often((bound.host,), sessions.asked)}")
    newest = max(known, key=lambda one: one.password_set)
    holder = next(endpoint.host for endpoint, it in seen if it is newest)
    told = [(endpoint, it, difference(it, newest, holder)) for endpoint, it in seen]
    errors = [(one.endpoint, error) for one, error in answers if isinstance(error, ClientError)]
    rows = (
        *(Row(place(one), Status.WARN if odd else Status.PASS, odd or _agreed(it)) for one, it, odd in told),
        *(Row(place(one), Status.WARN, error.text) for one, error in errors),
    )
    odd = [(one, text) for one, _, text in told if text] + [(one, error.text) for one, error in errors]
    if not odd:
        count = len(told)
        same = f"{count} domain controllers agree about" if count > 1 else f"{holder} alone was asked for"
        return passed(f"{same} {name}$, {_agreed(newest)}", rows=rows)
    bad = tuple(one.host for one, _ in odd)
    return warned(
        f"{odd[0][0].host} differs about {name}$: {odd[0][1]}; {how_often(bad, sessions.asked)}",
        expected=f"the same of {name}$ on each domain controller, as {holder} has it",
        fix=_replicate(bad[0], newest),
        rows=rows,
    )


def _behind(
    seen: list[tuple[Endpoint, View | None]],
    bound: BoundDirectory,
    name: str,
    found: Outcome[GmsaAccount],
    password: Outcome[GmsaPassword],
) -> Finding | None:
    """What failed at the domain controller that was asked first, and is well at another: the reason is replication."""
    here = next((it for one, it in seen if (one.host, one.address) == (bound.host, bound.address)), None)
    others = [(one.host, it) for one, it in seen if it is not None and it.enabled and one.host != bound.host]
    if found.value is None and found.finding.status is Status.FAIL and (here is None or not here.enabled):
        failed_one, what = found.finding, "does not know it" if here is None else "has it disabled"
    elif here and not here.password and found.value and password.value is None:
        others = [(host, it) for host, it in others if it.password]
        failed_one, what = password.finding, "does not give its password"
    else:
        return None
    if not others or failed_one.status is not Status.FAIL:
        return None
    holder, well = others[0]
    return replace(
        failed_one,
        summary=f"the domain controllers differ about {name}$: {bound.host} {what}, unlike {holder}",
        observed=failed_one.summary,
        expected=f"the same of {name}$ on each domain controller",
        fix=_replicate(bound.host, well),
        rows=(),
    )


def _replicate(host: str, well: View) -> Fix:
    return Fix(
        f"Let the domain controllers replicate, and see why {host} differs.",
        (
            "repadmin /showrepl",
            "repadmin /syncall /AdeP",
            f"repadmin /showobjmeta {powershell(host)} {powershell(well.dn)}",
        ),
    )


def view(directory: Directory, base: str, name: str) -> View | None:
    """The gMSA as this domain controller knows it; None: not at all."""
    wanted = f"(&(objectClass={GMSA_CLASS})(sAMAccountName={escape_filter(name)}$))"
    hits = directory.search(base, wanted, _ATTRIBUTES)
    if not hits:
        return None
    try:
        (entry,) = directory.search(hits[0].dn, f"(objectClass={GMSA_CLASS})", ("msDS-ManagedPassword",), "base")
        password, refusal = _password(entry), None
    except LdapRefusal as error:
        password, refusal = None, error.server_text or error.text
    return View(
        hits[0].dn,
        not int(hits[0].text("userAccountControl") or 0) & Control.ACCOUNTDISABLE,
        int(hits[0].text("pwdLastSet") or 0),
        hits[0].first("msDS-ManagedPasswordId"),
        hits[0].first("msDS-GroupMSAMembership"),
        password,
        refusal,
    )


def _password(entry: Entry) -> Hidden[bytes] | None:
    blob = entry.first("msDS-ManagedPassword")
    try:
        return managed_password.parse(blob).current if blob else None
    except managed_password.BlobError:
        return None


def difference(found: View | None, newest: View, holder: str) -> str | None:
    """In what a domain controller differs from the one with the newest password; None: in nothing."""
    if found is None:
        return "it does not know the gMSA"
    if found.enabled != newest.enabled:
        return f"the gMSA is {'enabled' if found.enabled else 'disabled'} there, unlike on {holder}"
    if found.password_set != newest.password_set:
        return (
            f"its password is of {_moment(found.password_set)}, {_age(newest.password_set - found.password_set)} older "
            f"than on {holder}"
        )
    if found.refusal and not newest.refusal:
        return f"it cannot make the password: {found.refusal}"
    if found.membership and newest.membership and found.membership != newest.membership:
        return f"others may retrieve the password there than on {holder}"
    if bool(found.password) != bool(newest.password):
        return f"it {'gives' if found.password else 'does not give'} the password, unlike {holder}"
    if found.password and newest.password and found.password != newest.password:
        return f"it gives another password than {holder}"
    if found.password_id and newest.password_id and found.password_id != newest.password_id:
        return f"it has another msDS-ManagedPasswordId than {holder}"
    return None


def _agreed(found: View | None) -> str:
    assert found is not None  # noqa: S101 - for the type checker: one that knows nothing differs
    since = f"password of {_moment(found.password_set)}" if found.password_set else "password not set yet"
    return since if found.enabled else f"disabled, {since}"


def _moment(ticks: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=ticks // 10):%Y-%m-%d %H:%M:%S} UTC"


def _age(ticks: int) -> str:
    seconds = ticks / 10_000_000
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
