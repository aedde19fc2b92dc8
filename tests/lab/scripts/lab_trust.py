"""A trust between two domains: the object by which each of them knows the other (MS-ADTS 6.1.6.7).

Written to the database while no server runs: Samba's own command needs both domain controllers, and RPC.
"""
# mypy: disable-error-code="import-not-found"

import time
from typing import Any

from samba.dcerpc import drsblobs, lsa, security
from samba.ndr import ndr_pack


def trust(db: Any, partner: str, netbios_name: str, sid: str, password: str) -> None:
    """Let the database's domain and the forest of `partner` trust each other."""
    secret = _secret(password)
    db.add(
        {
            "dn": f"CN={partner},CN=System,{db.domain_dn()}",
            "objectClass": "trustedDomain",
            "trustPartner": partner,
            "flatName": netbios_name,
            "trustType": str(lsa.LSA_TRUST_TYPE_UPLEVEL),
            "trustDirection": str(lsa.LSA_TRUST_DIRECTION_INBOUND | lsa.LSA_TRUST_DIRECTION_OUTBOUND),
            "trustAttributes": str(lsa.LSA_TRUST_ATTRIBUTE_FOREST_TRANSITIVE),
            "msDS-SupportedEncryptionTypes": "24",
            "securityIdentifier": ndr_pack(security.dom_sid(sid)),
            "trustAuthIncoming": secret,
            "trustAuthOutgoing": secret,
            "msDS-TrustForestTrustInfo": _forest(partner, netbios_name, sid),
        },
        controls=["relax:0"],
    )


def _secret(password: str) -> bytes:
    """Give the password in the form of trustAuthIncoming and trustAuthOutgoing."""
    encoded = password.encode("utf-16-le")
    clear = drsblobs.AuthInfoClear()
    clear.password = list(encoded)
    clear.size = len(encoded)
    information = drsblobs.AuthenticationInformation()
    information.LastUpdateTime = int((time.time() + 11_644_473_600) * 10**7)
    information.AuthType = lsa.TRUST_AUTH_TYPE_CLEAR
    information.AuthInfo = clear
    current = drsblobs.AuthenticationInformationArray()
    current.count = 1
    current.array = [information]
    blob = drsblobs.trustAuthInOutBlob()
    blob.count = 1
    blob.current = current
    return bytes(ndr_pack(blob))


def _forest(partner: str, netbios_name: str, sid: str) -> bytes:
    """Give the names of the partner's forest: its top-level name, and its one domain (MS-ADTS 6.1.6.9.3)."""
    top = drsblobs.ForestTrustInfoRecord()
    top.type = drsblobs.FOREST_TRUST_TOP_LEVEL_NAME
    top.data = _string(partner)
    domain = drsblobs.ForestTrustInfoRecord()
    domain.type = drsblobs.FOREST_TRUST_DOMAIN_INFO
    domain.data = drsblobs.ForestTrustDataDomainInfo()
    domain.data.sid = security.dom_sid(sid)
    domain.data.dns_name = _string(partner)
    domain.data.netbios_name = _string(netbios_name)
    records = []
    for record in (top, domain):
        armor = drsblobs.ForestTrustInfoRecordArmor()
        armor.record = record
        records.append(armor)
    info = drsblobs.ForestTrustInfo()
    info.version = 1
    info.count = len(records)
    info.records = records
    return bytes(ndr_pack(info))


def _string(text: str) -> Any:
    string = drsblobs.ForestTrustString()
    string.string = text
    return string
