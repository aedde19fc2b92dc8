"""The entry of the secret's user in the AD, and the attributes in it that prevent a logon."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gmsa_doctor.authoring import Row, Status
from gmsa_doctor.clients.ldap.client import Directory, Entry, LdapRefusal, escape_filter
from gmsa_doctor.formats.ad import filetime, logon_hours, sid, supported_encryption_types
from gmsa_doctor.formats.ad.user_account_control import Control
from gmsa_doctor.formats.ad.user_account_control import words as flag_words
from gmsa_doctor_checks.values import Account

PROTECTED_USERS = "-525"
"""The end of the SID of the group Protected Users, in every domain. Source: MS-DTYP 2.4.2.4."""

_ATTRIBUTES = (
    "accountExpires",
    "badPasswordTime",
    "badPwdCount",
    "lockoutTime",
    "logonHours",
    "msDS-ResultantPSO",
    "msDS-SupportedEncryptionTypes",
    "msDS-User-Account-Control-Computed",
    "msDS-UserPasswordExpiryTimeComputed",
    "objectClass",
    "pwdLastSet",
    "sAMAccountName",
    "tokenGroups",
    "userAccountControl",
    "userWorkstations",
)
"""By default the user itself may read them all. Computed attributes must be requested by name."""


@dataclass(frozen=True)
class UserEntry:
    """The attributes of the secret's user. Times are in UTC."""

    dn: str
    name: str
    """The sAMAccountName."""
    kind: str
    """The most specific of its object classes."""
    flags: Control
    """``userAccountControl`` and ``msDS-User-Account-Control-Computed``."""
    password_set: datetime | None
    """``None``: never, so the password must be changed at the next logon."""
    password_expires: datetime | None
    """``None``: never."""
    password_policy: str | None = None
    """The name of the fine-grained policy; ``None``: the domain's policy applies, or the user may not see it."""
    account_expires: datetime | None = None
    locked: datetime | None = None
    """When it was locked; the flags show whether it still is."""
    bad_passwords: int = 0
    last_bad_password: datetime | None = None
    hours: bytes | None = field(default=None, repr=False)
    workstations: tuple[str, ...] = ()
    encryption_types: int | None = None
    groups: frozenset[str] = field(default=frozenset(), repr=False)
    """The SIDs of all its groups, also nested ones."""
    hidden: bool = False
    """The property set User Account Restrictions cannot be read by the account that was used."""

    @property
    def protected(self) -> bool:
        """Whether it is in the group Protected Users."""
        return any(group.startswith("S-1-5-21-") and group.endswith(PROTECTED_USERS) for group in self.groups)

    @property
    def must_change(self) -> bool:
        """Whether the password must be changed at the next logon."""
        return self.password_set is None and not self.hidden and not self.flags & Control.DONT_EXPIRE_PASSWD

    def forbids(self, now: datetime) -> tuple[str, ...]:
        """The attributes that prevent a logon with a password at this time, each with its meaning."""
        expired = bool(self.flags & Control.PASSWORD_EXPIRED) and not self.must_change
        reasons = {
            f"userAccountControl {flag_words(self.flags)}: disabled": self.flags & Control.ACCOUNTDISABLE,
            f"lockoutTime {utc(self.locked)}: locked": self.flags & Control.LOCKOUT,
            f"accountExpires {utc(self.account_expires)}: the account has expired": (
                self.account_expires is not None and self.account_expires <= now
            ),
            "pwdLastSet 0: the password must be changed at the next logon": self.must_change,
            f"pwdLastSet {utc(self.password_set)}, expired {utc(self.password_expires)}{self._by_policy}": expired,
            "userAccountControl: SMARTCARD_REQUIRED": self.flags & Control.SMARTCARD_REQUIRED,
            "userAccountControl: USE_DES_KEY_ONLY": self.flags & Control.USE_DES_KEY_ONLY,
            "logonHours: not at this hour": not logon_hours.allows(self.hours, now),
        }
        return tuple(text for text, holds in reasons.items() if holds)

    @property
    def _by_policy(self) -> str:
        return f" by policy {self.password_policy}" if self.password_policy else ""

    def rows(self, now: datetime) -> tuple[Row, ...]:
        """The attributes that a logon depends on, as rows of a finding."""
        hours, types = logon_hours.allowed(self.hours), self.encryption_types
        never_set = "not shown" if self.hidden else "0: must be changed at the next logon"
        texts = {
            "distinguishedName": self.dn,
            "userAccountControl": "not shown" if self.hidden else flag_words(self.flags),
            "lockoutTime": utc(self.locked) if self.flags & Control.LOCKOUT else "not locked",
            "badPwdCount": f"{self.bad_passwords}, the last on {utc(self.last_bad_password)}",
            "accountExpires": utc(self.account_expires),
            "pwdLastSet": utc(self.password_set) if self.password_set else never_set,
            "password expires": utc(self.password_expires) + self._by_policy,
            "logonHours": f"{hours} of {logon_hours.HOURS} hours a week",
            "userWorkstations": ", ".join(self.workstations) or "not restricted",
            "msDS-SupportedEncryptionTypes": "not set" if types is None else supported_encryption_types.words(types),
            "Protected Users": "a member" if self.protected else "not a member",
        }
        forbidding = " ".join(self.forbids(now))
        return tuple(
            Row(name, Status.FAIL if name in forbidding else Status.PASS, text) for name, text in texts.items()
        )


