"""Who may retrieve the gMSA's password: lists that allow the user, and lists that do not."""

from collections.abc import Callable, Mapping

import ldap3

from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.descriptor import CONTROL_ACCESS, READ_PROPERTY, Entry, descriptor, text
from tests.lab.environment import Environment
from tests.scenarios.changes import all_of, in_ad, options
from tests.scenarios.lab import Change, Lab, Scenario

GMSA = "webapp01$"
USER = accounts.READER
GLOBAL, DOMAIN_LOCAL, UNIVERSAL, FOR_MAIL = "-2147483646", "-2147483644", "-2147483640", "2"
"""Values of groupType (MS-ADTS 2.2.12)."""
MANAGED_PASSWORD = "e362ed86-b728-0842-b27d-2dea7a9df218"
"""The schemaIDGUID of msDS-ManagedPassword (MS-ADA2)."""
OTHER_DOMAIN = "S-1-5-21-1000000001-1000000002-1000000003-1105"
Who = Callable[[DomainController], str]
"""Gives a SID."""


def account(name: str) -> Who:
    """The account or group of that name."""

    def found(dc: DomainController) -> str:
        _, attributes = ad.read(dc, name, "objectSid")
        return text(attributes["objectSid"][0])

    return found


def of_the_domain(rid: int) -> Who:
    """The account of the lab's domain with that relative id."""
    return lambda dc: f"{account(USER)(dc).rpartition('-')[0]}-{rid}"


def well_known(sid: str) -> Who:
    """A SID as it is."""
    return lambda _: sid


def allow(who: Who, mask: int = 0xF01FF, object_type: str | None = None) -> Callable[[DomainController], Entry]:
    """An entry that allows."""
    return lambda dc: Entry(who(dc), True, mask, object_type)


def deny(who: Who, mask: int = READ_PROPERTY) -> Callable[[DomainController], Entry]:
    """An entry that denies."""
    return lambda dc: Entry(who(dc), False, mask)


def listed(*entries: Callable[[DomainController], Entry]) -> Change:
    """Let these entries be the list of the gMSA, in this order."""
    return lambda _, lab: _put(lab, [descriptor(*(one(lab.dc) for one in entries))])


def no_list(_: Environment, lab: Lab) -> None:
    """Let the gMSA have no list at all."""
    _put(lab, [])


def no_dacl(_: Environment, lab: Lab) -> None:
    """Let the gMSA's list restrict nothing."""
    _put(lab, [descriptor(dacl=False)])


def _put(lab: Lab, values: list[bytes]) -> None:
    dn, before = ad.read(lab.dc, GMSA, "msDS-GroupMSAMembership")
    lab.stack.callback(_replace, lab.dc, dn, before["msDS-GroupMSAMembership"])
    _replace(lab.dc, dn, values)


def _replace(dc: DomainController, dn: str, values: list[bytes]) -> None:
    with ad.administrator(dc) as connection:
        connection.modify(dn, {"msDS-GroupMSAMembership": [(ldap3.MODIFY_REPLACE, values)]})  # type: ignore[no-untyped-call]


def group(name: str, *members: str, kind: str = GLOBAL) -> Change:
    """Make a group with these members, for the time of the scenario."""

    def change(_: Environment, lab: Lab) -> None:
        inside = [ad.read(lab.dc, one)[0] for one in members]
        attributes = {"sAMAccountName": name, "groupType": kind, **({"member": inside} if inside else {})}
        _add(lab, f"CN={name},CN=Users,{lab.dc.base}", "group", attributes)

    return change


def computer(name: str) -> Change:
    """Make the account of a computer, for the time of the scenario."""

    def change(_: Environment, lab: Lab) -> None:
        attributes = {"sAMAccountName": f"{name}$", "userAccountControl": "4096"}
        _add(lab, f"CN={name},CN=Computers,{lab.dc.base}", "computer", attributes)

    return change


def primary_group(name: str) -> Change:
    """Let the group, which must have the user as a member, be its primary one: it is in no list of members then."""

    def change(_: Environment, lab: Lab) -> None:
        rid = account(name)(lab.dc).rpartition("-")[2]
        lab.stack.callback(ad.modify, lab.dc, USER, primaryGroupID="513")
        ad.modify(lab.dc, USER, primaryGroupID=rid)

    return change


def _add(lab: Lab, dn: str, kind: str, attributes: Mapping[str, object]) -> None:
    with ad.administrator(lab.dc) as connection:
        connection.add(dn, kind, dict(attributes))  # type: ignore[no-untyped-call]
    lab.stack.callback(_delete, lab.dc, dn)


def _delete(dc: DomainController, dn: str) -> None:
    with ad.administrator(dc) as connection:
        connection.delete(dn)  # type: ignore[no-untyped-call]


_READER, _GROUP, _OTHER = account(USER), account(accounts.PRINCIPALS), account(accounts.OUTSIDER)
_EVERYONE = well_known("S-1-1-0")
_PASSWORD = "directory.managed-password"

