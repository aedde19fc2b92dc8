"""Findings for the list of principals that may retrieve the password."""

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


def test_the_user_is_added_to_a_suitable_group() -> None:
    finding = explain(listed(Ace(True, f"{HOME}-512", FULL), Ace(True, GROUP, FULL)))
    assert "allowed: Domain Admins, Readers" in finding.summary
    assert commands(finding)[1] == "Add-ADGroupMember -Identity Readers -Members reader"


def test_the_user_is_appended_to_the_list_instead_of_a_privileged_group() -> None:
    finding = explain(listed(Ace(True, f"{HOME}-512", FULL)))
    assert commands(finding)[1:] == APPENDED


def test_a_list_with_one_entry_is_named_as_the_only_one() -> None:
    one = explain(listed(Ace(True, f"{HOME}-512", FULL)))
    two = explain(listed(Ace(True, f"{HOME}-512", FULL), Ace(True, f"{ELSEWHERE}-9", FULL)))
    assert "; allowed: only " in one.summary
    assert "; allowed: only " not in two.summary


def test_a_deny_entry_is_named_and_removed_by_setting_the_list_again() -> None:
    finding = explain(listed(Ace(False, "S-1-1-0", FULL), Ace(True, ME, FULL)))
    assert "an entry for Everyone denies reader" in finding.summary
    assert commands(finding)[1].endswith(" CN=reader,DC=corp,DC=example") or commands(finding)[1].endswith(
        " 'CN=reader,DC=corp,DC=example'"
    )
    assert [row.text for row in finding.rows] == [
        "well-known, denied, applies to reader",
        "user, allowed, applies to reader",
    ]


def test_a_list_of_computers_does_not_allow_the_user() -> None:
    finding = explain(listed(Ace(True, HOSTS, FULL)))
    assert "only computers may" in finding.summary
    assert commands(finding)[1:] == APPENDED
    assert "computers only" in finding.rows[0].text


def test_a_distribution_group_grants_nothing_to_its_member() -> None:
    finding = explain(listed(Ace(True, MAIL, FULL), member_of=("cn=mail,dc=corp,dc=example",)))
    assert commands(finding) == ("Set-ADGroup -Identity Mail -GroupCategory Security",)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (Ace(True, ME, 0x100), "lacks the ReadProperty right (0x10)"),
        (Ace(True, ME, READ_PROPERTY, "e362ed86-b728-0842-b27d-2dea7a9df218"), "covers one property only (e362ed86"),
    ],
)
def test_an_entry_for_another_right(entry: Ace, says: str) -> None:
    assert says in explain(listed(entry)).summary


def test_deleted_accounts_and_those_of_other_domains_are_distinguished() -> None:
    assert "SIDs of deleted accounts" in explain(listed(Ace(True, f"{HOME}-9", FULL))).summary
    assert "SIDs of other domains" in explain(listed(Ace(True, f"{ELSEWHERE}-9", FULL))).summary


def test_a_user_that_cannot_be_found_is_not_in_the_list() -> None:
    finding = explain(Membership("webapp01$", "reader", (Ace(True, GROUP, FULL),), WHO, None))
    assert "has no right to read the password" in finding.summary


def test_the_deciding_entry_is_reported() -> None:
    by_group = judge(listed(Ace(True, GROUP, FULL), sids=(ME, GROUP)))
    by_itself = judge(listed(Ace(True, ME, FULL)))
    assert by_group.summary == "reader may retrieve the password of webapp01$ through Readers"
    assert by_itself.summary == "reader may retrieve the password of webapp01$ (listed directly)"
    assert (by_group.status, by_itself.status) == (Status.PASS, Status.PASS)


def test_broad_groups_and_sids_without_an_account_warn() -> None:
    everybody = judge(listed(Ace(True, "S-1-1-0", FULL), Ace(True, ME, FULL)))
    gone = judge(listed(Ace(True, ME, FULL), Ace(True, f"{HOME}-9", FULL)))
    assert (everybody.status, gone.status) == (Status.WARN, Status.WARN)
    assert [row.status for row in gone.rows] == [Status.PASS, Status.WARN]


class Answers:
    """A directory in which the user is in `GROUP`."""

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


def test_an_allowed_user_that_gets_no_password_needs_a_new_ticket() -> None:
    finding = asked(descriptor(Written(GROUP)))
    assert "reader is allowed through Readers, but dc1.corp.example did not release the password" in finding.summary
    assert finding.fix is not None
    assert "Group memberships take effect at the next logon" in finding.fix.text


def test_a_hidden_invalid_or_missing_list_is_reported_as_such() -> None:
    assert "shows no msDS-GroupMSAMembership" in asked(None).summary
    assert "cannot be parsed" in asked(b"\x01\x00").summary
    assert "has no DACL" in asked(descriptor(dacl=False)).summary
    assert "nobody may retrieve" in asked(descriptor()).summary


def entry(dn: str, classes: str, **texts: str) -> Entry:
    values = {"objectClass": tuple(name.encode() for name in classes.split()), "objectSid": (sid(GROUP),)}
    return Entry(dn, Attributes({**values, **{name: (text.encode(),) for name, text in texts.items()}}))


def test_the_kind_of_recorded_entries() -> None:
    gmsa = "top user computer msDS-GroupManagedServiceAccount"
    kinds = {
        PrincipalKind.USER: entry("CN=u", "top person user", sAMAccountName="u"),
        PrincipalKind.COMPUTER: entry("CN=c", "top person user computer", sAMAccountName="c$"),
        PrincipalKind.GMSA: entry("CN=g", gmsa, sAMAccountName="g$"),
        PrincipalKind.GROUP: entry("CN=s", "top group", sAMAccountName="s", groupType="-2147483646"),
        PrincipalKind.DISTRIBUTION_GROUP: entry("CN=d", "top group", sAMAccountName="d", groupType="2"),
    }
    for kind, found in kinds.items():
        assert principal(GROUP, found, HOME).kind is kind


def test_a_foreign_security_principal_is_of_another_domain_and_a_well_known_one_has_its_name() -> None:
    foreign = f"{ELSEWHERE}-9"
    found = entry(f"CN={foreign},CN=ForeignSecurityPrincipals", "top foreignSecurityPrincipal")
    assert principal(foreign, found, HOME).kind is PrincipalKind.FOREIGN
    assert principal(foreign, None, HOME).kind is PrincipalKind.FOREIGN
    assert principal(f"{HOME}-9", None, HOME).kind is PrincipalKind.GONE
    assert principal("S-1-5-11", found, HOME).name == "NT AUTHORITY\\Authenticated Users"
