"""What a KDC's reply with a ticket shows without any key: the encryption types (RFC 4120 5.4.2, 5.3, 5.2.9)."""

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
    """``key``: the type of the key that the reply is for the client's eyes with; in an AS exchange the account's own.

    ``ticket``: that of the service's key; of a TGT, the KDC's own (krbtgt's).
    """

    logon: bool
    key: int
    ticket: int


def parse(reply: bytes) -> KdcReply | None:
    """What a reply (without its length in front) shows; ``None`` for any reply that brings no ticket."""
    try:
        kind, body, _ = der.element(reply)
        if kind not in _REPLIES:
            return None
        fields = der.fields(der.element(body)[1])
        if der.number(fields, _MSG_TYPE) != _REPLIES[kind]:
            return None
        # The field holds Ticket, and [APPLICATION 1] is around its sequence.
        ticket = der.fields(der.element(der.inside(fields, _TICKET))[1])
        part = der.fields(der.inside(fields, _REPLY_PART))
        return KdcReply(
            kind == 0x6B, der.number(part, _ETYPE), der.number(der.fields(der.inside(ticket, _TICKET_PART)), _ETYPE)
        )
    except der.DerError:
        return None
