"""Which of the AD's parts exist, asked of a real AD."""

from dataclasses import replace

import pytest

from gmsa_doctor.clients.kerberos.kdc_errors import KdcRefusal
from gmsa_doctor.clients.ldap.forest import may_create_root_keys
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.given.request import AdminAccount
from gmsa_doctor.setup import directory, parts
from gmsa_doctor.setup.answers import IN_SECRET, Answers
from gmsa_doctor.setup.connection import with_session
from gmsa_doctor.setup.parts import Part
from gmsa_doctor.setup.plan import Known, State
from tests.lab import accounts
from tests.lab.ad import DomainController
from tests.setup.plans import ANSWERS

HERE = replace(ANSWERS, user=accounts.READER, group=accounts.PRINCIPALS)
ADMINISTRATOR = AdminAccount(accounts.ADMINISTRATOR, Hidden(accounts.ADMINISTRATOR_PASSWORD))


def asked(dc: DomainController, answers: Answers) -> dict[type[Part], Known]:
    known, _ = directory.ask(replace(answers, domain=dc.domain), ADMINISTRATOR, (dc.ip,))
    return known


def missing(known: dict[type[Part], Known]) -> set[type[Part]]:
    return {kind for kind, of in known.items() if of.state is State.MISSING}


def test_what_exists_is_found_with_the_data_of_the_domain(dc: DomainController) -> None:
    known, identity = directory.ask(replace(HERE, domain=dc.domain), ADMINISTRATOR, (dc.ip,))
    assert {of.state for of in known.values()} == {State.EXISTS}
    assert (identity.dns_name, identity.net_bios_name) == (dc.domain, dc.netbios_name)


@pytest.mark.parametrize(
    ("answers", "lacking"),
    [
        (replace(HERE, gmsa="none"), {parts.Gmsa, parts.Permission}),
        (replace(HERE, user="none"), {parts.User, parts.Member}),
        (replace(HERE, group="none"), {parts.Group, parts.Member, parts.Permission}),
        (replace(HERE, gmsa="webapp02"), {parts.Permission}),
        (replace(HERE, user=accounts.OUTSIDER), {parts.Member}),
        (replace(HERE, gmsa="webapp09", group=accounts.NESTED_PRINCIPALS), set()),
        (replace(HERE, gmsa="webapp02", user=accounts.OUTSIDER, group="none"), set()),
    ],
)
def test_only_what_is_missing_is_missing(dc: DomainController, answers: Answers, lacking: set[type[Part]]) -> None:
    assert missing(asked(dc, answers)) == lacking


def test_an_account_of_another_class_has_the_name(dc: DomainController) -> None:
    known = asked(dc, replace(HERE, group=accounts.OUTSIDER))[parts.Group]
    assert "is of another class: choose another name" in known.reason


def test_a_user_that_only_the_secret_names_is_not_searched_for(dc: DomainController) -> None:
    known = asked(dc, replace(HERE, user=IN_SECRET))
    assert (known[parts.User].state, known[parts.Member].state) == (State.UNKNOWN, State.UNKNOWN)
    assert not missing(known)


def test_an_account_that_sees_no_root_keys_does_not_know_that_there_are_none(dc: DomainController) -> None:
    outsider = AdminAccount(accounts.OUTSIDER, Hidden(accounts.PASSWORD))
    known, _ = directory.ask(replace(HERE, domain=dc.domain), outsider, (dc.ip,))
    assert known[parts.RootKey].state is State.UNKNOWN
    assert "only administrators" in known[parts.RootKey].reason


def test_who_may_create_root_keys_sees_that_there_are_none(dc: DomainController) -> None:
    may = {
        account.user: with_session(
            dc.domain, account, (dc.ip,), lambda session: may_create_root_keys(session.directory)
        )
        for account in (ADMINISTRATOR, AdminAccount(accounts.OUTSIDER, Hidden(accounts.PASSWORD)))
    }
    assert may == {accounts.ADMINISTRATOR: True, accounts.OUTSIDER: False}


def test_a_wrong_password_raises(dc: DomainController) -> None:
    with pytest.raises(KdcRefusal):
        directory.ask(replace(HERE, domain=dc.domain), AdminAccount(accounts.OUTSIDER, Hidden("wrong")), (dc.ip,))
