"""Findings for encryption types, lifetimes and trusts."""

import pytest

from gmsa_doctor.authoring import Owner
from gmsa_doctor.clients.kerberos.client import Enctypes, Ticket
from gmsa_doctor.core.model import Finding, Given, Outcome, Status, skipped
from gmsa_doctor.formats.ad.trust import DomainTrust
from gmsa_doctor.given.vantage import ServiceNames
from gmsa_doctor_checks.kerberos import trust
from gmsa_doctor_checks.kerberos.encryption_types import encryption_types
from gmsa_doctor_checks.kerberos.krb5_conf import configuration
from gmsa_doctor_checks.kerberos.tickets import ticket_life
from gmsa_doctor_checks.values import Account, DomainName, Endpoint, GmsaName, GmsaNames, GmsaTicket, UserTicket

AES, RC4 = Enctypes((18, 17, 23), 18, 18), Enctypes((23,), 23, 18)
KDC = Endpoint("dc1.corp.example", "127.0.0.1", 88)
NAMES = GmsaNames(DomainName("corp.example"), GmsaName("webapp01"))
NO_ACCOUNT = Outcome[Account](None, skipped("no secret"))


def user(enctypes: Enctypes | None = AES) -> UserTicket:
    principal = "reader@CORP.EXAMPLE"
    return UserTicket(principal, Ticket(principal, 36_000, None, enctypes), KDC)


def gmsa(enctypes: Enctypes | None = AES, seconds: int = 36_000) -> GmsaTicket:
    principal = "webapp01$@CORP.EXAMPLE"
    return GmsaTicket(principal, Ticket(principal, seconds, None, enctypes), KDC)


def test_aes_passes_and_shows_the_offered_types() -> None:
    finding = encryption_types(user(), gmsa())
    assert finding.status is Status.PASS
    assert [row.name for row in finding.rows] == ["reader@CORP.EXAMPLE", "webapp01$@CORP.EXAMPLE"]
    assert "rc4-hmac" in finding.rows[0].text


def test_an_account_with_rc4_only_warns_with_the_commands_for_its_kind() -> None:
    of_user, of_gmsa = encryption_types(user(RC4), gmsa()), encryption_types(user(), gmsa(RC4))
    assert (of_user.status, of_gmsa.status) == (Status.WARN, Status.WARN)
    assert of_user.fix is not None
    assert of_gmsa.fix is not None
    assert of_user.fix.commands == (
        "Set-ADUser -Identity reader -KerberosEncryptionType AES128,AES256",
        "Set-ADAccountPassword -Identity reader -Reset",
    )
    assert of_gmsa.fix.commands == ("Set-ADServiceAccount -Identity webapp01 -KerberosEncryptionType AES128,AES256",)


def test_a_kdc_whose_own_key_is_rc4_warns_about_krbtgt() -> None:
    finding = encryption_types(user(Enctypes((), 18, 23)), gmsa(Enctypes((), 18, 23)))
    assert finding.status is Status.WARN
    assert "krbtgt" in finding.summary


def test_unknown_encryption_types_are_skipped() -> None:
    assert encryption_types(user(None), gmsa(None)).status is Status.SKIPPED
    assert encryption_types(user(None), gmsa()).status is Status.PASS


@pytest.mark.parametrize(("seconds", "status"), [(3600, Status.PASS), (3599, Status.WARN), (0, Status.WARN)])
def test_a_ticket_of_less_than_an_hour_warns(seconds: int, status: Status) -> None:
    assert ticket_life(gmsa(seconds=seconds)).status is status


def conf(*spns: str, account: Outcome[Account] = NO_ACCOUNT) -> Finding:
    result = configuration(NAMES, account, ServiceNames(spns), Outcome(None, skipped("no directory")))
    assert isinstance(result, Given)
    return result.finding


def test_servers_below_the_domain_need_no_configuration() -> None:
    assert conf().status is Status.PASS
    assert conf("MSSQLSvc/sql.corp.example:1433", "MSSQLSvc/10.0.0.5:1433").status is Status.PASS


def test_a_server_of_another_name_warns_with_the_command_that_prints_the_file() -> None:
    finding = conf("MSSQLSvc/sql.corp.example", "MSSQLSvc/db.other.example:1433")
    assert finding.status is Status.WARN
    assert finding.fix is not None
    (command,) = finding.fix.commands
    assert command.startswith("gmsa-doctor krb5-conf --domain corp.example --spn MSSQLSvc/sql.corp.example --spn ")
    assert finding.fix.owner is Owner.DEVELOPER
    assert [row.status for row in finding.rows] == [Status.PASS, Status.WARN]


def test_a_trust_is_reported_and_that_credentials_fetcher_does_not_use_it() -> None:
    finding = trust.judge(
        "corp.example", "old.example", (DomainTrust("old.example", 3, 2, 8), DomainTrust("x.example", 1, 2))
    )
    assert finding.status is Status.PASS
    assert "trusts us and we trust it" in finding.summary
    assert "still searches for the gMSA in corp.example" in finding.summary
    assert len(finding.rows) == 2


def test_a_trust_in_the_other_direction_does_not_let_our_users_in() -> None:
    finding = trust.judge("corp.example", "old.example", (DomainTrust("old.example", 2, 2),))
    assert "users of corp.example may not log on there" in finding.summary


def test_without_a_trust_the_warning_of_the_secret_stands() -> None:
    finding = trust.judge("corp.example", "old.example", ())
    assert (finding.status, finding.because) == (Status.SKIPPED, ("secret.domain",))
