"""Unusual answers of domain controllers, which the AD of the lab cannot give."""

from dataclasses import replace
from typing import Any, cast

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.kerberos.client import Kerberos, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import Attributes, Directory, Entry, Ldap, LdapRefusal
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, skipped
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.documents.credspec import CredSpecDocument
from gmsa_doctor.given.request import AdminAccount
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.active_directory.user_entry import read
from gmsa_doctor_checks.credspec.domain_data import domain_data
from gmsa_doctor_checks.directory.gmsa_account import gmsa_account
from gmsa_doctor_checks.directory.managed_password import retrieve_password
from gmsa_doctor_checks.directory.not_permitted import not_permitted
from gmsa_doctor_checks.directory.permission import read_identity
from gmsa_doctor_checks.directory.user.administrator import administrator
from gmsa_doctor_checks.kerberos.refusals import explain_gmsa_refusal
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    CredSpec,
    DomainName,
    Endpoint,
    GmsaAccount,
    GmsaName,
    GmsaNames,
    ReachableKdcs,
    ReachableLdap,
)

DOMAIN = DomainName("corp.example")
ACCOUNT = Account("arn", "reader", Hidden("canary"), DOMAIN)
NAMES = GmsaNames(DOMAIN, GmsaName("webapp01"))
NOBODY: Outcome[Administrator] = Outcome(None, skipped("no --as"))
LARGE = LdapRefusal("LDAP 10.0.0.1:389", 4, "sizeLimitExceeded", "")


def entry(dn: str, **texts: str) -> Entry:
    return Entry(dn, Attributes({name: (text.encode(),) for name, text in texts.items()}))


class Answers:
    """Answers a search by the first key that its filter contains; otherwise finds nothing."""

    def __init__(self, **answers: tuple[Entry, ...] | LdapRefusal) -> None:
        self.answers = answers

    def search(
        self, base: str, query: str, attributes: tuple[str, ...], scope: str = "subtree", *, deleted: bool = False
    ) -> tuple[Entry, ...]:
        for part, answer in self.answers.items():
            if query.lstrip("(&").startswith(part) or f"({part}" in query:
                if isinstance(answer, LdapRefusal):
                    raise answer
                return answer
        return ()


def bound(**answers: tuple[Entry, ...] | LdapRefusal) -> BoundDirectory:
    return BoundDirectory("dc1.corp.example", cast("Directory", Answers(**answers)))


ROOT = (entry("", configurationNamingContext="CN=Configuration,DC=corp,DC=example"),)


def test_a_missing_gmsa_fails_in_a_domain_with_more_gmsas_than_one_answer_holds() -> None:
    answers: dict[str, tuple[Entry, ...] | LdapRefusal] = {"objectClass=*": ROOT, "objectClass=msDS": LARGE}
    finding = gmsa_account(
        bound(nETBIOSName=LARGE, **answers), NAMES, ACCOUNT, NOBODY, Platform(Launch.FARGATE), EcsConfig()
    )
    assert isinstance(finding, Finding)
    assert finding.status is Status.FAIL
    assert "finds no gMSA webapp01" in finding.summary


def test_a_dn_of_another_domain_does_not_exist() -> None:
    elsewhere = LdapRefusal("LDAP 10.0.0.1:389", 10, "referral", "0000202B: RefErr: DSID-03100835")
    account = replace(ACCOUNT, distinguished_name="CN=webapp01,DC=eu,DC=corp,DC=example")
    finding = gmsa_account(bound(objectClass=elsewhere), NAMES, account, NOBODY, Platform(Launch.FARGATE), EcsConfig())
    assert isinstance(finding, Finding)
    assert "it belongs to another domain" in finding.summary
    assert finding.fix is not None
    assert finding.fix.owner is Owner.AWS


@pytest.mark.parametrize(("code", "name"), [(51, "busy"), (52, "unavailable"), (3, "timeLimitExceeded")])
def test_a_busy_domain_controller_does_not_decide_about_the_password(code: int, name: str) -> None:
    asked = bound(objectClass=LdapRefusal("LDAP 10.0.0.1:389", code, name, ""))
    with pytest.raises(LdapRefusal):
        retrieve_password(asked, GmsaAccount("CN=webapp01", "webapp01$", b"x"), ACCOUNT, Platform(Launch.EC2), NOBODY)


