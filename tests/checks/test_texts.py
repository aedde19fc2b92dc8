"""The daemon's texts lead to the checks that explain them."""

import pytest

from gmsa_doctor.core import registry
from gmsa_doctor.core.model import ShowsAs
from gmsa_doctor_checks import texts

KNOWN = registry.load()
CATALOGUE = {name: value for name, value in vars(texts).items() if isinstance(value, ShowsAs)} | {
    f"{name}[{n}]": one for name in ("KERBEROS_LOGON", "KERBEROS_SERVICE") for n, one in enumerate(getattr(texts, name))
}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_text_leads_to_checks_that_exist(name: str) -> None:
    shows = CATALOGUE[name]
    assert shows.likeliest, "a text that leads nowhere"
    assert [id for id in shows.likeliest if KNOWN.get(id) is None] == []


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_text_is_known_to_explain(name: str) -> None:
    for text in filter(None, (CATALOGUE[name].v2, CATALOGUE[name].v1_3)):
        assert texts.behind(f"stopped: {text}") is not None


@pytest.mark.parametrize(
    ("pasted", "first"),
    [
        (
            "CannotStartContainerError: … invalid credentialspec fields: missing or invalid PluginInput",
            "credspec.document",
        ),
        ("ResourceInitializationError: INVALID OBJECT for credentialspec\n   in s3 (request 42)", "credspec.object"),
        ("failed to generate Kerberos ticket for domainless user", "kerberos.user-ticket"),
        ("ERROR: 0: Cannot get gMSA krb ticket", "directory.managed-password"),
        ("ERROR: msDS-ManagedPassword attribute not found", "directory.managed-password"),
        ("ldapsearch failed with FQDN dc1.corp.example", "directory.bind"),
        ("failed to get FQDN list", "dns.domain-controllers"),
        ("credentials should not be more than 256 charaters", "secret.fields"),
        ("unable to find execution role credentials", "execution-role.present"),
        ("Error: Cannot generate SSPI context", "canary.ticket"),
        ("kinit: Preauthentication failed while getting initial credentials", "kerberos.user-ticket"),
    ],
)
def test_a_stopped_reason_leads_to_its_likeliest_check_first(pasted: str, first: str) -> None:
    found = texts.behind(pasted)
    assert found
    assert found[1][0] == first


def test_a_text_that_nobody_knows_and_one_that_no_check_covers_lead_nowhere() -> None:
    assert texts.behind("the moon is made of cheese") is None
    assert texts.behind("OutOfMemoryError: Container killed due to memory usage") is None
