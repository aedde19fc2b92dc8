"""The encryption types in a KDC's reply with a ticket, which are not encrypted (RFC 4120 5.4.2, 5.3, 5.2.9)."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.ad import der

_REPLIES = {0x6B: 11, 0x6D: 13}  # AS-REP and TGS-REP: [APPLICATION n], and their msg-type
_MSG_TYPE = 0xA1
_TICKET = 0xA5
_REPLY_PART = 0xA6
_TICKET_PART = 0xA3  # enc-part of Ticket
_ETYPE = 0xA0  # of EncryptedData


@dataclass(frozen=True)
class KdcReply:
    """``key``: the type of the key that encrypts the reply for the client; in an AS exchange, the account's own key.

    ``ticket``: the type of the service's key; for a TGT, of the krbtgt key.
    """

    logon: bool
    key: int
    ticket: int


def parse(reply: bytes) -> KdcReply | None:
    """The encryption types in a reply (without its length prefix); ``None`` for any reply without a ticket."""
    try:
        kind, body, _ = der.element(reply)
        if kind not in _REPLIES:
            return None
        fields = der.fields(der.element(body)[1])
        if der.number(fields, _MSG_TYPE) != _REPLIES[kind]:
            return None
        # The field holds a Ticket: [APPLICATION 1] around its sequence.
        ticket = der.fields(der.element(der.inside(fields, _TICKET))[1])
        parts = (der.fields(der.inside(fields, _REPLY_PART)), der.fields(der.inside(ticket, _TICKET_PART)))
        key, service = (der.number(part, _ETYPE) for part in parts)
        return KdcReply(kind == 0x6B, key, service)
    except der.DerError:
        return None
