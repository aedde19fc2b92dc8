#!/usr/bin/python3
"""Make a freshly provisioned domain ready to run, with nothing in it: no gMSA, no user, no KDS root key.

Runs as lab_objects.py does.

usage: lab_bare.py STATE PLACEHOLDER_IP DC_IP
"""
# mypy: disable-error-code="import-not-found"

import sys

import ldb
from lab_objects import domain_policy, ldap_names, open_database, readdress


def main() -> None:
    state, placeholder, ip = sys.argv[1:]
    db = open_database(state)
    domain_policy(db)
    ldap_names(db)
    keys = f"CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services,{db.get_config_basedn()}"
    for key in db.search(keys, scope=ldb.SCOPE_ONELEVEL, attrs=["cn"]):
        db.delete(key.dn)
    readdress(db, placeholder, ip)


main()
