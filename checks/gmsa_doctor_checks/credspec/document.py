"""Cause 2: the CredSpec says what Credentials Fetcher needs, and names a secret."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Result,
    ShowsAs,
    check,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.formats.aws.arn import ArnError, parse_secret_arn
from gmsa_doctor.formats.documents.credspec import Defect, DefectKind, read_credspec
from gmsa_doctor.formats.documents.json_text import (
    Encoding,
    EncodingDefect,
    JsonDefect,
    JsonDefectKind,
    decode,
    parse,
)
from gmsa_doctor.formats.documents.names import (
    AccountNameDefect,
    account_name_defects,
    bare_account_name,
    domain_name_defect,
    lacks_dot,
    refused_characters,
)
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.values import CredSpec, DomainName, GmsaName, GmsaNames, SizedCredSpec
from gmsa_doctor_checks.versions import judge_by_version

# The document ---------------------------------------------------------------------------------------


@check(
    "credspec.document",
    title="The CredSpec is JSON with the keys that are read",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
    about="credspec",
    shows=(
        texts.FIELDS,
        texts.MISSING_JOIN,
        texts.MISSING_DNS_NAME,
        texts.MISSING_AD,
        texts.MISSING_GMSA,
        texts.MISSING_PLUGIN,
        texts.MISSING_CREDENTIAL_ARN,
        texts.MISSING_SECRET_ARN,
    ),
)
def credspec_document(sized: SizedCredSpec, platform: Platform) -> Result[CredSpec]:
    """Parses the CredSpec: its encoding, its JSON, and the keys that Credentials Fetcher reads, in their exact case.

    Why: PowerShell writes UTF-16 or a byte-order mark; Windows documents show `PluginInput` as a string, which on
    Linux must be an object. Credentials Fetcher tells hardly any of that.

    Fix: save the document as UTF-8 without a byte-order mark, and correct the keys that are named.
    """
    text = decode(sized.body)
    if isinstance(text, EncodingDefect) and (text.replaced is None or Fetcher.V2 not in text.accepted_by):
        return _bad_encoding(sized, text)
    bad_bytes = isinstance(text, EncodingDefect)
    document = parse((text.replaced or "") if isinstance(text, EncodingDefect) else text.text)
    if isinstance(document, JsonDefect):
        return _bad_json(sized, document, platform)
    found = read_credspec(document.value)
    if isinstance(found, tuple):
        return _bad_keys(sized, found)
    value = CredSpec(sized.location, found)
    twice = ", ".join(document.duplicates)
    if bad_bytes or text.bom or twice:
        return Given(value, _blemish(sized, text.bom, twice))
    return Given(value, passed(f"JSON for the gMSA {found.gmsa_name} of {found.dns_name}"))


def _blemish(sized: SizedCredSpec, bom: bool, twice: str) -> Finding:
    if bom:
        summary = (
            "the CredSpec starts with a UTF-8 byte-order mark, which 2.x and 1.3 skip but the ECS agent on EC2 may not"
        )
        fix = _save_again(sized)
    elif twice:
        summary = f"the CredSpec has a key twice ({twice}); the last one counts"
        fix = Fix("Leave the one that is meant.")
    else:
        summary = "the CredSpec has bytes that are not UTF-8 within a string; 2.x replaces them, 1.3 was not tried"
        fix = _save_again(sized)
    return warned(summary, expected="UTF-8 without a byte-order mark, each key once", fix=fix)


def _bad_encoding(sized: SizedCredSpec, defect: EncodingDefect) -> Finding:
    wide = defect.encoding is not Encoding.UNKNOWN
    return failed(
        f"the CredSpec is {defect.encoding}" + (", as PowerShell's > writes it" if wide else ""),
        observed=f"{defect.encoding}, seen at byte {defect.offset}",
        expected="UTF-8",
        fix=_save_again(sized),
        shows_as=texts.FIELDS,
    )


def _save_again(sized: SizedCredSpec) -> Fix:
    return Fix(
        "Save the document as UTF-8 without a byte-order mark (in PowerShell, as below), and upload it.",
        ('[IO.File]::WriteAllText("$PWD/credspec.json", (Get-Content -Raw credspec.json))', *_upload(sized)),
    )


def _upload(sized: SizedCredSpec) -> tuple[str, ...]:
    return (f"aws s3 cp credspec.json {posix(sized.location.name)}",) if sized.location.bucket else ()


def _bad_json(sized: SizedCredSpec, defect: JsonDefect, platform: Platform) -> Finding:
    where = f"line {defect.line}, column {defect.column}"
    if defect.kind is JsonDefectKind.TOO_DEEP:  # a limit of our own: the daemon may read it
        return unknown(f"the CredSpec is nested too deep to be read here: {where}")
    failure = failed(
        f"the CredSpec is not JSON: {defect.message}, {where}",
        observed=f"{defect.kind} at {where}",
        expected="one JSON object",
        fix=Fix("Correct the document there, and upload it.", ("jq . credspec.json",)),
        shows_as=texts.FIELDS,
    )
    return judge_by_version(failure, frozenset(Fetcher) - defect.accepted_by, platform)


_TEXTS = {
    one.v2: one
    for one in (
        texts.MISSING_JOIN,
        texts.MISSING_DNS_NAME,
        texts.MISSING_AD,
        texts.MISSING_GMSA,
        texts.MISSING_PLUGIN,
        texts.MISSING_CREDENTIAL_ARN,
    )
}


def _bad_keys(sized: SizedCredSpec, defects: tuple[Defect, ...]) -> Finding:
    first = defects[0]
    shows: ShowsAs = _TEXTS.get(first.v2_text, texts.FIELDS)
    more = f", and {len(defects) - 1} more" if len(defects) > 1 else ""
    return failed(
        f"in the CredSpec {_words(first)}{more}",
        observed="; ".join(_words(one) for one in defects),
        expected="; ".join(_wanted(one) for one in defects),
        fix=Fix(_mend(first), _upload(sized)),
        shows_as=shows,
    )


def _words(defect: Defect) -> str:
    name = defect.path or "the document"
    match defect.kind:
        case DefectKind.WRONG_CASE:
            return f"{name} is spelt {defect.found} (case counts)"
        case DefectKind.PLUGIN_INPUT_TEXT:
            return f"{name} is a JSON string, as on Windows; Linux wants an object"
        case DefectKind.MISSING:
            return f"{name} is missing"
        case _:
            return f"{name} is {defect.found}"


def _wanted(defect: Defect) -> str:
    return f"{defect.path or 'the document'}: {defect.expected}"


def _mend(defect: Defect) -> str:
    if defect.kind is DefectKind.PLUGIN_INPUT_TEXT and defect.text_is_object:
        return 'Take the quotes and backslashes off: "PluginInput": {"CredentialArn": "arn:…"}, and upload it.'
    return "Correct that, and upload the document."


# The names ------------------------------------------------------------------------------------------


@check(
    "credspec.names",
    title="The CredSpec's domain and gMSA names are of an accepted form",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
    about="credspec/ActiveDirectoryConfig",
    shows=(texts.FIELDS, texts.MISSING_DNS_NAME, texts.MISSING_GMSA),
)
def credspec_names(credspec: CredSpec, platform: Platform) -> Result[GmsaNames]:
    """Judges `DomainJoinConfig.DnsName` and the first name in `GroupManagedServiceAccounts`.

    Why: the gMSA's name is the sAMAccountName without its `$`, and without the domain before it; the daemon puts the
    `$` there itself.

    Fix: write the bare names.
    """
    document = credspec.document
    domain_defect = domain_name_defect(document.dns_name)
    if domain_defect:
        return failed(
            f"DnsName is no domain name that Credentials Fetcher accepts: {domain_defect}",
            observed=document.dns_name,
            expected=f"{document.dns_name.strip().rstrip('.').lower()}"
            if domain_defect.endswith("dot")
            else "corp.example.com",
            fix=Fix("Set DomainJoinConfig.DnsName to the AD domain's full DNS name, and upload the CredSpec."),
            shows_as=texts.FIELDS,
        )
    defects = account_name_defects(document.gmsa_name)
    if defects:
        bare = bare_account_name(document.gmsa_name)
        return failed(
            f"the gMSA's name {_name_words(defects, document.gmsa_name)}",
            observed=document.gmsa_name,
            expected=bare,
            fix=Fix(f"Set Name in GroupManagedServiceAccounts to {bare}, and upload the CredSpec."),
            shows_as=texts.FIELDS,
        )
    names = GmsaNames(DomainName(document.dns_name.lower()), GmsaName(document.gmsa_name))
    if lacks_dot(document.dns_name):
        return _single_label(names, platform)
    machine = (document.machine_account_name or document.gmsa_name).removesuffix("$")
    if machine.lower() != document.gmsa_name.lower():
        return Given(
            names,
            warned(
                f"MachineAccountName is {document.machine_account_name}, the gMSA's Name {document.gmsa_name}: "
                "Credentials Fetcher takes Name, the ECS agent on EC2 MachineAccountName",
                observed=f"{document.machine_account_name} and {document.gmsa_name}",
                expected="the same name in both",
                fix=Fix("Set both to the gMSA's name."),
            ),
        )
    return Given(names, passed(f"gMSA {names.gmsa.text} of {names.domain.text}"))


def _single_label(names: GmsaNames, platform: Platform) -> Result[GmsaNames]:
    finding = judge_by_version(
        failed(
            f"DnsName {names.domain.text} has no dot",
            observed=names.domain.text,
            expected="the AD domain's full DNS name, not its NetBIOS name",
            fix=Fix("Set DomainJoinConfig.DnsName to the AD domain's full DNS name, and upload the CredSpec."),
            shows_as=texts.FIELDS,
        ),
        frozenset({Fetcher.V2}),
        platform,
    )
    return finding if Fetcher.V2 in platform.fetchers and len(platform.fetchers) == 1 else Given(names, finding)


def _name_words(defects: tuple[AccountNameDefect, ...], name: str) -> str:
    words = {
        AccountNameDefect.EMPTY: "is empty",
        AccountNameDefect.DOLLAR: "ends in $, which the daemon adds itself",
        AccountNameDefect.DOMAIN: "carries its domain",
        AccountNameDefect.CHARACTERS: f"holds {' '.join(repr(one) for one in refused_characters(name))}",
    }
    return " and ".join(words[one] for one in defects)


# The secret that it names ---------------------------------------------------------------------------


@check(
    "credspec.secret-link",
    title="The CredSpec names a secret of the task's region",
    cause=Cause.CREDSPEC,
    docs=links.FARGATE_GMSA,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.SECRET, texts.NAMES, texts.FIELDS, texts.MISSING_CREDENTIAL_ARN),
)
def secret_link(credspec: CredSpec, place: AwsPlace) -> Result[LinkedSecret]:
    """Judges `CredentialArn`: the ARN of a Secrets Manager secret, of the task's region.

    Whether the secret exists shows when it is read (secret.value); that it does not is told here.

    Why: Credentials Fetcher asks Secrets Manager in the task's region, whatever region the ARN names.

    Fix: name a secret of the task's region by its full ARN.
    """
    if not credspec.location.domainless:
        return skipped("the prefix credentialspec: asks for the host's own domain account; no secret is read")
    text = credspec.document.credential_arn
    try:
        found = parse_secret_arn(text)
    except ArnError as error:
        return _bad_link(text, f"CredentialArn is no ARN of a Secrets Manager secret: {error}", error.suggestion)
    if place.partition and found.partition != place.partition:
        meant = text.replace(f"arn:{found.partition}:", f"arn:{place.partition}:", 1)
        return _bad_link(text, f"CredentialArn is of the partition {found.partition}, not {place.partition}", meant)
    if place.region and found.region != place.region:
        return replace(
            _bad_link(
                text,
                f"the secret is in {found.region}; Credentials Fetcher asks in the task's region, {place.region}",
                None,
            ),
            fix=Fix(
                f"Replicate the secret to {place.region}, and name that ARN in the CredSpec.",
                (
                    f"aws secretsmanager replicate-secret-to-regions --secret-id {posix(text)} "
                    f"--region {posix(found.region)} --add-replica-regions {posix(f'Region={place.region}')}",
                ),
            ),
        )
    where = "" if place.region else "; the task's region is not known, so it was not compared"
    return Given(LinkedSecret(text), passed(f"{found.friendly_name} in {found.region}{where}"))


def _bad_link(text: str, summary: str, meant: str | None) -> Finding:
    expected = meant or "arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"
    return failed(
        summary,
        observed=text,
        expected=expected,
        fix=Fix(
            "Set CredentialArn in the CredSpec to the secret's ARN, and upload the CredSpec.",
            ("aws secretsmanager list-secrets --query 'SecretList[].[Name,ARN]' --output table",),
        ),
        shows_as=texts.SECRET,
    )
