"""What domain controllers say of themselves, and in what they differ about the gMSA; as recorded, without any."""

import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import Attributes, Directory, Entry, Ldap, LdapRefusal, RootDse, _root_dse
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Given, Outcome, Row, Status, failed, passed, unknown
from gmsa_doctor_checks.active_directory.ldap_bind import explain_bind
from gmsa_doctor_checks.domain_controllers.replication import (
    GmsaReplica,
    LdapSessions,
    difference,
    gmsa,
    read_replica,
)
from gmsa_doctor_checks.domain_controllers.root_dse import (
    MOST,
    RootDses,
    dns_name,
    domain,
    functional_level,
    how_often,
    names,
    read_only,
    root_dses,
    windows,
)
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    DomainControllers,
    DomainName,
    Endpoint,
    GmsaAccount,
    GmsaName,
    GmsaNames,
    GmsaPassword,
    ReachableLdap,
)

DOMAIN = DomainName("corp.example")
ACCOUNT = Account("arn", "reader", Hidden("canary-secret"), DOMAIN)
NAMES = GmsaNames(DOMAIN, GmsaName("webapp01"))
HOSTS = tuple(f"dc{n}.corp.example" for n in (1, 2, 3))
ENDPOINTS = tuple(Endpoint(host, f"10.0.0.{n}", 389) for n, host in enumerate(HOSTS, 1))

RODC = {
    "currentTime": "20250131235959.0Z",
    "defaultNamingContext": "DC=corp,DC=example",
    "dnsHostName": "rodc1.corp.example",
    "serverName": "CN=RODC1,CN=Servers,CN=Branch\\, North,CN=Sites,CN=Configuration,DC=corp,DC=example",
    "supportedSASLMechanisms": "GSSAPI",
    "domainFunctionality": "7",
    "forestFunctionality": "7",
    "domainControllerFunctionality": "7",
}
CAPABILITIES = (
    b"1.2.840.113556.1.4.800",
    b"1.2.840.113556.1.4.1670",
    b"1.2.840.113556.1.4.1791",
    b"1.2.840.113556.1.4.1920",
    b"1.2.840.113556.1.4.1935",
    b"1.2.840.113556.1.4.2080",
    b"1.2.840.113556.1.4.2237",
)
"""What a read-only domain controller of Windows Server 2016 answers (MS-ADTS 3.1.1.3.4.3)."""


def rodc() -> RootDse:
    values = {name: (text.encode(),) for name, text in RODC.items()}
    return _root_dse(Entry("", Attributes({**values, "supportedCapabilities": CAPABILITIES})), "LDAP")


def dse(dn: str = "DC=corp,DC=example", level: int | None = 7) -> RootDse:
    return RootDse(datetime.now(UTC), dn, 7, level)


def of(*answers: RootDse) -> RootDses:
    return RootDses(DOMAIN, HOSTS[: len(answers)], tuple(zip(ENDPOINTS, answers, strict=False)))


class Answers:
    """An LDAP client that returns these answers, by address."""

    def __init__(self, *answers: RootDse | ClientError) -> None:
        self.answers = {f"10.0.0.{n}": answer for n, answer in enumerate(answers, 1)}

    def root_dse(self, address: str, port: int) -> RootDse:
        answer = self.answers[address]
        if isinstance(answer, ClientError):
            raise answer
        return answer


def asked(*answers: RootDse | ClientError) -> Given[RootDses] | Finding:
    endpoints = ENDPOINTS[: len(answers)]
    return root_dses(
        DomainControllers(DOMAIN, endpoints, ()), ReachableLdap(DOMAIN, endpoints), cast("Ldap", Answers(*answers))
    )


# --- rootDSEs ------------------------------------------------------------------------


def test_the_recorded_root_dse_of_a_read_only_domain_controller_is_parsed() -> None:
    found = rodc()
    assert (found.read_only, found.site, found.controller_functionality) == (True, "Branch, North", 7)


@pytest.mark.parametrize("name", ["", "CN=DC1", "CN=DC1,CN=Servers", "nonsense"])
def test_a_server_name_without_a_site_gives_no_site(name: str) -> None:
    assert RootDse(datetime.now(UTC), "", server_name=name).site is None


