"""Which of the AD's parts exist, as an account sees it that ``--as`` names."""

from __future__ import annotations

from datetime import UTC, datetime

from gmsa_doctor.clients.ldap.client import Entry, escape_filter
from gmsa_doctor.clients.ldap.domain import GMSA_CLASS, identity
from gmsa_doctor.clients.ldap.forest import may_create_root_keys, root_keys
from gmsa_doctor.formats.ad import security_descriptor, sid
from gmsa_doctor.formats.documents.credspec_text import DomainIdentity
from gmsa_doctor.given.request import AdminAccount
from gmsa_doctor.setup import parts
from gmsa_doctor.setup.answers import IN_SECRET, Answers
from gmsa_doctor.setup.connection import Session, with_session
from gmsa_doctor.setup.parts import Part
from gmsa_doctor.setup.plan import EXISTS, MISSING, Known, State

_IN_CHAIN = "1.2.840.113556.1.4.1941"
"""LDAP_MATCHING_RULE_TRANSITIVE_EVAL (MS-ADTS 3.1.1.3.4.4.3): also members of groups in the group."""
_NAMES = ("objectSid", "objectClass", "userAccountControl", "msDS-GroupMSAMembership")

OPEN = Known(State.UNKNOWN, "the secret has another user: name it with --user")
Answer = tuple[dict[type[Part], Known], DomainIdentity]


def ask(answers: Answers, account: AdminAccount, servers: tuple[str, ...]) -> Answer:
    """What exists, and the domain's data. Raises the errors of :func:`with_session`."""
    return with_session(answers.domain, account, servers, lambda session: _ask(session, answers))


def _ask(session: Session, answers: Answers) -> Answer:
    user, group = (_account(session, name) for name in (answers.user, answers.group))
    gmsa = _account(session, f"{answers.gmsa}$")
    is_open = answers.user == IN_SECRET
    known = {
        parts.RootKey: _root_key(session),
        parts.Group: _known(group, "group"),
        parts.User: OPEN if is_open else _known(user, "user"),
        parts.Member: OPEN if is_open else _member(session, user, group),
        parts.Gmsa: _known(gmsa, GMSA_CLASS),
        parts.Permission: _permission(gmsa, group),
    }
    if gmsa and user and _may_read(gmsa, user):  # listed itself, without a group
        known |= dict.fromkeys((parts.Group, parts.Member, parts.Permission), Known(State.EXISTS, "not required"))
    return known, identity(session.directory, session.base)


def _account(session: Session, name: str) -> Entry | None:
    found = session.directory.search(session.base, f"(sAMAccountName={escape_filter(name)})", _NAMES)
    return next(iter(found), None)


def _known(entry: Entry | None, kind: str) -> Known:
    """Whether there is such an account. One of another class has its name: then its administrator must decide."""
    if entry is None:
        return MISSING
    if kind.lower() not in map(str.lower, entry.texts("objectClass")):
        return Known(State.MISSING, f"{entry.dn} has this name, and is of another class: choose another name")
    return EXISTS


def _root_key(session: Session) -> Known:
    keys = root_keys(session.directory)
    if not keys and may_create_root_keys(session.directory):  # whoever may create some sees those there are
        return MISSING
    if not keys:
        return Known(State.UNKNOWN, "only administrators of the forest see KDS root keys, and this account is none")
    times = [key.effective for key in keys if key.effective]
    now = datetime.now(UTC)
    if times and min(times) > now:
        return Known(State.MISSING, f"effective from {min(times):%Y-%m-%d %H:%M} UTC only: wait")
    return EXISTS


def _member(session: Session, user: Entry | None, group: Entry | None) -> Known:
    if not (user and group):
        return MISSING
    query = f"(member:{_IN_CHAIN}:={escape_filter(user.dn)})"
    return EXISTS if session.directory.search(group.dn, query, ("cn",), "base") else MISSING


def _permission(gmsa: Entry | None, group: Entry | None) -> Known:
    return EXISTS if gmsa and group and _may_read(gmsa, group) else MISSING


def _may_read(gmsa: Entry, principal: Entry) -> bool:
    """Whether the list of the gMSA allows this principal itself to retrieve the password."""
    descriptor, raw = gmsa.first("msDS-GroupMSAMembership"), principal.first("objectSid")
    if not (descriptor and raw):
        return False
    try:
        return security_descriptor.decide(security_descriptor.dacl(descriptor), {sid.parse(raw)})[0]
    except ValueError:
        return False
