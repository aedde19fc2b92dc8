#!/usr/bin/python3
"""Carry out the AD's parts of a plan with Samba's tools, on the database of a domain controller that runs.

Standard input has JSON: "steps" are the parts, each with its kind and its fields, and "passwords" those of users.

usage: lab_steps.py STATE
"""
# mypy: disable-error-code="import-not-found"

import json
import sys
import time
from typing import Any

from lab_objects import find, gmsa, open_database, replace, sid
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

_MINUTES = 60 * 10_000_000  # in 100 ns
_CYCLE, _SKEW = 600 * _MINUTES, 5 * _MINUTES
"""A key counts ten hours after its start (MS-GKDI 3.1.4.1.2); Samba allows for clocks that differ."""


def root_key(db: Any, lab: bool) -> None:
    """Add a KDS root key as Add-KdsRootKey does: effective at once with `lab`, otherwise after ten hours."""
    now = int((time.time() + 11_644_473_600) * 10**7)
    db.new_gkdi_root_key(current_time=now, use_start_time=now - _CYCLE - _SKEW if lab else now + _CYCLE)


def permit(db: Any, name: str, group: str) -> None:
    """Append the group to the list of a gMSA."""
    dn = find(db, f"{name}$").dn
    (entry,) = db.search(dn, attrs=["msDS-GroupMSAMembership"])
    descriptor = ndr_unpack(security.descriptor, entry["msDS-GroupMSAMembership"][0])
    text = f"{descriptor.as_sddl()}(A;;0xf01ff;;;{sid(db, group)})"
    new = security.descriptor.from_sddl(text, security.dom_sid(db.get_domain_sid()))
    replace(db, dn, msDS_GroupMSAMembership=ndr_pack(new))


def carry_out(db: Any, step: dict[str, Any], passwords: dict[str, str]) -> None:
    """Do what the PowerShell commands of this part do."""
    kind = step["kind"]
    if kind == "RootKey":
        root_key(db, step["lab"])
    elif kind == "Group":
        db.newgroup(step["name"])
    elif kind == "User":
        db.newuser(step["name"], passwords[step["name"]])
    elif kind == "Member":
        db.add_remove_group_members(step["group"], [step["user"]], True)
    elif kind == "Gmsa":
        gmsa(db, step["name"], step["group"])
    elif kind == "Permission":
        permit(db, step["gmsa"], step["group"])
    else:
        raise ValueError(kind)


def main() -> None:
    given = json.load(sys.stdin)
    db = open_database(sys.argv[1])
    for step in given["steps"]:
        carry_out(db, step, given["passwords"])


main()