def test_a_read_only_domain_controller_warns_and_shows_how_often_it_is_asked() -> None:
    finding = read_only(of(dse(), rodc(), dse()))
    assert finding.status is Status.WARN
    assert "dc2.corp.example is read-only" in finding.summary
    assert "about every third task" in finding.summary
    assert [row.status for row in finding.rows] == [Status.PASS, Status.WARN, Status.PASS]


def test_each_answer_has_a_row_that_fits_eighty_columns() -> None:
    result = asked(dse(), rodc())
    assert isinstance(result, Given)
    assert result.finding.status is Status.PASS
    assert all(len(f"{row.name}: {row.text}") < 110 for row in result.finding.rows)
    assert "read-only" in result.finding.rows[1].text


def test_a_domain_controller_that_does_not_answer_warns_and_is_left_out() -> None:
    result = asked(dse(), TimedOut("LDAP 10.0.0.2:389", 8))
    assert isinstance(result, Given)
    assert result.finding.status is Status.WARN
    assert [endpoint.host for endpoint, _ in result.value.answers] == ["dc1.corp.example"]
    assert "dc2.corp.example accepts" in result.finding.summary


def test_no_answer_at_all_is_unknown() -> None:
    result = asked(TimedOut("LDAP 10.0.0.1:389", 8))
    assert isinstance(result, Finding)
    assert result.status is Status.UNKNOWN


@pytest.mark.parametrize("dn", ["DC=acme,DC=example", "", "O=acme", "DC=example", "DC=a,DC=corp,DC=example"])
def test_a_domain_controller_of_another_domain_warns(dn: str) -> None:
    finding = domain(of(dse(), dse(dn)))
    assert finding.status is Status.WARN
    assert "dc2.corp.example" in finding.summary
    assert functional_level(of(dse(), dse(dn, 3))).status is Status.PASS


@pytest.mark.parametrize("dn", ["DC=corp,DC=example", "dc=Corp,dc=EXAMPLE", "DC=corp, DC=example"])
def test_the_domain_is_the_same_in_any_case(dn: str) -> None:
    assert domain(of(dse(dn))).status is Status.PASS


@pytest.mark.parametrize(
    ("level", "status"), [(3, Status.WARN), (4, Status.WARN), (5, Status.PASS), (10, Status.PASS), (None, Status.PASS)]
)
def test_gmsas_need_windows_server_2012(level: int | None, status: Status) -> None:
    assert functional_level(of(dse(), dse(level=level))).status is status


def test_levels_are_shown_as_windows_versions() -> None:
    assert [windows(level) for level in (4, 10, 9, None)] == [
        "Windows Server 2008 R2",
        "Windows Server 2025",
        "level 9",
        "",
    ]


@given(st.text())
def test_any_naming_context_is_parsed(text: str) -> None:
    assert isinstance(dns_name(text), str)


# --- how often ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "of", "words"),
    [
        (1, 2, "1 of 2 domain controllers: about every second task asks it first"),
        (1, 3, "1 of 3 domain controllers: about every third task"),
        (2, 3, "2 of 3 domain controllers: as many tasks ask one of them first"),
        (1, 8, "1 of 8 domain controllers: about every 8th task"),
        (2, 2, "this affects every task"),
    ],
)
def test_how_often_a_task_asks_a_domain_controller_first(bad: int, of: int, words: str) -> None:
    hosts = tuple(f"dc{n}" for n in range(of))
    assert how_often(hosts[:bad], hosts).startswith(words)


def test_a_sentence_names_some_of_many_hosts() -> None:
    assert names(("dc1", "dc2", "dc1")) == "dc1, dc2"
    assert names(tuple(f"dc{n}" for n in range(200))) == "dc0, dc1, dc2, dc3, dc4, dc5 and 194 more"


def test_some_of_hundreds_of_domain_controllers_are_asked() -> None:
    many = tuple(Endpoint(f"dc{n}", f"10.0.{n}.1", 389) for n in range(200))
    answers = Answers()
    answers.answers = {endpoint.address: dse() for endpoint in many[:MOST]}
    result = root_dses(DomainControllers(DOMAIN, many, ()), ReachableLdap(DOMAIN, many), cast("Ldap", answers))
    assert isinstance(result, Given)
    assert result.finding.summary.startswith(f"each of the first {MOST} answers")


# --- the gMSA -------------------------------------------------------------------------------------------

