"""Which names an entry of a DNS Firewall domain list is for."""

import pytest

from gmsa_doctor_checks.vpc_dns import dns_firewall

NAME = "_ldap._tcp.dc._msdcs.corp.example"


@pytest.mark.parametrize(
    ("entry", "name", "covered"),
    [
        ("corp.example.", "corp.example", True),
        ("CORP.example", "corp.example", True),
        ("corp.example", NAME, False),
        ("*.corp.example.", NAME, True),
        ("*.corp.example", "corp.example", False),
        ("*.other.example", NAME, False),
        ("*", NAME, True),
    ],
)
def test_an_entry_is_for_its_own_name_or_with_an_asterisk_for_those_below(entry: str, name: str, covered: bool) -> None:
    assert dns_firewall._is_for(entry, name) is covered
