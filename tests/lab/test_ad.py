import os
import subprocess
from pathlib import Path

import pytest
from ldap3.core.exceptions import LDAPInvalidCredentialsResult

from tests.lab import accounts, ad
from tests.lab.ad import SCRIPTS, DomainController

KRB5_CONF = """\
[libdefaults]
default_realm = {dc.realm}
dns_lookup_kdc = false
rdns = false
[realms]
{dc.realm} = {{
    kdc = {dc.ip}
}}
[domain_realm]
.{dc.domain} = {dc.realm}
"""


def kerberos(dc: DomainController, tmp_path: Path) -> dict[str, str]:
    conf = tmp_path / "krb5.conf"
    conf.write_text(KRB5_CONF.format(dc=dc))
    ours = {"KRB5_CONFIG": str(conf), "KRB5CCNAME": f"FILE:{tmp_path}/ccache", "LC_ALL": "C.UTF-8"}
    return {**os.environ, **ours}


def kinit(dc: DomainController, tmp_path: Path, user: str, password: str) -> str:
    """Give what kinit complains of; nothing when there is a ticket."""
    done = subprocess.run(
        ["kinit", user],
        input=f"{password}\n",
        env=kerberos(dc, tmp_path),
        capture_output=True,
        text=True,
        timeout=30,
    )
    return done.stderr if done.returncode else ""


def managed_password(dc: DomainController, reader: str, gmsa: str) -> bytes | None:
    """Read the blob as the user, over LDAPS, as a client of its own."""
    with ad.bound(dc, reader, accounts.PASSWORDS[reader]) as connection:
        connection.search(dc.base, f"(sAMAccountName={gmsa}$)", attributes=["msDS-ManagedPassword"])
        (entry,) = [entry for entry in connection.response or [] if entry["type"] == "searchResEntry"]
    values: list[bytes] = entry["raw_attributes"].get("msDS-ManagedPassword") or []
    return values[0] if values else None


@pytest.mark.parametrize("user", [accounts.READER, accounts.OUTSIDER, accounts.SPECIAL, accounts.EXPIRING])
def test_a_healthy_user_gets_a_ticket(dc: DomainController, tmp_path: Path, user: str) -> None:
    assert kinit(dc, tmp_path, user, accounts.PASSWORDS[user]) == ""


@pytest.mark.parametrize(
    ("user", "complaint"),
    [
        ("gmsa-disabled", "credentials have been revoked"),
        ("gmsa-locked", "credentials have been revoked"),
        ("gmsa-acctexpired", "credentials have been revoked"),
        ("gmsa-pwexpired", "Cannot read password"),  # it wants a new one
        ("nobody", "not found in Kerberos database"),
    ],
)
def test_an_ill_user_gets_none(dc: DomainController, tmp_path: Path, user: str, complaint: str) -> None:
    assert complaint in kinit(dc, tmp_path, user, accounts.PASSWORD)


def test_a_bad_password_is_counted_and_the_count_can_be_reset(dc: DomainController, tmp_path: Path) -> None:
    ad.reset_bad_password_count(dc, "notagmsa")
    assert "incorrect" in kinit(dc, tmp_path, "notagmsa", "wrong")
    assert ad.bad_password_count(dc, "notagmsa") == 1
    ad.reset_bad_password_count(dc, "notagmsa")
    assert ad.bad_password_count(dc, "notagmsa") == 0


@pytest.mark.parametrize("gmsa", ["webapp01", "webapp03", "webapp05", "webapp06", "webapp07", "webapp08", "webapp09"])
def test_the_reader_may_retrieve(dc: DomainController, gmsa: str) -> None:
    blob = managed_password(dc, accounts.READER, gmsa)
    assert blob is not None
    assert blob[:2] == b"\x01\x00"


@pytest.mark.parametrize(
    ("reader", "gmsa"),
    [(accounts.READER, "webapp02"), (accounts.OUTSIDER, "webapp01"), (accounts.OUTSIDER, "webapp07")],
)
def test_others_may_not(dc: DomainController, reader: str, gmsa: str) -> None:
    assert managed_password(dc, reader, gmsa) is None


def test_the_outsider_may_retrieve_what_is_his(dc: DomainController) -> None:
    assert managed_password(dc, accounts.OUTSIDER, "webapp02") is not None


