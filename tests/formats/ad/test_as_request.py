"""The first request of a logon, on the wire."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.der import decoder
from pyasn1.type import univ

from gmsa_doctor.formats.ad.as_request import as_request
from gmsa_doctor.formats.ad.krb_error import parse


def leaves(node: Any) -> list[Any]:
    """All simple values of a decoded message, in order."""
    if isinstance(node, univ.SequenceAndSetBase):
        return [leaf for part in node.values() for leaf in leaves(part)]
    if isinstance(node, univ.SequenceOfAndSetOfBase):
        return [leaf for part in node for leaf in leaves(part)]
    return [node]


def test_the_request_names_the_account_the_realm_and_the_ticket() -> None:
    message, rest = decoder.decode(as_request("webapp01$", "CORP.EXAMPLE"))
    assert rest == b""
    texts = [bytes(leaf) for leaf in leaves(message) if isinstance(leaf, univ.OctetString)]
    assert texts == [b"webapp01$", b"CORP.EXAMPLE", b"krbtgt", b"CORP.EXAMPLE", b"20370913024805Z"]


def test_the_request_is_an_as_req_without_pre_authentication() -> None:
    wire = as_request("reader", "CORP.EXAMPLE")
    assert wire[0] == 0x6A
    message, _ = decoder.decode(wire)
    numbers = [int(leaf) for leaf in leaves(message) if type(leaf).__name__ == "Integer"]
    assert numbers[:2] == [5, 10]
    assert numbers[-3:] == [18, 17, 23]


def test_a_long_name_has_a_long_length() -> None:
    message, rest = decoder.decode(as_request("r" * 300, "CORP.EXAMPLE"))
    assert rest == b""
    assert b"r" * 300 in [bytes(leaf) for leaf in leaves(message) if isinstance(leaf, univ.OctetString)]


@given(st.text(max_size=80), st.text(max_size=300))
def test_any_names_give_one_der_element(account: str, realm: str) -> None:
    wire = as_request(account, realm)
    _, rest = decoder.decode(wire)
    assert rest == b""
    assert parse(wire) is None
