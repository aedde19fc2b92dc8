"""What the list of who may retrieve the password says is what the domain controller does."""

import ldap3
import pytest

from gmsa_doctor.clients.kerberos import Kdc, Kerberos
from gmsa_doctor.clients.ldap import Ldap
from gmsa_doctor.hidden import Hidden
from gmsa_doctor.model import Finding
from gmsa_doctor_checks.directory import retrieve_password
from gmsa_doctor_checks.values import Account, BoundDirectory, DomainName, GmsaAccount
from tests.checks.test_commands import FARGATE, NOBODY
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.lab import Scenario
from tests.scenarios.permission import FAULTS, HEALTHY, WARNINGS
from tests.scenarios.verdicts import fails, passes, warns


@pytest.mark.parametrize("scenario", FAULTS, ids=lambda one: one.name)
def test_the_reason_is_the_one_root_cause(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    fails(scenario, dc, aws)


@pytest.mark.parametrize("scenario", HEALTHY, ids=lambda one: one.name)
def test_the_user_may(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    passes(scenario, dc, aws)


@pytest.mark.parametrize("scenario", WARNINGS, ids=lambda one: one.name)
def test_the_user_may_and_too_many_others(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    warns(scenario, dc, aws)


def test_a_group_counts_in_a_new_ticket_only(dc: DomainController) -> None:
    kerberos, kdc, user = Kerberos(), Kdc(dc.ip), accounts.OUTSIDER
    ticket = kerberos.user_ticket(user, dc.realm, Hidden(accounts.PASSWORD), kdc)
    (group, _), (member, _) = ad.read(dc, accounts.PRINCIPALS), ad.read(dc, user)
    dn, attributes = ad.read(dc, "webapp01$", "msDS-GroupMSAMembership")
    gmsa = GmsaAccount(dn, "webapp01$", attributes["msDS-GroupMSAMembership"][0])
    account = Account("arn", user, Hidden(accounts.PASSWORD), DomainName(dc.domain))
    with ad.administrator(dc) as connection:
        connection.modify(group, {"member": [(ldap3.MODIFY_ADD, [member])]})  # type: ignore[no-untyped-call]
        try:
            with Ldap(kerberos).bind(dc.host, dc.ip, ticket, kdc) as directory:
                finding = retrieve_password(BoundDirectory(dc.host, directory), gmsa, account, FARGATE, NOBODY)
        finally:
            connection.modify(group, {"member": [(ldap3.MODIFY_DELETE, [member])]})  # type: ignore[no-untyped-call]
    assert isinstance(finding, Finding)
    assert f"is allowed by {accounts.PRINCIPALS}, yet" in finding.summary
    assert finding.fix is not None
    assert "A group counts in a new ticket only" in finding.fix.text
