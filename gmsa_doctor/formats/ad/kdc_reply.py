"""What a KDC's reply with a ticket shows unencrypted: encryption types and the service (RFC 4120 5.4.2, 5.3, 5.2.9)."""

from __future__ import annotations

from dataclasses import dataclass

from gmsa_doctor.formats.ad import der

_REPLIES = {0x6B: 11, 0x6D: 13}  # AS-REP and TGS-REP: [APPLICATION n], and their msg-type
_MSG_TYPE = 0xA1
_TICKET = 0xA5
_REPLY_PART = 0xA6
_SERVICE = 0xA2  # sname of Ticket
_TICKET_PART = 0xA3  # enc-part of Ticket
_NAME_PARTS = 0xA1  # name-string of PrincipalName
_TGS = b"krbtgt"
_ETYPE = 0xA0  # of EncryptedData


@dataclass(frozen=True)
class KdcReply:
    """``key``: the type of the key that encrypts the reply for the client; in an AS exchange, the account's own key.

    ``ticket``: the type of the service's key; for a TGT, of the krbtgt key. ``tgt_for``: the realm that a TGT is for;
    in the answer to a request for a service, that realm is a referral (RFC 6806 section 8). Empty for other tickets.
    """

    logon: bool
    key: int
    ticket: int
    tgt_for: str = ""


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
        name = [part for _, part in der.elements(der.inside(der.fields(der.inside(ticket, _SERVICE)), _NAME_PARTS))]
        realm = name[1].decode("utf-8", "replace") if len(name) == 2 and name[0] == _TGS else ""
        return KdcReply(kind == 0x6B, key, service, realm)
    except der.DerError:
        return None
