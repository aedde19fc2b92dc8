"""Causes 1 and 2: the CredSpec can be read, and says what Credentials Fetcher needs."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.clients.services import S3, Object, Ssm
from gmsa_doctor.errors import ClientError, Denied, NotFound, ServiceError
from gmsa_doctor.formats.arn import ArnError, parse_secret_arn
from gmsa_doctor.formats.credspec import Defect, DefectKind, read_credspec
from gmsa_doctor.formats.json_text import Encoding, EncodingDefect, JsonDefect, JsonDefectKind, decode, parse
from gmsa_doctor.formats.names import (
    AccountNameDefect,
    account_name_defects,
    bare_account_name,
    domain_name_defect,
    lacks_dot,
    refused_characters,
)
from gmsa_doctor.limits import each
from gmsa_doctor.model import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    ShowsAs,
    failed,
    passed,
    skipped,
    unknown,
    warned,
)
from gmsa_doctor.registry import check
from gmsa_doctor.request import Fetcher
from gmsa_doctor.subject import Place, Platform
from gmsa_doctor.vantage import Caller
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.values import (
    CredSpec,
    CredSpecLocation,
    CredSpecObject,
    DomainName,
    GmsaName,
    GmsaNames,
    SecretArn,
    SizedCredSpec,
)
from gmsa_doctor_checks.versions import judge_by_version

SIZE_LIMIT = 4000
"""Bytes of a CredSpec that Credentials Fetcher accepts at most."""


# The object -----------------------------------------------------------------------------------------


@check(
    "credspec.object",
    title="The CredSpec can be read",
    cause=Cause.TASK_DEFINITION,
    docs=links.FARGATE_GMSA,
    shows=(texts.INVALID_OBJECT, texts.NOT_RETRIEVED, texts.NO_MAPPING),
)
def credspec_object(
    location: CredSpecLocation, place: Place, s3: S3, ssm: Ssm, caller: Outcome[Caller]
) -> Result[CredSpecObject]:
    """Reads the CredSpec from where the task definition says it is, and compares the bucket's region.

    Why: Credentials Fetcher reads it with the execution role, in the task's region. It shows the same text for an
    object that does not exist, one that may not be read, and a bucket of another region.

    Fix: put the object there, in a bucket of the task's region, and allow `s3:GetObject` on it to the execution role.
    """
    if location.parameter:
        return _from_parameter(location, ssm, caller)
    (_, found), (_, region) = each(("object", "region"), lambda what: _ask(what, location, s3))
    if isinstance(found, ClientError):
        return _no_object(location, found, caller)
    if isinstance(region, str) and place.region and region != place.region:
        return failed(
            f"the bucket {location.bucket} is in {region}, the task runs in {place.region}",
            observed=f"{location.bucket}: {region}",
            expected=f"a bucket in {place.region}",
            fix=Fix(
                f"Copy the CredSpec to a bucket in {place.region}, and name that in the task definition.",
                (f'aws s3 cp "{location.name}" "s3://<bucket in {place.region}>/{location.key}"',),
            ),
            shows_as=texts.INVALID_OBJECT,
        )
    assert isinstance(found, Object)  # noqa: S101 - for the type checker
    return Given(CredSpecObject(location, found.size, found.body), passed(f"{location.name}, {found.size} bytes"))


def _ask(what: str, location: CredSpecLocation, s3: S3) -> Object | str | None:
    if what == "object":
        return s3.get(location.bucket, location.key)
    return s3.bucket_region(location.bucket)


def _no_object(location: CredSpecLocation, error: ClientError, caller: Outcome[Caller]) -> Finding:
    if isinstance(error, NotFound):
        bucket = error.code == "NoSuchBucket"
        return failed(
            f"the bucket {location.bucket} does not exist" if bucket else f"{location.name} does not exist",
            observed=error.code,
            expected=f"the CredSpec at {location.name}",
            fix=Fix(
                "Put the CredSpec there, or name the object that holds it in the task definition (case counts).",
                (
                    f'aws s3 ls "s3://{location.bucket}/" --recursive',
                    f'aws s3 cp credspec.json "{location.name}"',
                ),
            ),
            shows_as=texts.INVALID_OBJECT,
        )
    if isinstance(error, Denied):
        return _denied_object(location, error, caller)
    if isinstance(error, ServiceError) and error.code.startswith("KMS"):
        return failed(
            f"{location.name} cannot be decrypted: {error.text}",
            expected="an enabled KMS key",
            fix=Fix("Enable the KMS key of the object, or store the CredSpec again without it."),
            shows_as=texts.NOT_RETRIEVED,
        )
    return error.finding()


def _denied_object(location: CredSpecLocation, error: Denied, caller: Outcome[Caller]) -> Finding:
    fix = Fix(f"Allow s3:GetObject on {location.arn} (and kms:Decrypt, if a customer-managed key encrypts the object).")
    if caller.value and caller.value.is_execution_role:
        return failed(
            f"the execution role may not read {location.name} (403); without s3:ListBucket that is also the answer if "
            "it does not exist",
            observed=error.aws_text or error.text,
            expected="s3:GetObject allowed for the execution role, and the object there",
            fix=fix,
            shows_as=texts.INVALID_OBJECT,
        )
    return unknown(
        f"{location.name} answered 403 to our own credentials: either they lack s3:GetObject, or the object does "
        "not exist and they lack s3:ListBucket, which would tell",
        observed=error.aws_text or error.text,
        fix=Fix(f"{fix.text} Do so for the credentials that run gmsa-doctor, or give --profile for others that may."),
    )


def _from_parameter(location: CredSpecLocation, ssm: Ssm, caller: Outcome[Caller]) -> Result[CredSpecObject]:
    try:
        body = ssm.get(location.parameter).encode()
    except NotFound as error:
        return failed(
            f"{location.name} does not exist",
            observed=error.code,
            expected=f"the CredSpec in {location.parameter}",
            fix=Fix(
                "Put the CredSpec there, or name the parameter that holds it in the task definition.",
                (f"aws ssm put-parameter --name {location.parameter} --type String --value file://credspec.json",),
            ),
            shows_as=texts.NO_MAPPING,
        )
    return Given(CredSpecObject(location, len(body), body), passed(f"{location.name}, {len(body)} bytes"))


@check(
    "credspec.size",
    title="The CredSpec is of a size that is accepted",
    cause=Cause.CREDSPEC,
    docs=links.FARGATE_GMSA,
    shows=(texts.INVALID_OBJECT, texts.FIELDS),
)
def credspec_size(obj: CredSpecObject, platform: Platform) -> Result[SizedCredSpec]:
    """Compares the size of the CredSpec with what Credentials Fetcher accepts: 1 to 4000 bytes.

    Why: a larger one is refused with the same text as one that does not exist.

    Fix: take white space and what is not needed out of it (`jq -c .`).
    """
    if 0 < obj.size <= SIZE_LIMIT:
        value = SizedCredSpec(obj.location, obj.body)
        return Given(value, passed(f"{obj.size} bytes of at most {SIZE_LIMIT}"))
    empty = obj.size == 0
    name = obj.location.name
    return judge_by_version(
        failed(
            f"{name} is empty" if empty else f"{name} has {obj.size} bytes, more than Credentials Fetcher accepts",
            observed=f"{obj.size} bytes",
            expected=f"1 to {SIZE_LIMIT} bytes",
            fix=Fix(
                "Put the CredSpec there again." if empty else "Take the white space out of it, and put it there again."
            )
            if obj.location.parameter
            else Fix(
                "Put the CredSpec there again." if empty else "Take the white space out of it, and put it there again.",
                (f'jq -c . credspec.json | aws s3 cp - "{name}"',),
            ),
            shows_as=texts.FIELDS if empty else texts.INVALID_OBJECT,
        ),
        frozenset(Fetcher),
        platform,
    )


# The document ---------------------------------------------------------------------------------------


@check(
    "credspec.document",
    title="The CredSpec is JSON with the keys that are read",
    cause=Cause.CREDSPEC,
    docs=links.GMSA_ACCOUNTS,
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
    commands: tuple[str, ...] = ("[IO.File]::WriteAllText('credspec.json', $json)",)
    if sized.location.bucket:
        commands += (f'aws s3 cp credspec.json "{sized.location.name}"',)
    return Fix(
        "Save the document as UTF-8 without a byte-order mark (in PowerShell, as below), and upload it.", commands
    )


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
        fix=Fix(_mend(first), (f'aws s3 cp credspec.json "{sized.location.name}"',) if sized.location.bucket else ()),
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
    shows=(texts.SECRET, texts.NAMES, texts.FIELDS, texts.MISSING_CREDENTIAL_ARN),
)
def secret_link(credspec: CredSpec, place: Place) -> Result[SecretArn]:
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
                    f"aws secretsmanager replicate-secret-to-regions --secret-id {text} --region {found.region} "
                    f"--add-replica-regions Region={place.region}",
                ),
            ),
        )
    where = "" if place.region else "; the task's region is not known, so it was not compared"
    return Given(SecretArn(text), passed(f"{found.friendly_name} in {found.region}{where}"))


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