FAULTS = (
    Scenario("a list of nobody", _PASSWORD, listed(), "nobody may retrieve"),
    Scenario("no list", _PASSWORD, no_list, "shows no msDS-GroupMSAMembership"),
    Scenario("a descriptor without a list", _PASSWORD, no_dacl, "has no DACL"),
    Scenario("another user only", _PASSWORD, listed(allow(_OTHER)), "allowed: only gmsa-outsider"),
    Scenario(
        "another user and a group that the user is not in",
        _PASSWORD,
        all_of(group("AppReaders", accounts.OUTSIDER), listed(allow(_OTHER), allow(account("AppReaders")))),
        "Add gmsa-reader to the group AppReaders",
    ),
    Scenario(
        "a group within a group of the user",
        _PASSWORD,
        all_of(group("Inner"), group("Outer", USER, "Inner"), listed(allow(account("Inner")))),
        "allowed: only Inner",
    ),
    Scenario("the user is denied", _PASSWORD, listed(deny(_READER), allow(_GROUP)), f"for {USER} denies"),
    Scenario(
        "its group is denied", _PASSWORD, listed(deny(_GROUP), allow(_READER)), f"for {accounts.PRINCIPALS} denies"
    ),
    Scenario(
        "a group around its group is denied",
        _PASSWORD,
        listed(deny(account(accounts.NESTED_PRINCIPALS)), allow(_GROUP)),
        f"for {accounts.NESTED_PRINCIPALS} denies",
    ),
    Scenario("everybody is denied", _PASSWORD, listed(deny(_EVERYONE), allow(_READER)), "for Everyone denies"),
    Scenario("a domain controller only", _PASSWORD, listed(allow(account("DC1$"))), "only computers may"),
    Scenario(
        "a group of hosts only",
        _PASSWORD,
        all_of(computer("host1"), group("WebHosts", "host1$"), listed(allow(account("WebHosts")))),
        "only computers may retrieve the password of webapp01$ (WebHosts)",
    ),
    Scenario("Domain Computers only", _PASSWORD, listed(allow(of_the_domain(515))), "only computers may"),
    Scenario(
        "a distribution group",
        _PASSWORD,
        all_of(group("AppMail", USER, kind=FOR_MAIL), listed(allow(account("AppMail")))),
        "is a distribution group",
    ),
    Scenario("a deleted account", _PASSWORD, listed(allow(of_the_domain(4_000_000))), "SIDs of deleted accounts"),
    Scenario("a group of another domain", _PASSWORD, listed(allow(well_known(OTHER_DOMAIN))), "SIDs of other domains"),
    Scenario("another right", _PASSWORD, listed(allow(_READER, CONTROL_ACCESS)), "lacks the ReadProperty right"),
    Scenario(
        "administrators only",
        _PASSWORD,
        listed(allow(of_the_domain(512)), allow(well_known("S-1-5-32-544"))),
        "Append gmsa-reader to the list, and keep the existing entries",
    ),
    Scenario("the gMSA itself only", _PASSWORD, listed(allow(well_known("S-1-5-10"))), "NT AUTHORITY\\SELF"),
)

HEALTHY = (
    Scenario("the user itself", "", listed(allow(_READER))),
    Scenario("a nested group", "", listed(allow(account(accounts.NESTED_PRINCIPALS)))),
    Scenario(
        "a domain local group around the user's",
        "",
        all_of(group("LocalReaders", accounts.PRINCIPALS, kind=DOMAIN_LOCAL), listed(allow(account("LocalReaders")))),
    ),
    Scenario(
        "a universal group",
        "",
        all_of(group("AllReaders", accounts.PRINCIPALS, kind=UNIVERSAL), listed(allow(account("AllReaders")))),
    ),
    Scenario(
        "the user's primary group",
        "",
        all_of(group("Primary", USER), primary_group("Primary"), listed(allow(account("Primary")))),
    ),
    Scenario(
        "hosts beside the user's group",
        "",
        all_of(computer("host2"), group("Hosts", "host2$"), listed(allow(account("Hosts")), allow(_GROUP))),
    ),
    Scenario("the right to read alone", "", listed(allow(_GROUP, READ_PROPERTY))),
    Scenario("another who is denied", "", listed(deny(_OTHER), allow(_GROUP))),
    Scenario("denied another right", "", listed(deny(_READER, CONTROL_ACCESS), allow(_GROUP))),
    Scenario("allowed before it is denied", "", listed(allow(_GROUP), deny(_READER))),
    Scenario("a group of another domain too", "", listed(allow(_GROUP), allow(well_known(OTHER_DOMAIN)))),
)

_PRINCIPALS = "permission.principals"
_STRANGER = "MSSQLSvc/db.other.test:1433"

WARNINGS = (
    Scenario("everybody may", _PRINCIPALS, listed(allow(_EVERYONE)), "nearly everyone in the domain: Everyone"),
    Scenario(
        "authenticated users may",
        _PRINCIPALS,
        listed(allow(_GROUP), allow(well_known("S-1-5-11"))),
        f"through {accounts.PRINCIPALS}; the list allows nearly everyone",
    ),
    Scenario("domain users may", _PRINCIPALS, listed(allow(of_the_domain(513))), "Domain Users"),
    Scenario("all computers may", _PRINCIPALS, listed(allow(_GROUP), allow(of_the_domain(515))), "Domain Computers"),
    Scenario(
        "a deleted account may", _PRINCIPALS, listed(allow(_GROUP), allow(of_the_domain(4_000_001))), "cannot resolve"
    ),
    Scenario(
        "a server whose name does not tell its realm",
        "kerberos.krb5-conf",
        all_of(in_ad("svc-sql", servicePrincipalName=_STRANGER), options("--spn", _STRANGER)),
        "db.other.test: CORP.EXAMPLE",
    ),
)
