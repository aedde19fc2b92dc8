"""The realm that a request to a KDC is for."""

from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.as_request import as_request
from gmsa_doctor.formats.ad.kdc_request import realm_of

REQUEST = as_request("webapp01$", "OTHER.EXAMPLE")


def test_a_request_shows_its_realm() -> None:
    assert realm_of(REQUEST) == "OTHER.EXAMPLE"


@given(st.binary(max_size=40), st.integers(0, len(REQUEST)), st.integers(0, 20))
def test_any_bytes_are_read(junk: bytes, start: int, cut: int) -> None:
    assert isinstance(realm_of(REQUEST[:start] + junk + REQUEST[start + cut :]), str)
