"""What the list of who may retrieve the password is turned into."""

from typing import cast

import pytest

from gmsa_doctor.clients.ldap.client import Attributes, Directory, Entry
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Status
from gmsa_doctor.formats.ad.security_descriptor import READ_PROPERTY, Ace
from gmsa_doctor_checks.directory.not_permitted import explain, not_permitted
from gmsa_doctor_checks.directory.permission import (
    Identity,
    ListedPrincipal,
    Membership,
    PrincipalKind,
    judge,
    principal,
)
from gmsa_doctor_checks.values import Account, DomainName, GmsaAccount
from tests.lab.descriptor import Entry as Written
from tests.lab.descriptor import descriptor, sid

HOME, ELSEWHERE = "S-1-5-21-1-2-3", "S-1-5-21-7-8-9"
ME, GROUP, HOSTS, MAIL = (f"{HOME}-{rid}" for rid in (1103, 1104, 1105, 1106))
FULL = 0xF01FF
WHO = {
    ME: ListedPrincipal(ME, PrincipalKind.USER, "reader", "CN=reader,DC=corp,DC=example"),
    GROUP: ListedPrincipal(GROUP, PrincipalKind.GROUP, "Readers", "CN=Readers,DC=corp,DC=example"),
    HOSTS: ListedPrincipal(HOSTS, PrincipalKind.GROUP, "Hosts", "CN=Hosts,DC=corp,DC=example", hosts=True),
    MAIL: ListedPrincipal(MAIL, PrincipalKind.DISTRIBUTION_GROUP, "Mail", "CN=Mail,DC=corp,DC=example"),
    f"{HOME}-512": ListedPrincipal(f"{HOME}-512", PrincipalKind.GROUP, "Domain Admins"),
    f"{HOME}-9": ListedPrincipal(f"{HOME}-9", PrincipalKind.GONE, f"{HOME}-9"),
    f"{ELSEWHERE}-9": ListedPrincipal(f"{ELSEWHERE}-9", PrincipalKind.FOREIGN, f"{ELSEWHERE}-9"),
    "S-1-1-0": ListedPrincipal("S-1-1-0", PrincipalKind.WELL_KNOWN, "Everyone"),
}
APPENDED = (
    "$list = @((Get-ADServiceAccount webapp01 -Properties PrincipalsAllowedToRetrieveManagedPassword)"
    ".PrincipalsAllowedToRetrieveManagedPassword)",
    "Set-ADServiceAccount -Identity webapp01 -PrincipalsAllowedToRetrieveManagedPassword "
    "($list + (Get-ADUser reader).DistinguishedName)",
)


def listed(*entries: Ace, sids: tuple[str, ...] = (ME, "S-1-1-0"), member_of: tuple[str, ...] = ()) -> Membership:
    me = Identity(ME, frozenset(sids), frozenset(member_of))
    return Membership("webapp01$", "reader", entries, WHO, me)


def commands(finding: Finding) -> tuple[str, ...]:
    assert finding.status is Status.FAIL
    assert finding.fix is not None
    return finding.fix.commands


def test_a_group_that_takes_users_is_the_way_in() -> None:
    finding = explain(listed(Ace(True, f"{HOME}-512", FULL), Ace(True, GROUP, FULL)))
    assert "allowed: Domain Admins, Readers" in finding.summary
    assert commands(finding)[1] == "Add-ADGroupMember -Identity Readers -Members reader"


def test_nobody_is_put_among_the_administrators_but_into_the_list_that_is_kept() -> None:
    finding = explain(listed(Ace(True, f"{HOME}-512", FULL)))
    assert commands(finding)[1:] == APPENDED


def test_one_principal_may_be_what_was_left_of_more() -> None:
    one = explain(listed(Ace(True, f"{HOME}-512", FULL))).fix
    two = explain(listed(Ace(True, f"{HOME}-512", FULL), Ace(True, f"{ELSEWHERE}-9", FULL))).fix
    assert one is not None
    assert two is not None
    assert "one entry only" in one.text
    assert "one entry only" not in two.text


def test_a_deny_entry_is_named_and_goes_with_the_list_written_anew() -> None:
    finding = explain(listed(Ace(False, "S-1-1-0", FULL), Ace(True, ME, FULL)))
    assert "an entry for Everyone denies reader" in finding.summary
    assert commands(finding)[1].endswith(" CN=reader,DC=corp,DC=example") or commands(finding)[1].endswith(
        " 'CN=reader,DC=corp,DC=example'"
    )
    assert [row.text for row in finding.rows] == [
        "well-known, denied, holds for reader",
        "user, allowed, holds for reader",
    ]


def test_computers_are_not_who_asks() -> None:
    finding = explain(listed(Ace(True, HOSTS, FULL)))
    assert "only computers may" in finding.summary
    assert commands(finding)[1:] == APPENDED
    assert "of computers only" in finding.rows[0].text