DN = "CN=webapp01,CN=Managed Service Accounts,DC=corp,DC=example"
SET = 133_800_000_000_000_000
DAY = 24 * 3600 * 10_000_000
NEWEST = GmsaReplica(DN, True, SET, b"id", b"sd", Hidden(b"canary-password"))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "does not exist there"),
        (GmsaReplica(DN, False, SET, b"id", b"sd", NEWEST.password), "disabled there"),
        (GmsaReplica(DN, True, SET - 3 * DAY, b"id", b"sd", NEWEST.password), "3 days earlier than on dc1"),
        (GmsaReplica(DN, True, SET - 5 * 10_000_000, b"id", b"sd", NEWEST.password), "5 s earlier than on dc1"),
        (GmsaReplica(DN, True, SET, b"id", b"sd", None, "no such key"), "cannot compute the password: no such key"),
        (GmsaReplica(DN, True, SET, b"id", b"other", NEWEST.password), "msDS-GroupMSAMembership differs from dc1"),
        (GmsaReplica(DN, True, SET, b"id", b"sd", None), "does not return the password"),
        (GmsaReplica(DN, True, SET, b"id", b"sd", Hidden(b"canary-other")), "a different password from dc1"),
        (GmsaReplica(DN, True, SET, b"other", b"sd", NEWEST.password), "msDS-ManagedPasswordId"),
        (GmsaReplica(DN, True, SET, None, None, NEWEST.password), None),
        (NEWEST, None),
    ],
)
def test_each_difference_is_described(found: GmsaReplica | None, words: str | None) -> None:
    text = difference(found, NEWEST, "dc1")
    assert (words in (text or "")) if words else text is None
    assert "canary" not in str(text)


def test_the_repr_of_a_replica_shows_no_password() -> None:
    assert "canary" not in repr(NEWEST)


class Session:
    """A session with a domain controller that has the gMSA with these attributes, or answers with an error."""

    def __init__(self, attributes: dict[str, bytes] | None = None, error: ClientError | None = None) -> None:
        self.attributes, self.error = attributes, error

    def search(self, base: str, wanted: str, names: tuple[str, ...], scope: str = "subtree") -> tuple[Entry, ...]:
        if self.error is not None and (scope == "base" or self.attributes is None):
            raise self.error
        if self.attributes is None:
            return ()
        return (Entry(DN, Attributes({key: (value,) for key, value in self.attributes.items()})),)


BOUND = BoundDirectory(HOSTS[0], cast("Directory", None), "10.0.0.1")
FOUND = Outcome(GmsaAccount(DN, "webapp01$"), passed("found"))
GIVEN = Outcome(GmsaPassword("webapp01$", Hidden(b"canary-password")), passed("given"))


def compared(*known: Session, found: Outcome[GmsaAccount] = FOUND, password: Outcome[GmsaPassword] = GIVEN) -> Finding:
    sessions = tuple(zip(ENDPOINTS, cast("tuple[Directory, ...]", known), strict=False))
    return gmsa(LdapSessions(HOSTS[: len(known)], sessions), NAMES, ACCOUNT, BOUND, found, password)


WELL = {"userAccountControl": b"4096", "pwdLastSet": b"%d" % SET}


def test_domain_controllers_that_agree_pass() -> None:
    finding = compared(Session(WELL), Session(WELL))
    assert finding.status is Status.PASS
    assert "webapp01$ is the same on 2 domain controllers" in finding.summary


def test_a_single_domain_controller_passes() -> None:
    assert "was read from dc1.corp.example only" in compared(Session(WELL)).summary


def test_the_domain_controller_with_the_older_password_is_named_in_any_order() -> None:
    older = {**WELL, "pwdLastSet": b"%d" % (SET - DAY)}
    for known in ((Session(older), Session(WELL)), (Session(WELL), Session(older))):
        finding = compared(*known)
        assert finding.status is Status.WARN
        assert "24 hours earlier" in finding.summary
        (bad,) = (row for row in finding.rows if row.status is Status.WARN)
        assert bad.name.split()[0] in finding.summary
        assert DN in "".join(finding.fix.commands if finding.fix else ())


def test_a_gmsa_that_no_domain_controller_has_is_reported_by_another_check() -> None:
    finding = compared(Session(), Session())
    assert (finding.status, finding.because) == (Status.SKIPPED, ("directory.gmsa-account",))


