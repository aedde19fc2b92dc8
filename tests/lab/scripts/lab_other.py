#!/usr/bin/python3
"""Fill the freshly provisioned second domain: a SQL Server's account, and the trust with the first domain.

Runs as lab_objects.py does.

usage: lab_other.py STATE PLACEHOLDER_IP DC_IP SID_OF_FIRST_DOMAIN
"""
# mypy: disable-error-code="import-not-found"

import sys
from pathlib import Path

from lab_objects import find, open_database, readdress, replace
from lab_trust import trust

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import accounts


def main() -> None:
    state, placeholder, ip, sid = sys.argv[1:]
    db = open_database(state)
    db.newuser(accounts.OTHER_SQL, accounts.PASSWORD)
    spns = [f"MSSQLSvc/sql.{accounts.OTHER_DOMAIN}:1433", f"MSSQLSvc/sql.{accounts.OTHER_DOMAIN}"]
    replace(db, find(db, accounts.OTHER_SQL).dn, servicePrincipalName=spns, msDS_SupportedEncryptionTypes="24")
    trust(db, accounts.DOMAIN, accounts.NETBIOS_NAME, sid, accounts.TRUST_PASSWORD)
    readdress(db, placeholder, ip)


main()
