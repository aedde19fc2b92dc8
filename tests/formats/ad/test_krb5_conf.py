"""The krb5.conf for a container, as libkrb5 reads it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gmsa_doctor.formats.ad.krb5_conf import belongs, host_of, is_full_name, render

_REALM = """
import gssapi
name = gssapi.Name("MSSQLSvc@{host}", gssapi.NameType.hostbased_service)
print(name.canonicalize(gssapi.MechType.kerberos))
"""


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("db.other.example", "OTHER.EXAMPLE"),
        ("db.eu.other.example", "EU.OTHER.EXAMPLE"),
        ("db.example.net", "CORP.EXAMPLE"),
        ("sql.corp.example", "CORP.EXAMPLE"),
    ],
)
def test_libkrb5_finds_the_realm_of_a_server(host: str, realm: str, tmp_path: Path) -> None:
    pytest.importorskip("gssapi")
    hosts = ("DB.other.example", "db.eu.other.example", "db.example.net", "sql.corp.example")
    text = render("corp.example", hosts, ("other.example", "eu.other.example"), ("db.example.net",))
    (tmp_path / "krb5.conf").write_text(text)
    env = {**os.environ, "KRB5_CONFIG": str(tmp_path / "krb5.conf")}
    command = [sys.executable, "-c", _REALM.format(host=host)]
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=30)
    assert ended.stdout.strip() == f"MSSQLSvc/{host}@{realm}", ended.stderr


def test_names_are_not_canonicalized_and_controllers_are_found_by_dns() -> None:
    lines = [line.strip() for line in render("Corp.Example").splitlines()]
    for line in ("default_realm = CORP.EXAMPLE", "rdns = false", "dns_canonicalize_hostname = false"):
        assert line in lines
    assert "dns_lookup_kdc = true" in lines
    assert lines[-2:] == [".corp.example = CORP.EXAMPLE", "corp.example = CORP.EXAMPLE"]


def test_the_realm_of_a_server_in_no_known_domain_is_not_guessed() -> None:
    hosts = ("sql.corp.example", "db.other.example", "DB.other.example", "10.0.0.5", "short", "[::1]")
    lines = render("corp.example", hosts).splitlines()
    assert [line for line in lines if "other" in line] == [lines[-1]]
    assert lines[-1].startswith("    # db.other.example is outside corp.example.")


def test_a_name_with_the_same_ending_is_not_in_the_domain() -> None:
    assert belongs("CORP.example", "corp.example")
    assert belongs("a.b.corp.example", "corp.example")
    assert not belongs("notcorp.example", "corp.example")


@pytest.mark.parametrize(
    ("spn", "host"),
    [
        ("MSSQLSvc/db.corp.example:1433", "db.corp.example"),
        ("MSSQLSvc/db.corp.example:INSTANCE", "db.corp.example"),
        ("HTTP/web.corp.example", "web.corp.example"),
        ("ldap/dc1.corp.example/corp.example", "dc1.corp.example"),
        ("MSSQLSvc/[::1]", "[::1]"),
    ],
)
def test_the_host_of_an_spn(spn: str, host: str) -> None:
    assert host_of(spn) == host


def test_addresses_and_short_names_are_not_full_names() -> None:
    assert [is_full_name(host) for host in ("10.0.0.5", "[::1]", "db", "db.corp.example")] == [
        False,
        False,
        False,
        True,
    ]
