"""A ``trustedDomain`` object of Active Directory: a trust between two domains (MS-ADTS 6.1.6.7)."""

from __future__ import annotations

from dataclasses import dataclass

INBOUND = 1
"""TRUST_DIRECTION_INBOUND: the other domain trusts this one, so users of this domain may log on there."""
OUTBOUND = 2
_KINDS = {1: "Windows NT", 2: "Active Directory", 3: "Kerberos realm", 4: "DCE", 5: "Entra ID"}
_ATTRIBUTES = {
    0x01: "not transitive",
    0x04: "SID filtering",
    0x08: "forest",
    0x10: "selective authentication",
    0x20: "within the forest",
    0x40: "treated as external",
}
"""Bits of trustAttributes (MS-ADTS 6.1.6.7.9) that matter to an administrator."""


@dataclass(frozen=True)
class DomainTrust:
    """A trust, seen from the domain that has the object. ``partner``: the other domain's DNS name."""

    partner: str
    direction: int
    kind: int
    attributes: int = 0

    @property
    def lets_our_users_in(self) -> bool:
        """Whether the other domain accepts users of this domain."""
        return bool(self.direction & INBOUND)

    def __str__(self) -> str:
        directions = {0: "disabled", INBOUND: "trusts us", OUTBOUND: "is trusted by us", 3: "trusts us and we trust it"}
        words = [_KINDS.get(self.kind, f"type {self.kind}")]
        words += [word for bit, word in _ATTRIBUTES.items() if self.attributes & bit]
        return f"{self.partner} {directions.get(self.direction & 3)} ({', '.join(words)})"


def read(texts: dict[str, str | None]) -> DomainTrust | None:
    """From trustPartner, trustDirection, trustType and trustAttributes; None if these are missing or invalid."""
    partner = texts.get("trustPartner")
    try:
        direction, kind = int(texts.get("trustDirection") or ""), int(texts.get("trustType") or "")
        attributes = int(texts.get("trustAttributes") or 0)
    except ValueError:
        return None
    return DomainTrust(partner.lower(), direction, kind, attributes) if partner else None
