#!/usr/bin/python3
"""Fill a freshly provisioned domain with the lab's objects.

Runs under Debian's Python with Samba's packages (see `in-root`), on the database itself while no
server runs. One process for all: each call of samba-tool would cost 0.3 s.

usage: lab_objects.py STATE PLACEHOLDER_IP DC_IP
"""
# mypy: disable-error-code="import-not-found"

import struct
import sys
import time
from pathlib import Path
from typing import Any

import ldb
from lab_trust import trust
from samba.auth import system_session
from samba.dcerpc import dnsp, misc, security
from samba.dsdb import UF_ACCOUNTDISABLE, UF_WORKSTATION_TRUST_ACCOUNT
from samba.ndr import ndr_pack, ndr_unpack
from samba.param import LoadParm
from samba.provision.sambadns import ARecord, CNAMERecord
from samba.samdb import SamDB

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import accounts

NEVER_UNTIL_NOW = "116444736000000000"  # 1970-01-01 as a Windows file time
DAY = 24 * 3600 * 10_000_000  # in 100 ns


def open_database(state: str) -> Any:
    """Give the directory's database of the domain controller in `state`."""
    lp = LoadParm()
    lp.load(f"{state}/etc/smb.conf")
    return SamDB(f"{state}/private/sam.ldb", session_info=system_session(lp), lp=lp)


def find(db: Any, name: str) -> Any:
    """Give the one entry with this sAMAccountName."""
    expression = f"(sAMAccountName={ldb.binary_encode(name)})"
    return db.search(db.domain_dn(), scope=ldb.SCOPE_SUBTREE, attrs=["objectSid"], expression=expression)[0]


def sid(db: Any, name: str) -> str:
    return str(security.dom_sid(db.schema_format_value("objectSid", find(db, name)["objectSid"][0]).decode()))


def replace(db: Any, dn: Any, **attributes: Any) -> None:
    message = ldb.Message(ldb.Dn(db, str(dn)))
    for name, value in attributes.items():
        attribute = name.replace("_", "-")
        values = [value] if isinstance(value, str | bytes) else value
        message[attribute] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, attribute)
    db.modify(message)


def domain_policy(db: Any) -> None:
    """No password expires; bad passwords are counted, and 50 of them lock an account.

    With a threshold of 0 badPwdCount would stay 0 and prove nothing. A lockoutDuration of 0 keeps
    gmsa-locked locked.
    """
    replace(db, db.domain_dn(), maxPwdAge="0", minPwdAge="0", lockoutThreshold="50", lockoutDuration="0")


def ldap_names(db: Any) -> None:
    """Give the DC its ldap/ SPNs, which samba_spnupdate would add at the first start if it ran.

    And that of its copy, which is the same account under another host name.
    """
    host = f"{accounts.DC_NAME}.{accounts.DOMAIN}"
    names = [f"ldap/{host}", f"ldap/{accounts.DC_NAME.upper()}", f"ldap/{host}/{accounts.DOMAIN}",
             f"GC/{host}/{accounts.DOMAIN}", f"ldap/{accounts.COPY_NAME}.{accounts.DOMAIN}"]  # fmt: skip
    message = ldb.Message(find(db, f"{accounts.DC_NAME.upper()}$").dn)
    message["names"] = ldb.MessageElement(names, ldb.FLAG_MOD_ADD, "servicePrincipalName")
    db.modify(message)


def users(db: Any) -> None:
    """Make the plain users, each ill or well as its name says, and the groups."""
    db.newgroup(accounts.PRINCIPALS)
    db.newgroup(accounts.NESTED_PRINCIPALS)
    for user, password in accounts.PASSWORDS.items():
        db.newuser(user, password)
    db.add_remove_group_members(accounts.PRINCIPALS, list(accounts.MEMBERS), True)
    db.add_remove_group_members(accounts.NESTED_PRINCIPALS, [accounts.PRINCIPALS], True)
    now = int((time.time() + 11_644_473_600) * 10**7)
    replace(db, find(db, "gmsa-disabled").dn, userAccountControl=str(512 | UF_ACCOUNTDISABLE))
    replace(db, find(db, "gmsa-pwexpired").dn, pwdLastSet="0")  # must change it at the next logon
    replace(db, find(db, "gmsa-acctexpired").dn, accountExpires=NEVER_UNTIL_NOW)
    replace(db, find(db, "gmsa-locked").dn, lockoutTime=str(now))
    spns = [f"MSSQLSvc/sql.{accounts.DOMAIN}:1433", f"MSSQLSvc/sql.{accounts.DOMAIN}"]
    aes = "24"
    replace(db, find(db, "svc-sql").dn, servicePrincipalName=spns, msDS_SupportedEncryptionTypes=aes)
    expiring_password(db)


