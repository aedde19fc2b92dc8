"""LDAP with a real domain controller: sealed sessions, the managed password, and who may read it."""

from datetime import UTC, datetime, timedelta

import ldap3
import pytest

from gmsa_doctor.clients.kerberos.client import Kdc, Kerberos
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import Directory, Ldap, LdapRefusal, _Session
from gmsa_doctor.core.errors import ClientError
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.limits import each
from gmsa_doctor.formats.ad import managed_password, security_descriptor, sid
from tests.lab import accounts, ad

PASSWORD = Hidden(accounts.PASSWORD)
GMSA = "(&(objectClass=msDS-GroupManagedServiceAccount)(sAMAccountName={}$))"
WANTED = ("msDS-ManagedPassword", "msDS-GroupMSAMembership", "objectSid")


class Flow:
    """The clients of a run, and the domain controller that they speak to."""

    def __init__(self, dc: ad.DomainController) -> None:
        self.dc = dc
        self.kdc = Kdc(dc.ip)
        self.kerberos = Kerberos()
        self.ldap = Ldap(self.kerberos)

    def bind(self, user: str, host: str | None = None) -> Directory:
        ticket = self.kerberos.user_ticket(user, self.dc.realm, PASSWORD, self.kdc)
        return self.ldap.bind(host or self.dc.host, self.dc.ip, ticket, self.kdc)


@pytest.fixture
def flow(dc: ad.DomainController) -> Flow:
    return Flow(dc)


def test_the_root_dse_has_the_clock_and_the_names(flow: Flow) -> None:
    found = flow.ldap.root_dse(flow.dc.ip)
    assert abs(found.current_time - datetime.now(UTC)) < timedelta(seconds=5)
    assert found.default_naming_context == flow.dc.base
    assert found.domain_functionality == 7


def test_the_managed_password_gives_a_ticket(flow: Flow) -> None:
    with flow.bind(accounts.READER) as directory:
        (entry,) = directory.search(flow.dc.base, GMSA.format("webapp01"), WANTED)
    assert entry.dn == f"CN=webapp01,CN=Managed Service Accounts,{flow.dc.base}"
    password = managed_password.parse(entry.first("msds-managedpassword") or b"")
    assert len(password.current.reveal()) == 256
    ticket = flow.kerberos.account_ticket("webapp01$", flow.dc.realm, password.utf8(), flow.kdc)
    assert ticket.principal == "webapp01$@CORP.EXAMPLE"


def test_a_reader_that_is_not_allowed_gets_the_entry_without_the_password(flow: Flow) -> None:
    with flow.bind(accounts.OUTSIDER) as directory:
        (entry,) = directory.search(flow.dc.base, GMSA.format("webapp01"), WANTED)
        (group,) = directory.search(flow.dc.base, f"(cn={accounts.PRINCIPALS})", ("objectSid",))
    assert entry.first("msDS-ManagedPassword") is None
    (ace,) = security_descriptor.dacl(entry.first("msDS-GroupMSAMembership") or b"") or ()
    assert (ace.allow, ace.sid) == (True, sid.parse(group.first("objectSid") or b""))


def test_two_users_have_two_sessions(flow: Flow) -> None:
    with flow.bind(accounts.READER) as reader, flow.bind(accounts.OUTSIDER) as outsider:
        for directory, gmsa, allowed in [
            (reader, "webapp01", True),
            (outsider, "webapp01", False),
            (reader, "webapp02", False),
            (outsider, "webapp02", True),
        ]:
            (entry,) = directory.search(flow.dc.base, GMSA.format(gmsa), WANTED)
            assert ("msDS-ManagedPassword" in entry.attributes) is allowed


def test_sessions_in_parallel(flow: Flow) -> None:
    def read(user: str) -> bool:
        with flow.bind(user) as directory:
            (entry,) = directory.search(flow.dc.base, GMSA.format("webapp01"), WANTED)
            return "msDS-ManagedPassword" in entry.attributes

    users = [accounts.READER, accounts.OUTSIDER] * 8
    assert each(users, read) == [(user, user == accounts.READER) for user in users]


