"""The daemon's texts lead to the checks that explain them."""

import pytest

from gmsa_doctor.checking.explain import match_text
from gmsa_doctor.core import registry
from gmsa_doctor.core.model import ShowsAs
from gmsa_doctor_checks import texts

KNOWN = registry.load()
CATALOGUE = {name: value for name, value in vars(texts).items() if isinstance(value, ShowsAs)} | {
    f"{name}[{n}]": one for name in ("KERBEROS_LOGON", "KERBEROS_SERVICE") for n, one in enumerate(getattr(texts, name))
}


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_text_is_declared_by_the_checks_that_it_is_likely_to_mean(name: str) -> None:
    shows = CATALOGUE[name]
    assert shows.likeliest, "a text that leads nowhere"
    for id in shows.likeliest:
        check = KNOWN.get(id)
        assert check is not None, f"{id} does not exist"
        texts_of_check = {text for one in check.shows for text in (one.v2, one.v1_3)}
        assert texts_of_check & {shows.v2, shows.v1_3} - {None}, f"{id} does not declare {name}"


@pytest.mark.parametrize(
    ("pasted", "first"),
    [
        (
            "CannotStartContainerError: … invalid credentialspec fields: missing or invalid PluginInput",
            "credspec.document",
        ),
        ("ResourceInitializationError: INVALID OBJECT for credentialspec\n   in s3 (request 42)", "credspec.object"),
        ("failed to generate Kerberos ticket for domainless user", "kerberos.user-ticket"),
        ("0: Cannot get gMSA krb ticket", "kerberos.user-ticket"),
        ("ERROR: msDS-ManagedPassword attribute not found", "directory.managed-password"),
        ("ldapsearch failed with FQDN dc1.corp.example", "directory.bind"),
        ("failed to get FQDN list", "dns.domain-controllers"),
        ("credentials should not be more than 256", "secret.fields"),
        ("unable to find execution role credentials", "execution-role.present"),
        ("Error: Cannot generate SSPI context", "kerberos.service-ticket"),
        ("kinit: Preauthentication failed while getting initial credentials", "kerberos.user-ticket"),
    ],
)
def test_a_pasted_text_leads_to_its_likeliest_check_first(pasted: str, first: str) -> None:
    assert match_text(KNOWN, pasted)[0].check.id == first


def test_a_text_that_nobody_knows_leads_nowhere() -> None:
    assert match_text(KNOWN, "the moon is made of cheese") == []


def test_each_check_is_named_once() -> None:
    found = [one.check.id for one in match_text(KNOWN, "Cannot get gMSA krb ticket, Password not found")]
    assert len(found) == len(set(found)) > 3