def test_a_distribution_group_gives_nothing_to_its_member() -> None:
    finding = explain(listed(Ace(True, MAIL, FULL), member_of=("cn=mail,dc=corp,dc=example",)))
    assert commands(finding) == ("Set-ADGroup -Identity Mail -GroupCategory Security",)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Ace(True, ME, 0x100), "does not hold the right"),
        (Ace(True, ME, READ_PROPERTY, "e362ed86-b728-0842-b27d-2dea7a9df218"), "about one property only (e362ed86"),
    ],
)
def test_an_entry_that_gives_something_else(entry: Ace, says: str) -> None:
    assert says in explain(listed(entry)).summary


def test_accounts_that_are_gone_and_those_of_other_domains_are_told_apart() -> None:
    assert "that no account has" in explain(listed(Ace(True, f"{HOME}-9", FULL))).summary
    assert "are not of this domain" in explain(listed(Ace(True, f"{ELSEWHERE}-9", FULL))).summary


def test_a_user_that_cannot_be_found_is_none_of_the_list() -> None:
    finding = explain(Membership("webapp01$", "reader", (Ace(True, GROUP, FULL),), WHO, None))
    assert "may not retrieve" in finding.summary


def test_who_is_allowed_by_what_is_told() -> None:
    by_group = judge(listed(Ace(True, GROUP, FULL), sids=(ME, GROUP)))
    by_itself = judge(listed(Ace(True, ME, FULL)))
    assert by_group.summary == "reader is allowed to retrieve the password of webapp01$ by Readers"
    assert by_itself.summary == "reader itself is allowed to retrieve the password of webapp01$"
    assert (by_group.status, by_itself.status) == (Status.PASS, Status.PASS)


def test_too_many_and_too_few_behind_a_sid_warn() -> None:
    everybody = judge(listed(Ace(True, "S-1-1-0", FULL), Ace(True, ME, FULL)))
    gone = judge(listed(Ace(True, ME, FULL), Ace(True, f"{HOME}-9", FULL)))
    assert (everybody.status, gone.status) == (Status.WARN, Status.WARN)
    assert [row.status for row in gone.rows] == [Status.PASS, Status.WARN]


class Answers:
    """A directory in which the user is in `GROUP` by now."""

    host = "dc1.corp.example"

    def search(self, base: str, query: str, attributes: tuple[str, ...], scope: str = "subtree") -> tuple[Entry, ...]:
        if query.startswith("(|"):
            return (entry("CN=Readers", "top group", sAMAccountName="Readers"),)
        own = {"objectSid": (sid(ME),), "tokenGroups": (sid(GROUP),)}
        return (Entry("CN=reader", Attributes(own)),)


def asked(membership: bytes | None) -> Finding:
    gmsa = GmsaAccount("CN=webapp01", "webapp01$", membership)
    account = Account("arn", "reader", Hidden("canary"), DomainName("corp.example"))
    return not_permitted(cast("Directory", Answers()), gmsa, account)


def test_a_user_who_is_allowed_and_gets_nothing_needs_a_new_ticket() -> None:
    finding = asked(descriptor(Written(GROUP)))
    assert "reader is allowed by Readers, yet dc1.corp.example does not give the password" in finding.summary
    assert finding.fix is not None
    assert "A group counts in a new ticket only" in finding.fix.text


def test_a_list_that_is_not_shown_spoiled_or_missing_is_told_as_it_is() -> None:
    assert "shows no list" in asked(None).summary
    assert "is spoiled" in asked(b"\x01\x00").summary
    assert "has no list at all" in asked(descriptor(dacl=False)).summary
    assert "nobody may retrieve" in asked(descriptor()).summary


def entry(dn: str, classes: str, **texts: str) -> Entry:
    values = {"objectClass": tuple(one.encode() for one in classes.split()), "objectSid": (sid(GROUP),)}
    return Entry(dn, Attributes({**values, **{name: (text.encode(),) for name, text in texts.items()}}))


def test_recorded_entries_are_told_apart() -> None:
    gmsa = "top user computer msDS-GroupManagedServiceAccount"
    kinds = {
        PrincipalKind.USER: entry("CN=u", "top person user", sAMAccountName="u"),
        PrincipalKind.COMPUTER: entry("CN=c", "top person user computer", sAMAccountName="c$"),
        PrincipalKind.GMSA: entry("CN=g", gmsa, sAMAccountName="g$"),
        PrincipalKind.GROUP: entry("CN=s", "top group", sAMAccountName="s", groupType="-2147483646"),
        PrincipalKind.DISTRIBUTION_GROUP: entry("CN=d", "top group", sAMAccountName="d", groupType="2"),
    }
    for kind, one in kinds.items():
        assert principal(GROUP, one, HOME).kind is kind


def test_a_foreign_security_principal_is_of_another_domain_and_a_well_known_one_has_its_name() -> None:
    foreign = f"{ELSEWHERE}-9"
    found = entry(f"CN={foreign},CN=ForeignSecurityPrincipals", "top foreignSecurityPrincipal")
    assert principal(foreign, found, HOME).kind is PrincipalKind.FOREIGN
    assert principal(foreign, None, HOME).kind is PrincipalKind.FOREIGN
    assert principal(f"{HOME}-9", None, HOME).kind is PrincipalKind.GONE
    assert principal("S-1-5-11", found, HOME).name == "NT AUTHORITY\\Authenticated Users"
