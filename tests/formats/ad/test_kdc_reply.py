"""What a KDC's reply shows unencrypted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.ad.kdc_reply import KdcReply, parse
from gmsa_doctor.formats.ad.krb_error import KrbError
from gmsa_doctor.formats.ad.krb_error import parse as parse_error
from tests.lab.krb_error import der, error


def number(value: int) -> bytes:
    return der(0x02, value.to_bytes(2, "big", signed=True))


def encrypted(enctype: int) -> bytes:
    return der(0x30, der(0xA0, number(enctype)), der(0xA1, number(2)), der(0xA2, der(0x04, b"sealed")))


def reply(tag: int, kind: int, key: int = 18, ticket: int = 23, service: tuple[bytes, ...] = (b"webapp01$",)) -> bytes:
    """Write an AS-REP or TGS-REP (RFC 4120 5.4.2)."""
    name = der(0x30, der(0xA0, number(1)), der(0xA1, der(0x30, *(der(0x1B, part) for part in service))))
    realm = der(0x1B, b"CORP.EXAMPLE")
    fields = (der(0xA0, number(5)), der(0xA1, realm), der(0xA2, name), der(0xA3, encrypted(ticket)))
    return der(
        tag,
        der(
            0x30,
            der(0xA0, number(5)),
            der(0xA1, number(kind)),
            der(0xA3, realm),
            der(0xA4, name),
            der(0xA5, der(0x61, der(0x30, *fields))),
            der(0xA6, encrypted(key)),
        ),
    )


def demands(*enctypes: int) -> bytes:
    """Write METHOD-DATA with PA-ETYPE-INFO2, after PA-ENC-TIMESTAMP (RFC 4120 5.2.7.5)."""
    entries = [der(0x30, der(0xA0, number(enctype)), der(0xA1, der(0x1B, b"salt"))) for enctype in enctypes]
    parts = ((2, b""), (19, der(0x30, *entries)))
    return der(0x30, *(der(0x30, der(0xA1, number(kind)), der(0xA2, der(0x04, value))) for kind, value in parts))


FIRST = reply(0x6B, 11)


def test_a_logon_shows_the_types_of_the_account_key_and_the_krbtgt_key() -> None:
    assert parse(FIRST) == KdcReply(logon=True, key=18, ticket=23)


def test_a_service_ticket_shows_the_type_of_the_services_key() -> None:
    assert parse(reply(0x6D, 13, key=17, ticket=18)) == KdcReply(logon=False, key=17, ticket=18)


def test_a_tgt_for_another_realm_is_a_referral() -> None:
    assert parse(reply(0x6D, 13, service=(b"krbtgt", b"OTHER.EXAMPLE"))) == KdcReply(False, 18, 23, "OTHER.EXAMPLE")
    assert parse(reply(0x6D, 13, service=(b"MSSQLSvc", b"sql.other.example"))) == KdcReply(False, 18, 23)


@pytest.mark.parametrize("other", [b"", error(25), reply(0x6B, 13), reply(0x6C, 11), FIRST[:-1]])
def test_a_reply_without_a_ticket_is_none(other: bytes) -> None:
    assert parse(other) is None


def test_preauth_required_lists_the_offered_encryption_types() -> None:
    assert parse_error(error(25, demands(18, 17, 23))) == KrbError(25, None, (18, 17, 23), b"salt")


def test_a_refusal_offers_no_encryption_types() -> None:
    assert parse_error(error(24, demands(18))) == KrbError(24)


@given(st.binary(max_size=40), st.integers(0, len(FIRST)), st.integers(0, 20))
def test_any_bytes_are_read_or_none(junk: bytes, start: int, cut: int) -> None:
    found = parse(FIRST[:start] + junk + FIRST[start + cut :])
    assert found is None or isinstance(found.key, int)
