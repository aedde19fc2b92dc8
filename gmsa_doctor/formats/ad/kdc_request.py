"""The realm that a request to a KDC is for (KDC-REQ, RFC 4120 5.4.1)."""

from __future__ import annotations

from gmsa_doctor.formats.ad import der

_REQUESTS = (0x6A, 0x6C)  # AS-REQ and TGS-REQ: [APPLICATION n]
_BODY = 0xA4
_REALM = 0xA2


def realm_of(request: bytes) -> str:
    """The realm in a request (without its length prefix); empty if it is not a request to a KDC."""
    try:
        kind, body, _ = der.element(request)
        if kind not in _REQUESTS:
            return ""
        return der.inside(der.fields(der.inside(der.fields(der.element(body)[1]), _BODY)), _REALM).decode()
    except (der.DerError, UnicodeDecodeError):
        return ""
