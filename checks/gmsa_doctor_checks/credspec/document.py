"""Whether the CredSpec is JSON with the keys that Credentials Fetcher reads."""

from __future__ import annotations

import re
from dataclasses import replace

from gmsa_doctor.authoring import Cause, Finding, Fix, Given, Result, Status, check, failed, passed, unknown, warned
from gmsa_doctor.core.changes import Change
from gmsa_doctor.core.model import Location
from gmsa_doctor.formats.documents.credspec import CredSpecDocument, Defect, DefectKind, read_credspec
from gmsa_doctor.formats.documents.json_text import Encoding, EncodingDefect, JsonDefect, JsonDefectKind, decode, parse
from gmsa_doctor.formats.documents.lenient_json import read_by_1_3
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_credspec
from gmsa_doctor_checks.values import CredSpec, SizedCredSpec
from gmsa_doctor_checks.versions import judge_by_version

_MISSING = (
    texts.MISSING_JOIN,
    texts.MISSING_DNS_NAME,
    texts.MISSING_AD,
    texts.MISSING_GMSA,
    texts.MISSING_PLUGIN,
    texts.MISSING_CREDENTIAL_ARN,
)
_TEXTS = {text.v2: text for text in _MISSING}


@check(
    "credspec.document",
    title="The CredSpec is JSON with the required keys",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
    about="credspec",
    shows=(texts.FIELDS, *_MISSING, texts.MISSING_SECRET_ARN),
)
def credspec_document(sized: SizedCredSpec, platform: Platform) -> Result[CredSpec]:
    """Parses the CredSpec: its encoding, its JSON, and the keys that Credentials Fetcher reads, in their exact case.

    Why: PowerShell writes UTF-16 or a byte-order mark; Windows examples show `PluginInput` as a string, which on
    Linux must be an object. Credentials Fetcher reports hardly any of these defects.

    Fix: save the document as UTF-8 without a byte-order mark, and correct the reported keys.
    """
    text = decode(sized.body)
    bad_bytes = text if isinstance(text, EncodingDefect) else None
    if bad_bytes and (bad_bytes.replaced is None or Fetcher.V2 not in bad_bytes.accepted_by):
        return _bad_encoding(sized, bad_bytes)
    content = (text.replaced or "") if isinstance(text, EncodingDefect) else text.text
    document = parse(content)
    if isinstance(document, JsonDefect):
        return _bad_json(sized, content, document, platform)
    domainless = sized.location.domainless
    found = read_credspec(document.value, domainless)
    if isinstance(found, tuple):
        return _bad_keys(sized, found)
    value, fix, about = CredSpec(sized.location, found), _save_again(sized), ""
    if text.bom:
        summary = (
            "the CredSpec starts with a UTF-8 byte-order mark, which 2.x and 1.3 skip but the ECS agent on EC2 may not"
        )
    elif document.duplicates:
        summary = f"the CredSpec contains a key twice ({', '.join(document.duplicates)}); the last one is used"
        fix = Fix("Remove the duplicate keys, and upload the CredSpec.", edit_credspec(sized.location))
        about = _about(document.duplicates[0])
    elif bad_bytes:
        summary = "a string in the CredSpec contains bytes that are not UTF-8; 2.x replaces them, 1.3 was not tested"
    elif domainless is None and not found.credential_arn:
        return Given(value, _only_for_domain_joined_hosts(sized))
    else:
        return Given(value, passed(f"JSON for the gMSA {found.gmsa_name} of {found.dns_name}"))
    warning = warned(summary, expected="UTF-8 without a byte-order mark, each key once", fix=fix)
    return Given(value, replace(warning, about=about))


def _only_for_domain_joined_hosts(sized: SizedCredSpec) -> Finding:
    warning = warned(
        "the CredSpec has no HostAccountConfig: it works only with the prefix credentialspec: on domain-joined hosts",
        observed="no HostAccountConfig",
        expected="HostAccountConfig with the ARN of a secret, unless the hosts are joined to the domain",
        fix=Fix(
            "If the task definition has the prefix credentialspecdomainless:, add HostAccountConfig, and upload the "
            "CredSpec.",
            edit_credspec(sized.location),
        ),
    )
    return replace(warning, about="credspec/ActiveDirectoryConfig")


def _about(path: str) -> str:
    """The path of a defect, for the finding's position."""
    return "credspec/" + re.sub(r"\[(\d+)\]", r".\1", path).replace(".", "/")