def expiring_password(db: Any) -> None:
    """Let one user's password age, by a fine-grained policy, where the domain's do not."""
    db.add({
        "dn": f"CN=Expiring,CN=Password Settings Container,CN=System,{db.domain_dn()}",
        "objectClass": "msDS-PasswordSettings",
        "msDS-PasswordSettingsPrecedence": "1",
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        "msDS-PasswordHistoryLength": "0",
        "msDS-PasswordComplexityEnabled": "FALSE",
        "msDS-MinimumPasswordLength": "0",
        "msDS-MinimumPasswordAge": "0",
        "msDS-MaximumPasswordAge": str(-accounts.EXPIRING_DAYS * DAY),
        "msDS-LockoutThreshold": "50",
        "msDS-LockoutObservationWindow": "0",
        "msDS-LockoutDuration": "0",
        "msDS-PSOAppliesTo": str(find(db, accounts.EXPIRING).dn),
    })  # fmt: skip


def gmsa(db: Any, name: str, *principals: str, parent: str = "CN=Managed Service Accounts", cn: str = "",
         **extra: Any) -> None:  # fmt: skip
    """Make a group managed service account whose password `principals` (account names) may retrieve."""
    allowed = "".join(f"(A;;0xf01ff;;;{sid(db, principal)})" for principal in principals)
    descriptor = security.descriptor.from_sddl(f"O:BAD:{allowed}", security.dom_sid(db.get_domain_sid()))
    attributes = {
        "dn": f"CN={cn or name},{parent},{db.domain_dn()}",
        "objectClass": "msDS-GroupManagedServiceAccount",
        "sAMAccountName": f"{name}$",
        "dNSHostName": f"{name}.{accounts.DOMAIN}",
        # Samba would leave the account disabled; Active Directory does not.
        "userAccountControl": str(UF_WORKSTATION_TRUST_ACCOUNT),
        "msDS-ManagedPasswordInterval": "30",
        "msDS-GroupMSAMembership": ndr_pack(descriptor),
        "msDS-SupportedEncryptionTypes": "28",  # RC4 and both AES, as Active Directory sets it
    }
    db.add({**attributes, **extra})


def service_accounts(db: Any) -> None:
    """Make the gMSAs: webapp01 is the healthy one, each other differs in one thing."""
    group, base = accounts.PRINCIPALS, db.domain_dn()
    for ou in ("Service Accounts", "Decoys"):
        db.add({"dn": f"OU={ou},{base}", "objectClass": "organizationalUnit"})
    gmsa(db, "webapp01", group, servicePrincipalName=f"HTTP/webapp01.{accounts.DOMAIN}")
    gmsa(db, "webapp02", accounts.OUTSIDER)
    gmsa(db, "webapp03", group, cn="Web App 03")
    gmsa(db, "webapp04", group, userAccountControl=str(UF_WORKSTATION_TRUST_ACCOUNT | UF_ACCOUNTDISABLE))
    # A plain user of the same CN, which a search for (CN=webapp05) must find first: Samba answers in the
    # order of the objects' GUIDs, and only a restoring administrator ("relax") may choose one.
    decoy = {"dn": f"CN=webapp05,OU=Decoys,{base}", "objectClass": "user", "sAMAccountName": "webapp05-user"}
    first = ndr_pack(misc.GUID("00000000-0000-4000-8000-000000000005"))
    db.add({**decoy, "objectGUID": first}, controls=["relax:0"])
    gmsa(db, "webapp05", group)
    gmsa(db, "webapp06", group, parent="OU=Service Accounts")
    gmsa(db, "webapp07", accounts.READER)
    gmsa(db, "webapp08", group, **{"msDS-SupportedEncryptionTypes": "4"})  # RC4; Samba's KDC gives AES anyway
    gmsa(db, "webapp09", accounts.NESTED_PRINCIPALS)
    gmsa(db, accounts.AGED[:-1], group)
    db.add({
        "dn": f"CN=smsa01,CN=Managed Service Accounts,{base}",
        "objectClass": "msDS-ManagedServiceAccount",
        "sAMAccountName": "smsa01$",
        "userAccountControl": str(UF_WORKSTATION_TRUST_ACCOUNT),
    })  # fmt: skip


