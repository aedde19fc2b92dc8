"""Trusts, from entries as MS-ADTS 6.1.6.7 describes them."""

import pytest

from gmsa_doctor.formats.ad.trust import DomainTrust, read


def recorded(**changes: str | None) -> dict[str, str | None]:
    entry = {"trustPartner": "OLD.example", "trustDirection": "3", "trustType": "2", "trustAttributes": "8"}
    return {**entry, **changes}


def test_a_forest_trust_in_both_directions() -> None:
    trust = read(recorded())
    assert trust == DomainTrust("old.example", 3, 2, 8)
    assert str(trust) == "old.example trusts us and we trust it (Active Directory, forest)"


@pytest.mark.parametrize(("direction", "ours_may"), [("0", False), ("1", True), ("2", False), ("3", True)])
def test_our_users_may_log_on_there_if_they_trust_us(direction: str, ours_may: bool) -> None:
    trust = read(recorded(trustDirection=direction))
    assert trust is not None
    assert trust.lets_our_users_in is ours_may


def test_the_text_of_a_trust_has_its_attributes() -> None:
    trust = read(recorded(trustDirection="2", trustType="3", trustAttributes="17"))
    assert str(trust) == "old.example is trusted by us (Kerberos realm, not transitive, selective authentication)"


def test_attributes_may_be_missing() -> None:
    assert read(recorded(trustAttributes=None)) == DomainTrust("old.example", 3, 2, 0)


@pytest.mark.parametrize("missing", ["trustPartner", "trustDirection", "trustType"])
def test_an_incomplete_trust_is_none(missing: str) -> None:
    assert read(recorded(**{missing: None})) is None