def _bad_encoding(sized: SizedCredSpec, defect: EncodingDefect) -> Finding:
    wide = defect.encoding is not Encoding.UNKNOWN
    line = sized.body.count(b"\n", 0, defect.offset) + 1
    finding = failed(
        f"the CredSpec is {defect.encoding}" + (", as PowerShell's > writes it" if wide else ""),
        observed=f"{defect.encoding}, at byte {defect.offset}",
        expected="UTF-8",
        fix=_save_again(sized),
        shows_as=texts.FIELDS,
    )
    return finding if wide else replace(finding, location=Location("", line))


def _save_again(sized: SizedCredSpec) -> Fix:
    return Fix(
        "In PowerShell, save the CredSpec as UTF-8 without a byte-order mark, and upload it.",
        edit_credspec(
            sized.location, '[IO.File]::WriteAllText("$PWD/credspec.json", (Get-Content -Raw credspec.json))'
        ),
        change=Change(),
    )


def _bad_json(sized: SizedCredSpec, text: str, defect: JsonDefect, platform: Platform) -> Result[CredSpec]:
    """A failure; in an uploaded CredSpec a warning where 1.3 may run, which passes over some defects.

    On EC2 the ECS agent also parses the CredSpec, with Go's encoding/json (updateCredSpecMapping in
    credentialspec_linux.go of aws/amazon-ecs-agent), so that a file fails. For an uploaded one, the live flow decides.
    """
    position = f"line {defect.line}, column {defect.column}"
    if defect.kind is JsonDefectKind.TOO_DEEP:  # our own limit: the daemon may read it
        return unknown(f"the CredSpec is nested too deeply to be parsed here: {position}")
    failure = failed(
        f"the CredSpec is not JSON: {defect.message}, {position}",
        observed=f"{defect.kind} at {position}",
        expected="one JSON object",
        fix=Fix(f"Correct the CredSpec at {position}, and upload it.", edit_credspec(sized.location)),
        shows_as=texts.FIELDS,
    )
    if defect.kind is JsonDefectKind.TRAILING_COMMA and failure.fix:
        failure = replace(failure, fix=replace(failure.fix, change=Change(",", "")))
    failure = replace(failure, location=Location("", defect.line, defect.column))
    if sized.location.file:
        return failure
    finding = judge_by_version(failure, frozenset(Fetcher) - defect.accepted_by, platform)
    if finding.status is Status.FAIL:
        return finding
    finding = replace(finding, summary=f"{finding.summary}; the ECS agent on EC2 may reject it too")
    value = read_credspec(read_by_1_3(text), sized.location.domainless)
    return Given(CredSpec(sized.location, value), finding) if isinstance(value, CredSpecDocument) else finding


def _bad_keys(sized: SizedCredSpec, defects: tuple[Defect, ...]) -> Finding:
    first = defects[0]
    correct = "Correct these keys, and upload the CredSpec."
    if first.kind is DefectKind.PLUGIN_INPUT_TEXT and first.text_is_object:
        correct = (
            'Remove the quotes and backslashes: "PluginInput": {"CredentialArn": "arn:…"}, and upload the CredSpec.'
        )
    finding = failed(
        f"in the CredSpec {_words(first)}{f', and {len(defects) - 1} more' if defects[1:] else ''}",
        observed="; ".join(map(_words, defects)),
        expected="; ".join(f"{defect.path or 'the document'}: {defect.expected}" for defect in defects),
        fix=Fix(correct, edit_credspec(sized.location)),
        shows_as=_TEXTS.get(first.v2_text, texts.FIELDS),
    )
    parent, _, key = first.path.rpartition(".")
    if first.kind is DefectKind.WRONG_CASE and finding.fix:
        change = Change(f'"{first.found}"', f'"{first.expected}"')
        finding = replace(finding, fix=replace(finding.fix, change=change))
    written = first.found if first.kind is DefectKind.WRONG_CASE and first.found else key
    return replace(finding, about=_about(f"{parent}.{written}" if parent else written))


def _words(defect: Defect) -> str:
    name = defect.path or "the document"
    match defect.kind:
        case DefectKind.WRONG_CASE:
            return f"{name} is spelled {defect.found} (keys are case-sensitive)"
        case DefectKind.PLUGIN_INPUT_TEXT:
            return f"{name} is a JSON string, as on Windows; Linux requires an object"
        case DefectKind.MISSING:
            return f"{name} is missing"
        case _:
            return f"{name} is {defect.found}"