def aged_password(state: str, db: Any) -> None:
    """Let the password of one gMSA be made long ago: its time, and the interval of ten hours that its key is of.

    The KDS root key must be older still. Samba lets nobody choose a pwdLastSet: written below its modules.
    """
    keys = f"CN=Master Root Keys,CN=Group Key Distribution Service,CN=Services,{db.get_config_basedn()}"
    name = "msKds-UseStartTime"
    for key in db.search(keys, scope=ldb.SCOPE_ONELEVEL, attrs=[name]):
        replace(db, key.dn, **{name: str(int(str(key[name][0])) - 2 * accounts.AGED_DAYS * DAY)})
    dn = find(db, accounts.AGED).dn
    partition = ldb.Ldb(f"{state}/private/sam.ldb.d/{db.domain_dn().upper()}.ldb")
    entry = partition.search(dn, scope=ldb.SCOPE_BASE, attrs=["pwdLastSet", "msDS-ManagedPasswordId"])[0]
    since = int(str(entry["pwdLastSet"][0])) - accounts.AGED_DAYS * DAY
    envelope = bytearray(entry["msDS-ManagedPasswordId"][0])
    levels = struct.Struct("<3i")  # L0, L1, L2 (MS-GKDI 2.2.4)
    l0, l1, l2 = levels.unpack_from(envelope, 12)
    interval = (l0 * 32 + l1) * 32 + l2 - accounts.AGED_DAYS * 24 // 10
    levels.pack_into(envelope, 12, interval // 1024, interval // 32 % 32, interval % 32)
    replace(partition, dn, pwdLastSet=str(since), msDS_ManagedPasswordId=bytes(envelope))


def dns_records(db: Any, ip: str) -> None:
    """Add sql, and the aliases of it and of the DC."""
    # Samba's own dns_replace only changes names that exist already: written as provisioning does it.
    records = {
        "sql": ARecord(ip, serial=1, ttl=900),
        "sql-alias": CNAMERecord(f"sql.{accounts.DOMAIN}", serial=1, ttl=900),
        "dc-alias": CNAMERecord(f"{accounts.DC_NAME}.{accounts.DOMAIN}", serial=1, ttl=900),
    }
    zone = f"DC={accounts.DOMAIN},CN=MicrosoftDNS,DC=DomainDnsZones,{db.domain_dn()}"
    for name, record in records.items():
        db.add({"dn": f"DC={name},{zone}", "objectClass": "dnsNode", "dnsRecord": ndr_pack(record)})


def readdress(db: Any, old: str, new: str) -> None:
    """Put the address `new` in the place of `old`, in all A records of the domain and the forest."""
    for partition in ("DomainDnsZones", "ForestDnsZones"):
        base = f"DC={partition},{db.domain_dn()}"
        nodes = "(objectClass=dnsNode)"
        for node in db.search(base, scope=ldb.SCOPE_SUBTREE, expression=nodes, attrs=["dnsRecord"]):
            records = [ndr_unpack(dnsp.DnssrvRpcRecord, value) for value in node.get("dnsRecord", [])]
            ours = [r for r in records if r.wType == dnsp.DNS_TYPE_A and r.data == old]
            for record in ours:
                record.data = new
            if ours:
                replace(db, node.dn, dnsRecord=[ndr_pack(record) for record in records])


def main() -> None:
    state, placeholder, ip = sys.argv[1:]
    db = open_database(state)
    domain_policy(db)
    ldap_names(db)
    users(db)
    service_accounts(db)
    aged_password(state, db)
    trust(db, accounts.OTHER_DOMAIN, accounts.OTHER_NETBIOS_NAME, accounts.OTHER_SID, accounts.TRUST_PASSWORD)
    readdress(db, placeholder, ip)
    dns_records(db, ip)


if __name__ == "__main__":
    main()
