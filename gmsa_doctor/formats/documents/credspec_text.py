"""The text of a new CredSpec, in the form that AWS's and Microsoft's documentation shows.

Source: https://learn.microsoft.com/virtualization/windowscontainers/manage-containers/manage-serviceaccounts (keys, and
two scopes for each account: the domain's DNS name and its NetBIOS name);
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-linux-gmsa.html (HostAccountConfig).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PLUGIN = "{859E1386-BDB4-49E8-85C7-3070B13920E1}"
"""The plug-in of Amazon ECS for a secret in Secrets Manager. Credentials Fetcher on Linux ignores it."""


@dataclass(frozen=True)
class DomainIdentity:
    """What identifies an AD domain. ``forest`` is the DNS name of the forest's root domain.

    ``sid`` and ``guid`` are those of the domain, as text; the GUID has no braces.
    """

    dns_name: str
    forest: str
    net_bios_name: str
    sid: str
    guid: str


def credspec_text(gmsa: str, domain: DomainIdentity, secret_arn: str | None) -> str:
    """The CredSpec as JSON, with a line break at its end. Without ``secret_arn``, for domain-joined instances.

    PluginInput is an object, as Credentials Fetcher requires on Linux; on Windows it is a string.
    """
    directory: dict[str, Any] = {
        "GroupManagedServiceAccounts": [
            {"Name": gmsa, "Scope": domain.dns_name},
            {"Name": gmsa, "Scope": domain.net_bios_name},
        ]
    }
    if secret_arn:
        directory["HostAccountConfig"] = {
            "PortableCcgVersion": "1",
            "PluginGUID": PLUGIN,
            "PluginInput": {"CredentialArn": secret_arn},
        }
    document = {
        "CmsPlugins": ["ActiveDirectory"],
        "DomainJoinConfig": {
            "Sid": domain.sid,
            "MachineAccountName": gmsa,
            "Guid": domain.guid,
            "DnsTreeName": domain.forest,
            "DnsName": domain.dns_name,
            "NetBiosName": domain.net_bios_name,
        },
        "ActiveDirectoryConfig": directory,
    }
    return json.dumps(document, indent=2) + "\n"
