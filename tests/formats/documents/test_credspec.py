from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.credspec import CredSpecDocument, Defect, DefectKind, read_credspec
from gmsa_doctor.formats.documents.json_text import Json
from gmsa_doctor.formats.fetcher import Fetcher

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa-AbCdEf"
ACCOUNTS = "ActiveDirectoryConfig.GroupManagedServiceAccounts"
HOST = "ActiveDirectoryConfig.HostAccountConfig"


def healthy() -> dict[str, Any]:
    return {
        "CmsPlugins": ["ActiveDirectory"],
        "DomainJoinConfig": {
            "Sid": "S-1-5-21-1-2-3",
            "MachineAccountName": "WebApp01",
            "Guid": "af602f85-d754-4eea-9fa8-fd76810485f1",
            "DnsTreeName": "contoso.com",
            "DnsName": "corp.contoso.com",
            "NetBiosName": "CORP",
        },
        "ActiveDirectoryConfig": {
            "GroupManagedServiceAccounts": [
                {"Name": "WebApp01", "Scope": "corp.contoso.com"},
                {"Name": "WebApp01", "Scope": "CORP"},
            ],
            "HostAccountConfig": {
                "PortableCcgVersion": "1",
                "PluginGUID": "{859E1386-BDB4-49E8-85C7-3070B13920E1}",
                "PluginInput": {"CredentialArn": ARN},
            },
        },
    }


def changed(path: str, value: object = None, *, rename: str | None = None, remove: bool = False) -> Json:
    document = healthy()
    *parents, last = path.split(".")
    inner: Any = document
    for key in parents:
        inner = inner[key]
    if remove or rename:
        value = inner.pop(last)
    if not remove:
        inner[rename or last] = value
    return document


def only_defect(value: Json) -> Defect:
    found = read_credspec(value)
    assert isinstance(found, tuple)
    assert len(found) == 1
    return found[0]


def test_the_values_that_the_daemon_reads_are_read() -> None:
    assert read_credspec(healthy()) == CredSpecDocument(
        dns_name="corp.contoso.com",
        gmsa_name="WebApp01",
        credential_arn=ARN,
        machine_account_name="WebApp01",
        net_bios_name="CORP",
        dns_tree_name="contoso.com",
        sid="S-1-5-21-1-2-3",
        guid="af602f85-d754-4eea-9fa8-fd76810485f1",
    )
    hash(read_credspec(healthy()))


def test_other_keys_may_be_missing_or_have_any_value() -> None:
    document: Json = {
        "DomainJoinConfig": {"DnsName": "contoso.com", "Sid": 5, "MachineAccountName": None},
        "ActiveDirectoryConfig": {
            "GroupManagedServiceAccounts": [None, 1, {"Name": ""}, {"Name": 5}, {"Name": "second"}],
            "HostAccountConfig": {"PluginInput": {"CredentialArn": ARN}},
        },
        "CmsPlugins": {},
    }
    found = read_credspec(document)
    assert isinstance(found, CredSpecDocument)
    assert (found.gmsa_name, found.machine_account_name) == ("second", None)


@pytest.mark.parametrize(
    ("path", "v2_text"),
    [
        ("DomainJoinConfig", "missing or invalid DomainJoinConfig"),
        ("DomainJoinConfig.DnsName", "missing or invalid DnsName"),
        ("ActiveDirectoryConfig", "missing or invalid ActiveDirectoryConfig"),
        (ACCOUNTS, "missing or invalid GroupManagedServiceAccounts"),
        (HOST, None),
        (f"{HOST}.PluginInput", "missing or invalid PluginInput"),
        (f"{HOST}.PluginInput.CredentialArn", "missing or invalid CredentialArn"),
    ],
)
def test_each_required_key_may_be_missing_or_in_the_wrong_case(path: str, v2_text: str | None) -> None:
    key = path.rpartition(".")[2]
    missing = only_defect(changed(path, remove=True))
    assert (missing.path, missing.kind, missing.found) == (path, DefectKind.MISSING, None)
    assert (missing.v2_text, missing.stumbles) == (v2_text, frozenset(Fetcher))
    lower = only_defect(changed(path, rename=key.lower()))
    assert (lower.path, lower.kind) == (path, DefectKind.WRONG_CASE)
    assert (lower.found, lower.expected, lower.v2_text) == (key.lower(), key, v2_text)
    null = only_defect(changed(path))
    assert (null.path, null.kind, null.found) == (path, DefectKind.WRONG_TYPE, "null")
    number = only_defect(changed(path, 5))
    assert (number.path, number.kind, number.found) == (path, DefectKind.WRONG_TYPE, "a number")


