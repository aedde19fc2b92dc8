"""`gmsa-doctor krb5-conf`: the file for the container's image, on stdout."""

import json
from pathlib import Path

import pytest

from gmsa_doctor.formats.ad.krb5_conf import render
from tests.command import doctor, environ
from tests.formats.documents.test_credspec import healthy

SPN = "MSSQLSvc/db.other.example:1433"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environ(tmp_path)


def test_for_a_domain_that_is_named(env: dict[str, str]) -> None:
    ended = doctor("krb5-conf", "--domain", "corp.example", "--spn", SPN, "--trusted-domain", "other.example", env=env)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == render("corp.example", ("db.other.example",), ("other.example",))


def test_for_a_credspec_without_credentials(tmp_path: Path, env: dict[str, str]) -> None:
    file = tmp_path / "webapp01_CredSpec.json"
    file.write_text(json.dumps(healthy()))
    ended = doctor("krb5-conf", str(file), "--offline", env=env)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == render("corp.contoso.com")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name the domain or the subject"),
        (("--domain", "corp.example", "--service", "a"), "--service and --domain"),
        (("--domain", "corp"), "it has no dot"),
        (("--domain", "corp.example", "--trusted-domain", "other"), "--trusted-domain other: it has no dot"),
        (("--domain", "corp.example", "--spn", "db"), "--spn db"),
        (("nosuch.json",), "nosuch.json: cannot be read"),
    ],
)
def test_what_cannot_be_is_a_usage_error(arguments: tuple[str, ...], says: str, env: dict[str, str]) -> None:
    ended = doctor("krb5-conf", *arguments, env=env)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err


def test_a_credspec_that_is_broken_is_told(tmp_path: Path, env: dict[str, str]) -> None:
    broken = {**healthy(), "DomainJoinConfig": {"DnsName": "corp_example"}}
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken))
    ended = doctor("krb5-conf", str(file), "--offline", env=env)
    assert ended.code == 2
    assert "the AD domain is unknown" in ended.err


def test_what_stands_in_the_way_is_told(tmp_path: Path, env: dict[str, str]) -> None:
    entry = "credentialspecdomainless:arn:aws:s3:::credspecs/webapp01.json"
    file = tmp_path / "task.json"
    file.write_text(json.dumps({"containerDefinitions": [{"name": "web", "credentialSpecs": [entry]}]}))
    ended = doctor("krb5-conf", str(file), "--offline", env=env)
    assert ended.code == 2
    assert "with --offline, no network requests are sent" in ended.err