def test_a_search_by_cn_finds_the_decoy_of_webapp05_first(dc: DomainController) -> None:
    with ad.administrator(dc) as connection:
        connection.search(dc.base, "(CN=webapp05)", attributes=["objectClass"])
        found = [entry["dn"] for entry in connection.response or [] if entry["type"] == "searchResEntry"]
    decoy, gmsa = found
    assert decoy.startswith("CN=webapp05,OU=Decoys,")
    assert gmsa.startswith("CN=webapp05,CN=Managed Service Accounts,")


def test_each_account_is_as_its_name_says(dc: DomainController) -> None:
    assert ad.read(dc, "webapp03$")[0].startswith("CN=Web App 03,")
    assert ad.read(dc, "webapp04$", "userAccountControl")[1]["userAccountControl"] == [b"4098"]
    assert ad.read(dc, "webapp06$")[0] == f"CN=webapp06,OU=Service Accounts,{dc.base}"
    assert ad.read(dc, "webapp08$", "msDS-SupportedEncryptionTypes")[1]["msDS-SupportedEncryptionTypes"] == [b"4"]
    assert b"msDS-ManagedServiceAccount" in ad.read(dc, "smsa01$", "objectClass")[1]["objectClass"]
    with pytest.raises(KeyError):
        ad.read(dc, "notagmsa$")


def test_one_password_expires_soon_and_the_others_never(dc: DomainController) -> None:
    attribute = "msDS-UserPasswordExpiryTimeComputed"
    never = 2**63 - 1
    expiry = {user: int(ad.read(dc, user, attribute)[1][attribute][0]) for user in (accounts.READER, accounts.EXPIRING)}
    set_at = int(ad.read(dc, accounts.EXPIRING, "pwdLastSet")[1]["pwdLastSet"][0])
    assert expiry[accounts.READER] == never
    assert (expiry[accounts.EXPIRING] - set_at) / (24 * 3600 * 10**7) == accounts.EXPIRING_DAYS


def test_an_attribute_can_be_changed_and_put_back(dc: DomainController) -> None:
    ad.modify(dc, "webapp09$", msDS_SupportedEncryptionTypes="24")
    assert ad.read(dc, "webapp09$", "msDS-SupportedEncryptionTypes")[1]["msDS-SupportedEncryptionTypes"] == [b"24"]
    ad.modify(dc, "webapp09$", msDS_SupportedEncryptionTypes="28")


def test_a_wrong_password_is_refused_over_ldaps(dc: DomainController) -> None:
    with pytest.raises(LDAPInvalidCredentialsResult), ad.bound(dc, "svc-sql", "wrong"):
        pass
    ad.reset_bad_password_count(dc, "svc-sql")


@pytest.mark.parametrize(
    ("name", "last"), [("dc1", None), ("sql", None), ("dc-alias", "dc1"), ("sql-alias", "sql"), ("", None)]
)
def test_names_lead_to_the_domain_controller(dc: DomainController, name: str, last: str | None) -> None:
    full = f"{name}.{dc.domain}".lstrip(".")
    answer = subprocess.run(["dig", "+short", f"@{dc.ip}", full], capture_output=True, text=True, timeout=60)
    expected = [f"{last}.{dc.domain}.", dc.ip] if last else [dc.ip]
    assert answer.stdout.split() == expected


def test_no_query_leaves_the_machine(dc: DomainController) -> None:
    assert "forwarder" not in (dc.state / "etc/smb.conf").read_text()


def test_system_tools_see_the_lab_by_its_names(dc: DomainController, tmp_path: Path) -> None:
    assert kinit(dc, tmp_path, accounts.READER, accounts.PASSWORDS[accounts.READER]) == ""
    search = ["ldapsearch", "-Q", "-LLL", "-Y", "GSSAPI", "-H", f"ldap://{dc.host}", "-b", dc.base]
    wanted = ["(sAMAccountName=webapp01$)", "msDS-ManagedPassword"]
    done = subprocess.run(
        [str(SCRIPTS / "with-lab-dns"), dc.ip, *search, "-N", *wanted],
        env=kerberos(dc, tmp_path), capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert "msDS-ManagedPassword:: AQAA" in done.stdout, done.stderr


def test_a_missing_lab_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ad.LabUnavailableError, match="needs root"), ad.domain_controller():
        pass