def test_a_user_is_found_by_its_principal_name_as_the_kdc_finds_it() -> None:
    sid = bytes((1, 1, 0, 0, 0, 0, 0, 5)) + (18).to_bytes(4, "little")
    own = (Entry("CN=Jane", Attributes({"sAMAccountName": (b"jd01",), "objectSid": (sid,)})),)
    directory = bound(**{"userPrincipalName=reader@corp.example": own, "objectClass=*": own}).directory
    found = read(directory, ACCOUNT)
    assert found is not None
    assert found.name == "jd01"
    assert read(directory, ACCOUNT, by_principal_name=False) is None
    me = read_identity(directory, ACCOUNT)
    assert me is not None
    assert me.sid == "S-1-5-18"


class WithoutCatalog(Answers):
    """Refuses tokenGroups, as a domain controller without a global catalog does."""

    def search(
        self, base: str, query: str, attributes: tuple[str, ...], scope: str = "subtree", *, deleted: bool = False
    ) -> tuple[Entry, ...]:
        if "tokenGroups" in attributes:
            raise LdapRefusal("LDAP 10.0.0.1:389", 1, "operationsError", "000020EF")
        return (entry("CN=reader", sAMAccountName="reader", pwdLastSet="1", userAccountControl="512"),)


def test_refused_groups_hide_neither_the_user_nor_the_missing_password() -> None:
    directory = cast("Directory", WithoutCatalog())
    found = read(directory, ACCOUNT)
    assert found is not None
    assert found.name == "reader"
    empty = bytes.fromhex("01000480000000000000000000000000140000000400080000000000")
    finding = not_permitted(directory, GmsaAccount("CN=webapp01", "webapp01$", empty), ACCOUNT)
    assert finding.status is Status.FAIL
    assert "did not return the password of webapp01$" in finding.summary


def test_a_domain_that_is_not_shown_is_not_compared() -> None:
    document = CredSpecDocument("corp.example", "webapp01", "arn", sid="S-1-5-21-1-2-3")
    finding = domain_data(cast("CredSpec", Shown(document)), NAMES, ACCOUNT, bound(**{"objectClass=*": ROOT}))
    assert finding.status is Status.PASS
    finding = domain_data(cast("CredSpec", Shown(document)), NAMES, ACCOUNT, bound(**{"objectClass=*": LARGE}))
    assert finding.status is Status.SKIPPED


class Shown:
    def __init__(self, document: CredSpecDocument) -> None:
        self.document = document


def test_a_locked_gmsa_is_unlocked_and_not_enabled() -> None:
    refusal = KdcRefusal(KdcReason.LOCKED, -1, "KDC 127.0.0.1:88: no")
    finding = explain_gmsa_refusal(refusal, "webapp01$@CORP.EXAMPLE")
    assert "is locked" in finding.summary
    assert finding.fix is not None
    assert finding.fix.commands == ("Unlock-ADAccount -Identity 'webapp01$'",)


class Opens:
    """Opens a session with one host only."""

    def __init__(self, healthy: str) -> None:
        self.healthy = healthy

    def bind(self, host: str, address: str, ticket: Ticket, kdc: object, port: int) -> Directory:
        if host != self.healthy:
            raise TimedOut(f"LDAP {address}:{port}", 8)
        return bound().directory


class Tickets:
    def __init__(self) -> None:
        self.asked = 0

    def user_ticket(self, *_: object) -> Any:
        self.asked += 1
        return "ticket"


def test_the_account_of_as_logs_on_once_and_binds_to_the_second_domain_controller() -> None:
    one, two = Endpoint("dc1.corp.example", "127.0.0.1", 389), Endpoint("dc2.corp.example", "127.0.0.2", 389)
    tickets = Tickets()
    asked = AdminAccount("admin", Hidden("canary"))
    kdcs, ldap = ReachableKdcs(DOMAIN, (one,)), ReachableLdap(DOMAIN, (one, two))
    kerberos = cast("Kerberos", tickets)
    result = administrator(asked, ACCOUNT, kdcs, ldap, kerberos, cast("Ldap", Opens("dc2.corp.example")))
    assert isinstance(result, Given)
    assert "bound to dc2.corp.example" in result.finding.summary
    assert tickets.asked == 1
    with pytest.raises(ClientError, match=r"127\.0\.0\.1"):
        administrator(asked, ACCOUNT, kdcs, ldap, kerberos, cast("Ldap", Opens("none")))
