"""A KDC's error reply: KRB-ERROR (RFC 4120 5.9.1), with the NTSTATUS that Active Directory adds.

libkrb5 reports only the error code. Disabled, locked and expired accounts are all KDC_ERR_CLIENT_REVOKED; the NTSTATUS
in ``e-data`` (KERB-EXT-ERROR, MS-KILE 2.2.2) tells them apart.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from gmsa_doctor.formats.ad import der

_KRB_ERROR = 0x7E  # [APPLICATION 30], constructed
_SEQUENCE = 0x30
_ERROR_CODE = 0xA6  # [6] Int32
_E_DATA = 0xAC  # [12] OCTET STRING
_TYPE = 0xA1  # [1] of KERB-ERROR-DATA, and of PA-DATA
_VALUE = 0xA2  # [2] of both
_ETYPE = 0xA0  # [0] of ETYPE-INFO2-ENTRY
_SALT = 0xA1  # [1] of ETYPE-INFO2-ENTRY
_ETYPE_INFO2 = 19
_ENC_TIMESTAMP = 2
_PKINIT = 16
_FAST = 136
PREAUTH_REQUIRED = 25
"""KDC_ERR_PREAUTH_REQUIRED: not a refusal. The KDC requests a proof, and lists the encryption types for it."""
_EXTENDED = 3  # KERB_ERR_TYPE_EXTENDED; in the form of PA-DATA the same number is PA-PW-SALT
_EXTENDED_SIZE = 12  # status, reserved, flags


@dataclass(frozen=True)
class KrbError:
    """``code`` as in RFC 4120 7.5.9; ``nt_status`` as in MS-ERREF 2.3, if the KDC sent one.

    ``offered``: the encryption types with which the client may prove that it knows the password. ``salt``: what the
    account's keys are made with. In AD it is the realm and the account's sAMAccountName, whichever of its names the
    client has used (MS-KILE 3.1.1.2); RC4 has none. ``methods``: the types of pre-authentication (PA-DATA) that the
    KDC accepts, with KDC_ERR_PREAUTH_REQUIRED.
    """

    code: int
    nt_status: int | None = None
    offered: tuple[int, ...] = ()
    salt: bytes = b""
    methods: frozenset[int] = field(default=frozenset(), compare=False)

    @property
    def requires_armor(self) -> bool:
        """Whether the KDC accepts only requests that Kerberos armoring (FAST) protects: MS-KILE 3.3.5.1, RFC 6113."""
        return _FAST in self.methods and not {_ENC_TIMESTAMP, _PKINIT} & self.methods


def parse(reply: bytes) -> KrbError | None:
    """The error in a KDC's reply (without its length prefix); ``None`` for any other reply."""
    try:
        tag, body, _ = der.element(reply)
        if tag != _KRB_ERROR:
            return None
        fields = der.fields(der.element(body)[1])
        code = der.number(fields, _ERROR_CODE)
    except der.DerError:
        return None
    data = _e_data(fields)
    extended = data.get(_EXTENDED, b"")
    nt_status = int.from_bytes(extended[:4], "little") if len(extended) >= _EXTENDED_SIZE else None
    if code != PREAUTH_REQUIRED:
        return KrbError(code, nt_status)
    types = _types(data.get(_ETYPE_INFO2))
    salt = next((salt for _, salt in types if salt), b"")
    return KrbError(code, nt_status, tuple(kind for kind, _ in types), salt, frozenset(data))


def _e_data(fields: dict[int, bytes]) -> dict[int, bytes]:
    """Values by type of KERB-ERROR-DATA, or of METHOD-DATA (a sequence of PA-DATA), which MS-KILE also allows."""
    try:
        tag, body, _ = der.element(der.inside(fields, _E_DATA))
        if tag != _SEQUENCE:
            return {}
        parts = [value for kind, value in der.elements(body) if kind == _SEQUENCE] or [body]
    except der.DerError:
        return {}
    data: dict[int, bytes] = {}
    for part in parts:
        with suppress(der.DerError):
            entry = der.fields(part)
            data.setdefault(der.number(entry, _TYPE), der.inside(entry, _VALUE))
    return data


def _types(types: bytes | None) -> list[tuple[int, bytes]]:
    """The encryption types of PA-ETYPE-INFO2 with their salts, in the KDC's order (RFC 4120 5.2.7.5)."""
    with suppress(der.DerError):
        entries = [der.fields(body) for _, body in der.elements(der.element(types or b"")[1])]
        return [(der.number(entry, _ETYPE), der.inside(entry, _SALT) if _SALT in entry else b"") for entry in entries]
    return []