def test_all_defects_are_reported_at_once_and_in_the_daemons_order() -> None:
    document = healthy()
    document["domainjoinconfig"] = {"dnsname": "contoso.com"}
    del document["DomainJoinConfig"]
    document["ActiveDirectoryConfig"]["HostAccountConfig"] = {}
    found = read_credspec(document)
    assert isinstance(found, tuple)
    assert [(defect.path, defect.kind) for defect in found] == [
        ("DomainJoinConfig", DefectKind.WRONG_CASE),
        ("DomainJoinConfig.DnsName", DefectKind.WRONG_CASE),
        (f"{HOST}.PluginInput", DefectKind.MISSING),
    ]


@pytest.mark.parametrize(
    ("text", "is_object"),
    [
        ('{"CredentialArn": "arn"}', True),
        ('{"credentialArn": "arn"}', True),
        ("not json", False),
        ("[" * 9999, False),
        ("", False),
    ],
)
def test_a_plugin_input_that_is_a_string_is_a_separate_defect(text: str, is_object: bool) -> None:
    found = only_defect(changed(f"{HOST}.PluginInput", text))
    assert (found.kind, found.text_is_object) == (DefectKind.PLUGIN_INPUT_TEXT, is_object)


@pytest.mark.parametrize("path", ["DomainJoinConfig.DnsName", f"{HOST}.PluginInput.CredentialArn"])
def test_an_empty_string_is_reported(path: str) -> None:
    found = only_defect(changed(path, ""))
    assert (found.path, found.kind) == (path, DefectKind.EMPTY)


@pytest.mark.parametrize("accounts", [[], [{}], [{"Name": ""}], [None, "WebApp01"], [{"Name": 5}]])
def test_without_a_name_the_gmsa_is_missing(accounts: list[object]) -> None:
    found = only_defect(changed(ACCOUNTS, accounts))
    assert (found.path, found.kind) == (ACCOUNTS, DefectKind.NO_GMSA_NAME)


def test_a_name_in_the_wrong_case_is_reported_with_its_place() -> None:
    found = only_defect(changed(ACCOUNTS, [{}, {"name": "WebApp01"}]))
    assert (found.path, found.kind, found.found) == (f"{ACCOUNTS}[1].Name", DefectKind.WRONG_CASE, "name")


@pytest.mark.parametrize("value", [None, [], "x", 5, True])
def test_a_document_that_is_not_an_object_is_reported(value: Json) -> None:
    assert only_defect(value).kind is DefectKind.NOT_AN_OBJECT


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "name", "DnsName", "CredentialArn", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
paths = st.sampled_from(
    ["DomainJoinConfig", "DomainJoinConfig.DnsName", "ActiveDirectoryConfig", ACCOUNTS, HOST, f"{HOST}.PluginInput"]
)


@given(anything)
def test_any_value_is_a_credspec_or_defects(value: Json) -> None:
    assert read_credspec(value)


@given(paths, anything)
def test_any_value_at_any_path_is_a_credspec_or_hashable_defects(path: str, value: Json) -> None:
    document = changed(path, copy.deepcopy(value))
    hash(read_credspec(document))
