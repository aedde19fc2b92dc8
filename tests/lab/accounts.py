"""The accounts of the lab's domain, with their passwords. Constants only: Samba's own Python reads them too."""

DOMAIN = "corp.example"
REALM = "CORP.EXAMPLE"
NETBIOS_NAME = "CORP"
DC_NAME = "dc1"

ADMINISTRATOR = "Administrator"
ADMINISTRATOR_PASSWORD = "Adm1n-Passw0rd!"

READER = "gmsa-reader"
"""May retrieve the gMSAs' passwords, as a member of `PRINCIPALS`."""
PRINCIPALS = "WebAppGmsaPrincipals"
NESTED_PRINCIPALS = "WebAppGmsaNested"
"""A group whose only member is the group `PRINCIPALS`."""
OUTSIDER = "gmsa-outsider"
"""A healthy account that may retrieve only webapp02's password."""
SPECIAL = "gmsa-special"
EXPIRING = "gmsa-expiring"
EXPIRING_DAYS = 3
"""Days until the password of `EXPIRING` expires, counted from the start of the domain controller."""

PASSWORD = "Passw0rd-Reader!"
SPECIAL_PASSWORD = "Qu\"o'te$\\ Gr\u00fc\u00dfe \u20ac1"
PASSWORDS = {
    READER: PASSWORD,
    OUTSIDER: PASSWORD,
    SPECIAL: SPECIAL_PASSWORD,
    EXPIRING: PASSWORD,
    "gmsa-disabled": PASSWORD,
    "gmsa-pwexpired": PASSWORD,
    "gmsa-acctexpired": PASSWORD,
    "gmsa-locked": PASSWORD,
    "svc-sql": PASSWORD,
    "notagmsa": PASSWORD,
}
MEMBERS = (READER, SPECIAL, EXPIRING, "gmsa-disabled", "gmsa-pwexpired")
"""The members of `PRINCIPALS`."""

AGED = "webapp10$"
AGED_DAYS = 400
"""How long ago the password of `AGED` was set: nobody has read it since."""

# A second domain controller, whose copy of the directory lags behind (see `lab_lag.py`).
COPY_NAME = "dc2"
UNKNOWN_ON_COPY = "webapp06$"
OLDER_ON_COPY = "webapp07$"
"""Its password there is 20 days older: not yet due for a new one."""
OTHERS_ALLOWED_ON_COPY = "webapp05$"
DISABLED_ON_COPY = "webapp09$"
USER_UNKNOWN_ON_COPY = SPECIAL
USER_DISABLED_ON_COPY = EXPIRING

# A second domain, of another forest, which trusts the first and is trusted by it.
OTHER_DOMAIN = "other.example"
OTHER_REALM = "OTHER.EXAMPLE"
OTHER_NETBIOS_NAME = "OTHER"
OTHER_SID = "S-1-5-21-1004336348-1177238915-682003330"
OTHER_SQL = "svc-sql-other"
TRUST_PASSWORD = "Tru5t-Passw0rd!"
