#!/bin/bash
# The live flow with the tools of Debian, as one types it in the task's network, where DNS names the KDCs.
# usage: live.sh REALM HOST BASE_DN USER GMSA SPN, the user's password on standard input
set -euo pipefail
realm=$1 host=$2 base=$3 user=$4 gmsa=$5 spn=$6
search() { ldapsearch -LLL -Q -N -Y GSSAPI -H "ldap://$host" -o ldif-wrap=no "$@"; }

kinit "$user@$realm" >/dev/null
dn=$(search -b "$base" "(CN=$gmsa)" distinguishedName | sed -n 's/^dn: //p')
blob=$(search -b "$dn" "(objectClass=msDS-GroupManagedServiceAccount)" msDS-ManagedPassword |
    sed -n 's/^msDS-ManagedPassword:: //p')
# The current password: 256 bytes of UTF-16 after the header (MS-ADTS 2.2.19); the KDC's form of a lone surrogate
# is U+FFFD, which iconv does not make.
base64 -d <<<"$blob" | python3 -Sc 'import sys
data = sys.stdin.buffer.read()
start = int.from_bytes(data[8:10], "little")
sys.stdout.buffer.write(data[start : start + 256].decode("utf-16-le", "replace").encode() + b"\n")' |
    kinit "$gmsa\$@$realm" >/dev/null
kvno -q "$spn@$realm"