def utc(when: datetime | None) -> str:
    """A time as text, in UTC."""
    return "never" if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def duration(time: timedelta) -> str:
    """A span of time as text, in the largest unit of which there are at least two."""
    seconds = time.total_seconds()
    for size, unit in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def locate(directory: Directory, account: Account, *, by_principal_name: bool = True) -> str | None:
    """The DN of the account that a KDC finds for this user name; ``None`` if the AD shows none.

    A KDC searches by sAMAccountName, then by sAMAccountName with ``$`` appended, then by userPrincipalName.
    Source: MS-KILE 3.3.5.6.1.
    """
    name = escape_filter(account.user)
    queries = [f"(sAMAccountName={name})", f"(sAMAccountName={name}$)"]
    if by_principal_name:
        queries.append(f"(userPrincipalName={name}@{account.domain.text})")
    for query in queries:
        entries = directory.search(account.domain.base_dn, query, ("sAMAccountName",))
        if entries:
            return entries[0].dn
    return None


def read(directory: Directory, account: Account, *, by_principal_name: bool = True) -> UserEntry | None:
    """The entry of the account that a KDC finds for this user name; ``None`` if the AD shows none."""
    dn = locate(directory, account, by_principal_name=by_principal_name)
    if dn is None:
        return None
    # computed attributes are returned by searches with base scope only
    try:
        (entry,) = directory.search(dn, "(objectClass=*)", _ATTRIBUTES, "base")
    except LdapRefusal:  # tokenGroups is refused if no global catalog answers (MS-ADTS 3.1.1.4.5.19)
        attributes = tuple(name for name in _ATTRIBUTES if name != "tokenGroups")
        (entry,) = directory.search(dn, "(objectClass=*)", attributes, "base")
    return of_entry(entry)


def kind(entry: Entry) -> str:
    """The most specific object class: the last one in the AD's order."""
    return (entry.texts("objectClass") or ("object",))[-1]


def of_entry(entry: Entry) -> UserEntry:
    """The attributes of an entry; missing ones have the meaning that Active Directory gives them."""
    flags = ("userAccountControl", "msDS-User-Account-Control-Computed")
    own, computed = (filetime.number(entry.text(name)) or 0 for name in flags)
    policy = entry.text("msDS-ResultantPSO")
    return UserEntry(
        dn=entry.dn,
        name=entry.text("sAMAccountName") or "",
        kind=kind(entry),
        flags=Control(own | computed),
        password_set=_time(entry, "pwdLastSet"),
        password_expires=_time(entry, "msDS-UserPasswordExpiryTimeComputed"),
        password_policy=policy.partition(",")[0].removeprefix("CN=") if policy else None,
        account_expires=_time(entry, "accountExpires"),
        locked=_time(entry, "lockoutTime"),
        bad_passwords=filetime.number(entry.text("badPwdCount")) or 0,
        last_bad_password=_time(entry, "badPasswordTime"),
        hours=entry.first("logonHours"),
        workstations=tuple(filter(None, (entry.text("userWorkstations") or "").split(","))),
        encryption_types=filetime.number(entry.text("msDS-SupportedEncryptionTypes")),
        groups=frozenset(filter(None, map(sid_of, entry.attributes.get("tokenGroups", ())))),
        hidden="pwdLastSet" not in entry.attributes and "userAccountControl" not in entry.attributes,
    )


def _time(entry: Entry, name: str) -> datetime | None:
    return filetime.instant(filetime.number(entry.text(name)) or 0)


def sid_of(value: bytes | None) -> str | None:
    """A SID as text; ``None`` if there is none, or if it cannot be parsed."""
    try:
        return None if value is None else sid.parse(value)
    except sid.SidError:
        return None