def test_one_session_from_many_threads(flow: Flow) -> None:
    with flow.bind(accounts.READER) as directory:
        names = ["webapp01", "webapp02", "webapp04"] * 8
        found = each(names, lambda name: directory.search(flow.dc.base, GMSA.format(name), ("cn",)))
    assert all(not isinstance(entries, ClientError) and entries[0].text("CN") == name for name, entries in found)


def test_a_large_answer_comes_through_the_seal(flow: Flow) -> None:
    with flow.bind(accounts.READER) as directory:
        found = directory.search(flow.dc.base, "(objectClass=*)", ("*",))
    assert len(found) > 100
    assert sum(len(value) for entry in found for values in entry.attributes.values() for value in values) > 65536


def test_nothing_found_is_no_error(flow: Flow) -> None:
    with flow.bind(accounts.READER) as directory:
        assert directory.search(flow.dc.base, GMSA.format("nope"), WANTED) == ()


@pytest.mark.parametrize(
    ("base", "code", "name"), [("DC=corp,DC=nope", 32, "noSuchObject"), ("rubbish", 34, "invalidDNSyntax")]
)
def test_a_wrong_base_is_refused(flow: Flow, base: str, code: int, name: str) -> None:
    with flow.bind(accounts.READER) as directory, pytest.raises(LdapRefusal) as caught:
        directory.search(base, "(objectClass=*)", ("cn",))
    assert (caught.value.code, caught.value.name) == (code, name)
    assert caught.value.server_text


def test_a_host_without_an_ldap_spn_is_an_unknown_service(flow: Flow) -> None:
    with pytest.raises(KdcRefusal) as caught:
        flow.bind(accounts.READER, host="alias.corp.example")
    assert caught.value.reason is KdcReason.UNKNOWN_SERVICE


def test_a_ticket_for_another_service_is_refused_with_the_servers_text(flow: Flow) -> None:
    ticket = flow.kerberos.user_ticket(accounts.READER, flow.dc.realm, PASSWORD, flow.kdc)
    session = _Session(flow.dc.ip, 389, 8)
    context, token = flow.kerberos.security_context(ticket, "MSSQLSvc/sql.corp.example:1433", flow.kdc)

    def bind() -> None:
        from gmsa_doctor.clients.ldap.sealing import sealed_bind

        session.connection.open(read_server_info=False)
        sealed_bind(session.connection, context, token)

    session.do(bind)
    with pytest.raises(LdapRefusal) as caught:
        session.check_result()
    session.close()
    assert caught.value.code == 49
    assert caught.value.server_text


def test_an_unsealed_bind_is_refused_by_this_directory(flow: Flow) -> None:
    """So the tests above show that ours is sealed."""
    ticket = flow.kerberos.user_ticket(accounts.READER, flow.dc.realm, PASSWORD, flow.kdc)
    connection = ldap3.Connection(
        ldap3.Server(flow.dc.ip, get_info=ldap3.NONE),
        authentication=ldap3.SASL,
        sasl_mechanism=ldap3.KERBEROS,
        sasl_credentials=(flow.dc.host, None, ticket.credentials),
    )

    def bind(_: object) -> bool:
        return bool(connection.bind())

    assert flow.kerberos._library.call(flow.dc.realm, (flow.dc.ip, 88), bind) is False
    assert connection.result["description"] == "strongerAuthRequired"


def test_an_anonymous_search_of_the_domain_is_refused(flow: Flow) -> None:
    session = _Session(flow.dc.ip, 389, 8)
    session.do(session.open)
    with pytest.raises(LdapRefusal) as caught:
        session.search(flow.dc.base, "(objectClass=*)", ("cn",), "subtree")
    session.close()
    assert caught.value.name == "operationsError"


def test_a_closed_session_raises_an_error(flow: Flow) -> None:
    directory = flow.bind(accounts.READER)
    directory.close()
    directory.close()
    with pytest.raises(ClientError):
        directory.search(flow.dc.base, "(cn=x)", ("cn",))
