"""The catalogue of error texts: each entry is whole, names checks that exist, and is found in a realistic line."""

import re

import pytest

from gmsa_doctor.core.registry import load
from gmsa_doctor.formats.symptoms.catalogue import EMITTERS, OUTSIDE, RANKS, Symptom, of_check, seen_on_ec2, symptoms
from gmsa_doctor.formats.symptoms.matching import answer, matches
from gmsa_doctor.formats.symptoms.reading import lines_of

CHECKS = load()
ENTRIES = list(symptoms().values())
LINES = {
    "cf2.not-retrieved": "rpc error: code = Unknown desc = credentialspec cannot be retrieved from S3",
    "cf2.invalid-secret-arn": "rpc error: code = Unknown desc = invalid secrets manager ARN",
    "cf2.names": "rpc error: code = Unknown desc = invalid domainName/username",
    "cf13.catch-all-path": "ERROR: Cannot get gMSA krb ticket /var/credentials-fetcher/krbdir/8f1/web01/krb5cc",
    "agent.ssm-format": "the provided SSM parameter:corp/web is in an invalid format",
    "agent.dial": "code = Unavailable desc = dial unix /var/credentials-fetcher/socket/credentials_fetcher.sock: "
    "connect: connection refused",
    "ecs.log-rights": "User: x is not authorized to perform: logs:CreateLogStream on resource: y",
    "ecs.resource": "TaskFailedToStart: RESOURCE:MEMORY",
    "aws.ecr-rights": "User: x is not authorized to perform: ecr:GetAuthorizationToken on resource: *",
    "aws.timeout-secret": 'Post "https://secretsmanager.eu-west-1.amazonaws.com/": dial tcp 10.0.0.4:443: i/o timeout',
    "aws.no-such-host": "lookup secretsmanager.eu-west-1.amazonaws.com on 10.0.0.10:53: no such host",
    "krb.gmsa-revoked": "failed to create gMSA ticket: kinit: Client's credentials have been revoked while getting",
    "ldap.local-spn": "GSSAPI Error: Unspecified GSS failure. (Server ldap/dc1 not found in Kerberos database)",
    "net.gssapi": "GSSAPI operation failed with error - 851968",
    "jdbc.tcp": "The TCP/IP connection to the host db.corp.example.com, port 1433 has failed.",
    "sql.database": 'Cannot open database "app" requested by the login. The login failed.',
}
"""Realistic lines of texts that have names in the middle."""


def line_of(symptom: Symptom) -> str:
    return LINES.get(symptom.id, symptom.text)


def named(symptom: Symptom) -> str:
    return symptom.id


@pytest.mark.parametrize("symptom", ENTRIES, ids=named)
def test_a_text_is_recognised_in_a_realistic_line(symptom: Symptom) -> None:
    line = f"Nov 03 09:14:03 ip-10-0-1-7 app[2211]: {line_of(symptom)} (request 7d1c)"
    assert [match.symptom.id for match in matches(lines_of(line))] == [symptom.id]


@pytest.mark.parametrize("symptom", ENTRIES, ids=named)
def test_its_first_cause_is_the_one_of_the_entry(symptom: Symptom) -> None:
    found = answer(["09:14:02 started", line_of(symptom), "09:14:04 stopped"])
    assert found
    assert found.decisive.symptom is symptom
    expected = {"agent.secret": symptom.causes}.get(symptom.id, symptom.causes)
    first = (
        symptom.causes_in_application[:1] if found.is_application and symptom.causes_in_application else expected[:1]
    )
    assert found.causes[:1] == first


@pytest.mark.parametrize("symptom", ENTRIES, ids=named)
def test_an_entry_is_whole(symptom: Symptom) -> None:
    assert symptom.emitter in EMITTERS
    assert symptom.decisive in RANKS
    assert symptom.outside in ("", *OUTSIDE)
    assert symptom.source
    assert symptom.versions
    assert symptom.seen_in
    assert symptom.causes or symptom.outside or symptom.decisive == "no"
    assert symptom.causes or symptom.note, "neither a check nor a pointer"
    assert not set(symptom.excludes) & set(symptom.causes)


@pytest.mark.parametrize("symptom", ENTRIES, ids=named)
def test_the_checks_that_it_names_exist(symptom: Symptom) -> None:
    areas = set(CHECKS.areas)
    assert not [id for id in symptom.referenced if CHECKS.get(id) is None]
    assert not [name for name in symptom.excludes if name not in areas and CHECKS.get(name) is None]


@pytest.mark.parametrize("symptom", [entry for entry in ENTRIES if entry.regex], ids=named)
def test_a_pattern_is_in_lower_case_and_has_words_without_which_it_cannot_match(symptom: Symptom) -> None:
    assert not re.search(r"(?<!\\)[A-Z]", symptom.regex)
    line = "".join(line_of(symptom).lower().split())
    assert any(word in line for word in symptom.words)


def test_of_a_check_the_texts_whose_first_cause_it_is_come_first() -> None:
    found = of_check("directory.managed-password")
    assert found[0].causes[0] == "directory.managed-password"
    assert {"cf2.gmsa-password", "cf13.password", "cf13.catch-all"} <= {symptom.id for symptom in found}


def test_the_texts_that_are_seen_on_ec2_are_entries() -> None:
    known = symptoms()
    assert all(symptom.on_ec2 in (*known, "", "none") for symptom in known.values())


def test_on_ec2_the_agent_and_another_rpc_have_other_texts() -> None:
    known = symptoms()
    gmsa, old = known["cf2.gmsa-password"].text, known["cf13.password"].text
    assert seen_on_ec2(gmsa, old) == (known["cf2.ec2-remove"].text, old)
    agent = known["agent.secret"].text
    assert seen_on_ec2(known["cf2.secret"].text, known["cf13.names"].text) == (agent, agent)
    assert seen_on_ec2(known["cf2.names"].text, old) == (None, old)
    assert seen_on_ec2("another text", None) == ("another text", None)
