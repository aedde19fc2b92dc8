"""The CredSpec: the values that Credentials Fetcher reads from it, and the defects on which it fails.

Keys are case-sensitive. Source: the code of each version of the daemon (aws/credentials-fetcher); for the form,
https://learn.microsoft.com/virtualization/windowscontainers/manage-containers/manage-serviceaccounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from gmsa_doctor.formats.documents.json_text import Document, Json, nearest_key, parse, type_name
from gmsa_doctor.formats.fetcher import Fetcher

T = TypeVar("T")

_ACCOUNTS = "ActiveDirectoryConfig.GroupManagedServiceAccounts"
_HOST = "ActiveDirectoryConfig.HostAccountConfig"


class DefectKind(StrEnum):
    """The kind of a defect of a CredSpec."""

    NOT_AN_OBJECT = "not-an-object"
    """The document is JSON, but not an object."""
    MISSING = "missing"
    WRONG_CASE = "wrong-case"
    """The key exists in another case; ``found`` is the key in the document."""
    WRONG_TYPE = "wrong-type"
    PLUGIN_INPUT_TEXT = "plugin-input-text"
    """PluginInput is a string, as in documents for Windows; on Linux it must be an object."""
    EMPTY = "empty"
    NO_GMSA_NAME = "no-gmsa-name"
    """No entry of GroupManagedServiceAccounts has a non-empty string as its Name."""


@dataclass(frozen=True)
class Defect:
    """A defect at ``path``. ``found`` and ``expected`` are keys or types, never values.

    ``stumbles`` are the generations of the daemon that fail on it. ``v2_text`` is the stable part of the message of 2.x
    after "invalid credentialspec fields"; None if there is none, or it was not observed. ``text_is_object``: whether a
    PluginInput that is a string contains a JSON object with CredentialArn, in any case (AWS's form for Windows).
    """

    path: str
    kind: DefectKind
    expected: str
    found: str | None = None
    stumbles: frozenset[Fetcher] = frozenset(Fetcher)
    v2_text: str | None = None
    text_is_object: bool | None = None


@dataclass(frozen=True)
class CredSpecDocument:
    """The values in a CredSpec, not yet checked for their form. The daemon reads the first three.

    ``gmsa_name`` is the first non-empty name, ``gmsa_index`` its index. ``credential_arn`` is empty if the CredSpec is
    for domain-joined hosts. Another value that is missing or not a string is None.
    """

    dns_name: str
    gmsa_name: str
    credential_arn: str
    machine_account_name: str | None = None
    net_bios_name: str | None = None
    dns_tree_name: str | None = None
    sid: str | None = None
    guid: str | None = None
    gmsa_index: int = 0


def read_credspec(value: Json, domainless: bool | None = True) -> CredSpecDocument | tuple[Defect, ...]:
    """The values in a CredSpec, or all defects that prevent the daemon from reading them, in its order.

    ``domainless``: the mode. In domain-joined mode, nothing reads HostAccountConfig; ``None``: the mode is unknown, so
    that HostAccountConfig may be missing.
    """
    reader = _CredSpecReader()
    if not isinstance(value, dict):
        return (Defect("", DefectKind.NOT_AN_OBJECT, "an object", type_name(value)),)
    domain = reader.object(value, "DomainJoinConfig")
    dns_name = reader.text(domain, "DomainJoinConfig.DnsName")
    directory = reader.object(value, "ActiveDirectoryConfig")
    accounts = reader.accounts(directory)
    credential_arn = ""
    if domainless or (domainless is None and _has_host(directory)):
        host = reader.object(directory, _HOST)
        credential_arn = reader.text(reader.plugin_input(host), f"{_HOST}.PluginInput.CredentialArn")
    if reader.defects:
        return tuple(reader.defects)
    named = ((index, name) for index, account in enumerate(accounts) if (name := _text(account, "Name")))
    gmsa_index, gmsa_name = next(named)
    return CredSpecDocument(
        dns_name=dns_name,
        gmsa_name=gmsa_name,
        gmsa_index=gmsa_index,
        credential_arn=credential_arn,
        machine_account_name=_text(domain, "MachineAccountName"),
        net_bios_name=_text(domain, "NetBiosName"),
        dns_tree_name=_text(domain, "DnsTreeName"),
        sid=_text(domain, "Sid"),
        guid=_text(domain, "Guid"),
    )


def _has_host(directory: dict[str, Json] | None) -> bool:
    key = _HOST.rpartition(".")[2]
    return directory is not None and (key in directory or nearest_key(directory, key) is not None)


def _text(value: dict[str, Json] | None, key: str) -> str | None:
    text = (value or {}).get(key)
    return text if isinstance(text, str) else None


class _CredSpecReader:
    """Walks the required keys and collects defects. Below a missing key it reports none: None in, None out.

    If a key has the wrong case, it continues with its value, so that all defects are reported at once.
    """

    def __init__(self) -> None:
        self.defects: list[Defect] = []

    def object(self, parent: dict[str, Json] | None, path: str) -> dict[str, Json] | None:
        return self._typed(self._find(parent, path, "an object"), path, dict, "an object")

    def text(self, parent: dict[str, Json] | None, path: str) -> str:
        text = self._typed(self._find(parent, path, "a string"), path, str, "a string")
        if text == "":
            self._add(path, DefectKind.EMPTY, "a non-empty string", "an empty string")
        return text or ""

    def plugin_input(self, host: dict[str, Json] | None) -> dict[str, Json] | None:
        path = f"{_HOST}.PluginInput"
        value = self._find(host, path, "an object")
        if isinstance(value, str):
            document = parse(value)
            inner = document.value if isinstance(document, Document) else None
            is_object = isinstance(inner, dict) and any(key.casefold() == "credentialarn" for key in inner)
            self._add(path, DefectKind.PLUGIN_INPUT_TEXT, "an object", "a string", is_object)
            return None
        return self._typed(value, path, dict, "an object")

    def accounts(self, directory: dict[str, Json] | None) -> list[dict[str, Json]]:
        """The entries of GroupManagedServiceAccounts; empty ones for those that are no objects, as for daemon 2.x."""
        array = self._typed(self._find(directory, _ACCOUNTS, "an array"), _ACCOUNTS, list, "an array")
        if array is None:
            return []
        entries = [entry if isinstance(entry, dict) else {} for entry in array]
        if not any(_text(entry, "Name") for entry in entries):
            self._no_name(array)
        return entries

    def _typed(self, value: Json, path: str, wanted: type[T], name: str) -> T | None:
        if isinstance(value, wanted):
            return value
        if value is not None:
            self._add(path, DefectKind.WRONG_TYPE, name, type_name(value))
        return None

    def _no_name(self, entries: list[Json]) -> None:
        for index, entry in enumerate(entries):
            near = nearest_key(entry, "Name") if isinstance(entry, dict) and "Name" not in entry else None
            if near:
                self._add(f"{_ACCOUNTS}[{index}].Name", DefectKind.WRONG_CASE, "Name", near)
                return
        found = f"{len(entries)} entries without a name" if entries else "an empty array"
        self._add(_ACCOUNTS, DefectKind.NO_GMSA_NAME, "an entry with a non-empty Name", found)

    def _find(self, parent: dict[str, Json] | None, path: str, wanted: str) -> Json:
        """The value of the path's last key. A null is a defect: the wrong type."""
        key = path.rpartition(".")[2]
        if parent is None:
            return None
        if key in parent:
            if parent[key] is None:
                self._add(path, DefectKind.WRONG_TYPE, wanted, "null")
            return parent[key]
        near = nearest_key(parent, key)
        if near is None:
            self._add(path, DefectKind.MISSING, wanted)
            return None
        self._add(path, DefectKind.WRONG_CASE, key, near)
        return parent[near]

    def _add(
        self, path: str, kind: DefectKind, expected: str, found: str | None = None, is_object: bool | None = None
    ) -> None:
        v2_text = _v2_text(path, kind)
        self.defects.append(Defect(path, kind, expected, found, v2_text=v2_text, text_is_object=is_object))


_NAMED_BY_2 = frozenset(
    {"DomainJoinConfig", "DnsName", "ActiveDirectoryConfig"}
    | {"GroupManagedServiceAccounts", "PluginInput", "CredentialArn"}
)


def _v2_text(path: str, kind: DefectKind) -> str | None:
    key = path.rpartition(".")[2]
    if kind is DefectKind.NO_GMSA_NAME or (key == "CredentialArn" and kind is DefectKind.EMPTY):
        return None
    return f"missing or invalid {key}" if key in _NAMED_BY_2 else None
