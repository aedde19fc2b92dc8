"""``msDS-GroupMSAMembership``: who may retrieve the gMSA's password, and what that says of the secret's user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gmsa_doctor.authoring import Row, Status
from gmsa_doctor.clients.ldap.directory import Directory
from gmsa_doctor.formats.ad import security_descriptor, sid
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, Ace, decide
from gmsa_doctor_checks.commands import powershell
from gmsa_doctor_checks.directory.principals import Identity, ListedPrincipal, PrincipalKind, identity, principals
from gmsa_doctor_checks.values import Account, GmsaAccount

LIST = "PrincipalsAllowedToRetrieveManagedPassword"

EVERYBODY = {"S-1-1-0", "S-1-5-2", "S-1-5-7", "S-1-5-11", "S-1-5-15", "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-554"}
"""Well-known principals that stand for each account of the domain, or for more."""
EVERYBODY_OF_THE_DOMAIN = {513: "Domain Users", 514: "Domain Guests", 515: "Domain Computers"}


@dataclass(frozen=True)
class Membership:
    """The list, and what it says of the user. ``unrestricted``: the security descriptor has no list."""

    gmsa: str
    user: str
    entries: tuple[Ace, ...]
    who: dict[str, ListedPrincipal]
    me: Identity | None
    unrestricted: bool = False

    @classmethod
    def read(cls, directory: Directory, gmsa: GmsaAccount, account: Account) -> Membership:
        """What the AD shows. Raises DescriptorError and LdapRefusal."""
        entries = security_descriptor.dacl(gmsa.membership or b"")
        me = identity(directory, account)
        home = sid.domain_of(me.sid) if me else None
        who = principals(directory, account, (entry.sid for entry in entries or ()), home)
        return cls(gmsa.name, account.user, entries or (), who, me, entries is None)

    @property
    def allowed(self) -> tuple[ListedPrincipal, ...]:
        """Those that an entry allows to read the password."""
        found = (self.who[entry.sid] for entry in self.entries if entry.allow and entry.mask & READ_PROPERTY)
        return tuple(dict.fromkeys(found))

    @property
    def decision(self) -> tuple[bool, Ace | None]:
        """Whether the user may, on paper, and the entry that says so."""
        return decide(self.entries, self.me.sids) if self.me else (False, None)

    def is_about_user(self, entry: Ace) -> bool:
        """Whether the entry is about the user or one of its groups."""
        return self.me is not None and entry.sid in self.me.sids

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each entry of the list, in its order."""
        return tuple(map(self._row, self.entries))

    def _row(self, entry: Ace) -> Row:
        principal = self.who[entry.sid]
        right = "allowed" if entry.allow else "denied"
        if not entry.mask & READ_PROPERTY or entry.object_type is not None:
            right += f" something else ({entry.mask:#x})"
        words = [str(principal.kind), right]
        if principal.hosts and principal.kind is PrincipalKind.GROUP:
            words.append("of computers only")
        if entry.inherited:
            words.append("inherited")
        if self.is_about_user(entry):
            words.append(f"holds for {self.user}")
        doubtful = principal.kind is PrincipalKind.GONE or (entry.allow and is_wide(principal))
        return Row(principal.name, Status.WARN if doubtful else Status.PASS, ", ".join(words))


def is_wide(principal: ListedPrincipal) -> bool:
    """Whether nearly everybody in the domain is meant."""
    if principal.kind is PrincipalKind.WELL_KNOWN:
        return principal.sid in EVERYBODY
    return sid.domain_of(principal.sid) is not None and sid.rid_of(principal.sid) in EVERYBODY_OF_THE_DOMAIN


def names(principals: Iterable[ListedPrincipal]) -> str:
    """The names of all."""
    return ", ".join(principal.name for principal in principals)


def show_list(gmsa: str) -> str:
    """The command that shows the list of a gMSA."""
    return f"Get-ADServiceAccount {_bare(gmsa)} -Properties {LIST}"


def set_list(gmsa: str, *names: str) -> str:
    """The command that overwrites the list."""
    return f"Set-ADServiceAccount -Identity {_bare(gmsa)} -{LIST} {','.join(map(powershell, names))}"


def append_user(gmsa: str, user: str) -> tuple[str, ...]:
    """The commands that show the list, and add a user to it."""
    return (
        show_list(gmsa),
        f"$list = @((Get-ADServiceAccount {_bare(gmsa)} -Properties {LIST}).{LIST})",
        f"Set-ADServiceAccount -Identity {_bare(gmsa)} -{LIST} "
        f"($list + (Get-ADUser {powershell(user)}).DistinguishedName)",
    )


def _bare(gmsa: str) -> str:
    """The gMSA's name without ``$``, as the cmdlets take it."""
    return powershell(gmsa.removesuffix("$"))
