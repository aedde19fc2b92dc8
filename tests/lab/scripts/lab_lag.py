#!/usr/bin/python3
"""Let a copy of the domain's directory lag behind: as a domain controller is that has not replicated for a while.

Runs under Debian's Python with Samba's packages (see `in-root`), on the database of the copy while its
server does not run.

usage: lab_lag.py STATE
"""
# mypy: disable-error-code="import-not-found"

import sys
from pathlib import Path
from typing import Any

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.dsdb import UF_ACCOUNTDISABLE, UF_WORKSTATION_TRUST_ACCOUNT
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import accounts

DAY = 24 * 3600 * 10_000_000  # in 100 ns


def find(db: Any, name: str) -> Any:
    expression = f"(sAMAccountName={ldb.binary_encode(name)})"
    attributes = ["objectSid", "pwdLastSet"]
    return db.search(db.domain_dn(), scope=ldb.SCOPE_SUBTREE, attrs=attributes, expression=expression)[0]


def replace(db: Any, dn: Any, attribute: str, value: str | bytes) -> None:
    message = ldb.Message(ldb.Dn(db, str(dn)))
    message[attribute] = ldb.MessageElement([value], ldb.FLAG_MOD_REPLACE, attribute)
    db.modify(message)


def main() -> None:
    state = sys.argv[1]
    lp = LoadParm()
    lp.load(f"{state}/etc/smb.conf")
    db = SamDB(f"{state}/private/sam.ldb", session_info=system_session(lp), lp=lp)
    for gone in (accounts.UNKNOWN_ON_COPY, accounts.USER_UNKNOWN_ON_COPY):
        db.delete(find(db, gone).dn)
    disabled = UF_WORKSTATION_TRUST_ACCOUNT | UF_ACCOUNTDISABLE
    replace(db, find(db, accounts.DISABLED_ON_COPY).dn, "userAccountControl", str(disabled))
    replace(db, find(db, accounts.USER_DISABLED_ON_COPY).dn, "userAccountControl", str(512 | UF_ACCOUNTDISABLE))
    outsider = db.schema_format_value("objectSid", find(db, accounts.OUTSIDER)["objectSid"][0]).decode()
    only = security.descriptor.from_sddl(f"O:BAD:(A;;0xf01ff;;;{outsider})", security.dom_sid(db.get_domain_sid()))
    replace(db, find(db, accounts.OTHERS_ALLOWED_ON_COPY).dn, "msDS-GroupMSAMembership", ndr_pack(only))
    # Samba does not allow setting pwdLastSet: written below its modules.
    old = find(db, accounts.OLDER_ON_COPY)
    partition = ldb.Ldb(f"{state}/private/sam.ldb.d/{db.domain_dn().upper()}.ldb")
    replace(partition, old.dn, "pwdLastSet", str(int(str(old["pwdLastSet"][0])) - 20 * DAY))


main()
