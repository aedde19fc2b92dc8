"""The first request of a logon: an AS-REQ without pre-authentication (RFC 4120 5.4.1).

It carries no proof of a password. The KDC answers with the pre-authentication that it requires of the account, or that
the account does not exist. It does not count as a failed logon.
"""

from __future__ import annotations

import secrets

from gmsa_doctor.formats.ad.der import encoded

_VERSION = 5
_AS_REQ = 10
_NT_PRINCIPAL = 1
_NT_SRV_INST = 2
_ENCTYPES = (18, 17, 23)
"""AES-256, AES-128, RC4: RFC 3962 and RFC 4757."""
_TILL = b"20370913024805Z"


def as_request(account: str, realm: str) -> bytes:
    """A request for a TGT for ``account@realm``, without proof of the password."""
    body = _sequence(
        _tagged(0, encoded(0x03, b"\0" + bytes(4))),  # KDCOptions: none
        _tagged(1, _name(_NT_PRINCIPAL, account)),
        _tagged(2, _text(realm)),
        _tagged(3, _name(_NT_SRV_INST, "krbtgt", realm)),
        _tagged(5, encoded(0x18, _TILL)),
        _tagged(7, _integer(secrets.randbelow(1 << 31))),
        _tagged(8, _sequence(*map(_integer, _ENCTYPES))),
    )
    request = _sequence(_tagged(1, _integer(_VERSION)), _tagged(2, _integer(_AS_REQ)), _tagged(4, body))
    return encoded(0x60 | _AS_REQ, request)


def _name(kind: int, *parts: str) -> bytes:
    return _sequence(_tagged(0, _integer(kind)), _tagged(1, _sequence(*map(_text, parts))))


def _text(text: str) -> bytes:
    """A KerberosString, in which Active Directory accepts UTF-8 (MS-KILE 2.2.1)."""
    return encoded(0x1B, text.encode("utf-8", "replace"))


def _integer(number: int) -> bytes:
    return encoded(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _sequence(*parts: bytes) -> bytes:
    return encoded(0x30, b"".join(parts))


def _tagged(number: int, content: bytes) -> bytes:
    return encoded(0xA0 | number, content)