def test_an_error_of_one_domain_controller_warns_with_its_text() -> None:
    finding = compared(Session(WELL), Session(error=TimedOut("LDAP 10.0.0.2:389", 8)))
    assert finding.status is Status.WARN
    assert (
        Row("dc2.corp.example (10.0.0.2)", Status.WARN, "LDAP 10.0.0.2:389 did not answer within 8 s") in finding.rows
    )


def test_a_refusal_to_compute_the_password_is_kept() -> None:
    refusal = LdapRefusal("LDAP", 1, "operationsError", "No such Base DN: CN=key,CN=Master Root Keys")
    found = read_replica(cast("Directory", Session(WELL, refusal)), "DC=corp,DC=example", "webapp01")
    assert found is not None
    assert "Master Root Keys" in str(found.refusal)


NOT_FOUND = Outcome[GmsaAccount](None, replace(failed("there is no gMSA"), check="directory.gmsa-account"))
NO_PASSWORD = Outcome[GmsaPassword](None, replace(failed("may not"), check="directory.managed-password"))
UNKNOWN = Outcome[GmsaAccount](None, replace(unknown("not known"), check="directory.gmsa-account"))
_PASSWORD = "canary".encode("utf-16-le") + bytes(2)
BLOB = struct.pack("<HHIHHHH", 1, 0, 16 + 14 + 16, 16, 0, 30, 38) + _PASSWORD + bytes(16)
"""MSDS-MANAGEDPASSWORD_BLOB (MS-ADTS 2.2.19) with a current password and two intervals."""
GIVES = {**WELL, "msDS-ManagedPassword": BLOB}
DISABLED = {**WELL, "userAccountControl": b"4098"}


@pytest.mark.parametrize(
    ("known", "found", "password", "check", "words"),
    [
        ((Session(), Session(WELL)), NOT_FOUND, GIVEN, "directory.gmsa-account", "dc1.corp.example does not have it"),
        ((Session(DISABLED), Session(WELL)), NOT_FOUND, GIVEN, "directory.gmsa-account", "has it disabled"),
        (
            (Session(WELL), Session(GIVES)),
            FOUND,
            NO_PASSWORD,
            "directory.managed-password",
            "does not return its password",
        ),
    ],
)
def test_a_failure_on_the_first_domain_controller_alone_is_caused_by_replication(
    known: tuple[Session, ...], found: Any, password: Any, check: str, words: str
) -> None:
    finding = compared(*known, found=found, password=password)
    assert (finding.status, finding.check) == (Status.FAIL, check)
    assert words in finding.summary
    assert "unlike dc2.corp.example" in finding.summary
    assert "1 of 2" in finding.summary
    assert finding.fix is not None
    assert "repadmin /showrepl" in finding.fix.commands


@pytest.mark.parametrize(
    ("known", "found", "password"),
    [
        ((Session(), Session(WELL)), UNKNOWN, GIVEN),
        ((Session(WELL), Session(WELL)), NOT_FOUND, GIVEN),
        ((Session(DISABLED), Session(DISABLED)), NOT_FOUND, GIVEN),
        ((Session(WELL), Session(WELL)), FOUND, NO_PASSWORD),
        ((Session(GIVES), Session(GIVES)), FOUND, NO_PASSWORD),
    ],
)
def test_a_failure_on_each_domain_controller_keeps_its_reason(
    known: tuple[Session, ...], found: Any, password: Any
) -> None:
    assert compared(*known, found=found, password=password).status is not Status.FAIL


# --- refusals of the user's ticket ---------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "words", "command"),
    [
        (KdcReason.UNKNOWN_SERVICE, "no SPN ldap/dc1.corp.example", "setspn"),
        (KdcReason.NOT_UNIQUE, "more than one account", "setspn"),
        (KdcReason.CLOCK_SKEW, "the clock of dc1.corp.example is too far", "w32tm"),
        (KdcReason.TICKET_REJECTED, "rejects the ticket", "repadmin /showrepl"),
    ],
)
def test_each_refusal_of_the_ticket_has_a_reason_and_a_fix(reason: KdcReason, words: str, command: str) -> None:
    error = KdcRefusal(reason, -1, "KDC 10.0.0.1:88: no")
    summary, fix = explain_bind(ENDPOINTS[0], error, DOMAIN)
    assert words in summary
    assert any(command in line for line in fix.commands)
