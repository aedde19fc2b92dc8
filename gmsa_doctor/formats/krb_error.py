"""A KDC's refusal on the wire: KRB-ERROR (RFC 4120 5.9.1), with what Active Directory adds to it.

libkrb5 gives the error code only. Whether an account is disabled, locked or expired (all are
KDC_ERR_CLIENT_REVOKED) is told by the NTSTATUS in ``e-data``: KERB-EXT-ERROR (MS-KILE 2.2.2).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_KRB_ERROR = 0x7E  # [APPLICATION 30], constructed
_SEQUENCE = 0x30
_ERROR_CODE = 0xA6  # [6] Int32
_E_DATA = 0xAC  # [12] OCTET STRING
_TYPE = 0xA1  # [1] of KERB-ERROR-DATA, and of PA-DATA
_VALUE = 0xA2  # [2] of both
_EXTENDED = 3  # KERB_ERR_TYPE_EXTENDED; in the form of PA-DATA the same number is PA-PW-SALT


@dataclass(frozen=True)
class KrbError:
    """``code`` as in RFC 4120 7.5.9; ``nt_status`` as in MS-ERREF 2.3, where the KDC told it."""

    code: int
    nt_status: int | None = None


def parse(reply: bytes) -> KrbError | None:
    """The refusal in a KDC's reply (without its length in front); ``None`` for any other reply."""
    try:
        tag, body, _ = _element(reply, 0)
        if tag != _KRB_ERROR:
            return None
        fields = _fields(_element(body, 0)[1])
        code = int.from_bytes(_element(fields[_ERROR_CODE], 0)[1], "big", signed=True)
    except (IndexError, KeyError):
        return None
    return KrbError(code, _nt_status(fields.get(_E_DATA)))


def _nt_status(e_data: bytes | None) -> int | None:
    """From KERB-ERROR-DATA, or from METHOD-DATA (a sequence of PA-DATA), which MS-KILE allows as well."""
    if e_data is None:
        return None
    try:
        tag, body, _ = _element(_element(e_data, 0)[1], 0)
        if tag != _SEQUENCE:
            return None
        parts = [value for kind, value in _elements(body) if kind == _SEQUENCE] or [body]
        for part in parts:
            fields = _fields(part)
            kind = int.from_bytes(_element(fields[_TYPE], 0)[1], "big")
            value = _element(fields[_VALUE], 0)[1]
            if kind == _EXTENDED and len(value) >= struct.calcsize("<III"):
                return int(struct.unpack_from("<I", value)[0])
    except (IndexError, KeyError):
        pass
    return None


def _fields(body: bytes) -> dict[int, bytes]:
    return dict(_elements(body))


def _elements(body: bytes) -> list[tuple[int, bytes]]:
    found, at = [], 0
    while at < len(body):
        tag, value, at = _element(body, at)
        found.append((tag, value))
    return found


def _element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """A DER element: its tag, its value, and where the next begins. IndexError when it is cut off."""
    tag, length = data[at], data[at + 1]
    at += 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[at : at + size], "big")
        at += size
    if at + length > len(data):
        raise IndexError
    return tag, data[at : at + length], at + length
