"""Logs: the one text that decides, the causes that the others rule out, and noise."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.symptoms.matching import answer, matches, nearest
from gmsa_doctor.formats.symptoms.reading import lines_of

LOGS = Path(__file__).parents[2] / "samples" / "symptoms"
CASES = {
    "fargate-stale-password.log": ("krb.password-incorrect", "kerberos.user-ticket"),
    "ec2-not-permitted.log": ("cf2.no-attribute", "directory.managed-password"),
    "fargate-not-permitted.log": ("cf2.gmsa-password", "directory.managed-password"),
    "daemon13-stale-password.log": ("cf13.my-kinit", "kerberos.user-ticket"),
    "daemon13-not-permitted.log": ("cf13.password", "directory.managed-password"),
    "daemon13-reverse-record.log": ("ldap.local-spn", "directory.bind"),
    "ec2-instance-role.log": ("aws.secret-get", "instance-role.secret"),
    "ec2-no-daemon.log": ("agent.socket", "container-instances.gmsa"),
    "fargate-dhcp-options.log": ("krb.no-kdc", "dns.domain-controllers"),
    "fargate-security-group.log": ("krb.kdc-unreach", "network.kerberos"),
    "fargate-names-of-services.json": ("aws.no-such-host", "dhcp-options.names-of-services"),
    "fargate-secret-permission.json": ("aws.secret-get", "execution-role.secret"),
    "gmsa-without-aes.log": ("krb.password-incorrect", "kerberos.gmsa-ticket"),
    "dotnet-no-ticket.log": ("krb.no-cache", "canary.ticket"),
    "dotnet-spn.log": ("krb.server-unknown", "sql-server.spn"),
    "jdbc-no-ticket.log": ("jdbc.principal", "canary.ticket"),
    "sql-login.log": ("sql.state5", "sql-server.login"),
    "registry-unreachable.json": ("ecs.ecr-auth", "network-path.ecr"),
    "cloudwatch-renewal.json": ("sql.login-gmsa", "sql-server.login"),
    "out-of-memory.json": ("ecs.memory", None),
    "docker-odbc.log": ("odbc.no-creds", "canary.ticket"),
    "second-try.log": ("cf2.gmsa-password", "directory.managed-password"),
}
NOISE = [
    f"2026-02-01T10:00:{second:02}Z {text}"
    for second, text in enumerate(
        [
            "INFO Starting application on port 8080",
            "GET /health 200 3ms",
            "WARN slow query took 812 ms",
            "connection pool size is 20",
            "user alice logged in from 10.0.0.9",
            "cache miss for key session:42",
            "ERROR NullReferenceException in OrderController.Post",
            "retrying request 2 of 3",
            "TLS handshake completed with peer api.example.com",
            "job nightly-report finished in 41 s",
        ]
        * 4
    )
]


@pytest.mark.parametrize("name", CASES)
def test_a_log_has_one_decisive_text(name: str) -> None:
    found = answer(lines_of((LOGS / name).read_text(encoding="utf-8")))
    assert found
    assert (found.decisive.symptom.id, found.causes[0] if found.causes else None) == CASES[name]


@pytest.mark.parametrize("name", CASES)
def test_it_is_found_within_unrelated_lines(name: str) -> None:
    lines = lines_of((LOGS / name).read_text(encoding="utf-8"))
    found, alone = answer([*NOISE, *lines, *NOISE]), answer(lines)
    assert found
    assert alone
    assert (found.decisive.symptom, found.causes) == (alone.decisive.symptom, alone.causes)


def test_every_log_has_its_case() -> None:
    assert {path.name for path in LOGS.iterdir()} == set(CASES)


def test_unrelated_lines_hold_no_known_text() -> None:
    assert len(NOISE) == 40
    assert matches(NOISE) == []
    assert answer(NOISE) is None


def test_a_bind_that_succeeded_rules_out_all_up_to_it() -> None:
    found = answer(lines_of((LOGS / "daemon13-not-permitted.log").read_text(encoding="utf-8")))
    assert found
    assert {"dns.domain-controllers"} <= set(found.ruled_out)
    assert "kerberos.user-ticket" not in found.causes


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            "failed to create gMSA ticket: failed to find gMSA password for service account x",
            "directory.managed-password",
        ),
        ("kinit: Cannot find KDC for realm", "dns.domain-controllers"),
        ("failed to create gMSA ticket: kinit: KDC has no support for encryption type", "gmsa.encryption-types"),
        ("for domainless user: kinit: KDC has no support for encryption type", "user.encryption-types"),
        ("failed to create gMSA ticket: x: kinit: Client's credentials have been revoked", "directory.gmsa-account"),
        ("Client's credentials have been revoked while getting initial credentials", "kerberos.user-ticket"),
    ],
)
def test_whose_words_they_are_decides(text: str, first: str) -> None:
    found = answer([text])
    assert found
    assert found.causes[0] == first


@pytest.mark.parametrize(
    "pasted",
    [
        "Cannot get gMSA krb ticket",
        "CannotStartContainerError: ResourceInitializationError: CANNOT GET GMSA KRB TICKET: 3f6c (request id 42)",
        "2026-01-01 INFO ok\n2026-01-01 ERROR   Cannot  get\n\tgMSA krb\r\n ticket\n" + "x" * 100_000,
        "Cannot get gMSA k\nrb ticket",
        r'{"stoppedReason": "Cannot get gMSA\nkrb ticket: \"x\""}',
        r'"stoppedReason": "Cannot get gMSA\nkrb ticket: \"x\"",',
        "Cannot get \x1b[31mgMSA\x1b[0m krb ticket",
    ],
    ids=["bare", "other case", "wrapped in a long log", "broken within a word", "JSON", "a part of JSON", "colored"],
)
def test_a_text_is_found_as_people_paste_it(pasted: str) -> None:
    found = answer(lines_of(pasted))
    assert found
    assert "kerberos.user-ticket" in found.causes


def test_a_pattern_is_found_across_a_broken_line() -> None:
    assert [match.symptom.id for match in matches(["x Cannot find KDC for re", "alm CORP"])] == ["krb.no-kdc"]


@given(st.text(max_size=300))
def test_whatever_is_pasted_is_answered(pasted: str) -> None:
    lines = lines_of(pasted)
    found = answer(lines)
    assert (found is None) == (not matches(lines))
    nearest(lines)


def test_an_unknown_text_has_near_ones() -> None:
    near = nearest(["failed to locate gMSA password for this service account"])
    assert near[0].id == "cf2.gmsa-password"
    assert nearest(["the moon is made of cheese"]) == []


def test_a_long_log_is_searched_in_a_moment() -> None:
    lines = [f"{number} {line}" for number in range(2000) for line in NOISE[:10]]
    began = time.process_time()
    assert answer(lines) is None
    assert time.process_time() - began < 5
