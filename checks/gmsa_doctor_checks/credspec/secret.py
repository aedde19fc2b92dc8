"""Causes 2 and 3: the secret with the AD user's credentials."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Result,
    ShowsAs,
    Status,
    check,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, ServiceError, TimedOut, Unreachable
from gmsa_doctor.formats.documents.names import UserNameForm, bare_user_name
from gmsa_doctor.formats.documents.secret import (
    PASSWORD,
    USERNAME,
    SecretDefect,
    SecretDefectKind,
    SecretFields,
    read_fields,
    read_secret,
)
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.shared_values import LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, Launch, Platform
from gmsa_doctor.given.vantage import Caller, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import posix
from gmsa_doctor_checks.silence import judge_no_way
from gmsa_doctor_checks.values import Account, DomainName, GmsaNames, SecretObject
from gmsa_doctor_checks.versions import judge_by_version

_LINK = "credspec.secret-link"
_FORM = '{"username": "<sAMAccountName>", "password": "<password>", "domainName": "<corp.example.com>"}'


@check(
    "secret.value",
    title="The secret can be read, and is a JSON object",
    cause=Cause.CREDSPEC,
    docs=links.SECRETS,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.SECRET, texts.NAMES, texts.NO_USERNAME, texts.NO_PASSWORD),
)
def secret_value(
    arn: LinkedSecret,
    place: AwsPlace,
    platform: Platform,
    secrets: SecretsManager,
    caller: Outcome[Caller],
    vantage: Vantage,
) -> Result[SecretObject]:
    """Reads the secret and parses it. Nothing of it is ever shown.

    Why: Credentials Fetcher reads it with the execution role and wants a text (not a binary secret) that is a JSON
    object; the keys that it reads must hold strings, others may hold anything.

    Fix: allow `secretsmanager:GetSecretValue` (and `kms:Decrypt` for a customer-managed key) to the execution role;
    store the secret as a JSON object.
    """
    try:
        text = secrets.get(arn.text).text
    except NotFound as error:
        return _no_secret(arn, place, error)
    except Denied as error:
        return _denied(arn, place, error, secrets, caller)
    except ServiceError as error:
        return _not_given(arn, error)
    except (TimedOut, Unreachable) as error:
        return judge_no_way(error, "AWS Secrets Manager", vantage, texts.SECRET)
    if text is None:
        return failed(
            "the secret is a binary one (SecretBinary); Credentials Fetcher reads SecretString",
            observed="SecretBinary",
            expected="SecretString",
            fix=_store_again(arn, "Store it as a text."),
            shows_as=texts.NO_USERNAME,
        )
    document = read_secret(text.reveal())
    if isinstance(document, tuple):
        return judge_by_version(_not_an_object(arn, document), document[0].stumbles, platform)
    value = SecretObject(arn.text, document)
    if document.notes:
        return Given(value, _noted(arn, document.notes, platform))
    return Given(value, passed("a JSON object with strings under the keys that are read"))


def _no_secret(arn: LinkedSecret, place: AwsPlace, error: ClientError) -> Finding:
    return failed(
        "the secret that CredentialArn names does not exist",
        observed=f"{arn.text}: {error.text}",
        expected="an existing secret",
        fix=Fix(
            "Set CredentialArn to the ARN of the secret that holds the AD user, and upload the CredSpec.",
            (f"aws secretsmanager list-secrets{place.region_option} --query 'SecretList[].[Name,ARN]' --output table",),
        ),
        shows_as=texts.SECRET,
        check=_LINK,
    )


def _deleted(arn: LinkedSecret, place: AwsPlace) -> Finding:
    return failed(
        "the secret that CredentialArn names is being deleted",
        observed="scheduled for deletion",
        expected="a secret that is not being deleted",
        fix=Fix(
            "Restore the secret, or name another one in the CredSpec.",
            (f"aws secretsmanager restore-secret{place.region_option} --secret-id {posix(arn.text)}",),
        ),
        shows_as=texts.SECRET,
        check=_LINK,
    )


def _denied(
    arn: LinkedSecret, place: AwsPlace, error: Denied, secrets: SecretsManager, caller: Outcome[Caller]
) -> Finding:
    """With the execution role's credentials this is what Credentials Fetcher will see; with ours it is a gap."""
    kms = "kms" in error.aws_text.lower()
    action = "kms:Decrypt" if kms else "secretsmanager:GetSecretValue"
    if caller.value and caller.value.is_execution_role:
        return failed(
            f"the execution role may not read the secret: {action} is denied",
            observed=error.aws_text or error.text,
            expected=f"{action} allowed for the execution role",
            fix=Fix(f"Allow {action} on {'the KMS key of the secret' if kms else arn.text} to the execution role."),
            shows_as=texts.SECRET,
        )
    try:
        described = secrets.describe(arn.text)
    except NotFound as missing:
        return _no_secret(arn, place, missing)
    except ClientError:
        described = {}
    if described.get("DeletedDate"):
        return _deleted(arn, place)
    return unknown(
        f"our own credentials may not read the secret: {action} is denied; whether the execution role may is not known",
        observed=error.aws_text or error.text,
        fix=Fix(f"Allow {action} on {'its KMS key' if kms else arn.text} to the credentials that run gmsa-doctor."),
    )


def _not_given(arn: LinkedSecret, error: ServiceError) -> Finding:
    if error.code == "InvalidRequestException" and "delet" in error.text:
        return _deleted(arn, AwsPlace(arn.text.split(":")[3], None))
    if error.code == "DecryptionFailure" or "KMS" in error.code:
        return failed(
            f"the secret cannot be decrypted: {error.text}",
            observed=error.code,
            expected="an enabled KMS key",
            fix=Fix(
                "Enable the secret's KMS key (or cancel its deletion), or let the secret use another one.",
                (f"aws secretsmanager describe-secret --secret-id {posix(arn.text)} --query KmsKeyId",),
            ),
            shows_as=texts.SECRET,
        )
    return error.finding()


def _not_an_object(arn: LinkedSecret, defects: tuple[SecretDefect, ...]) -> Finding:
    first = defects[0]
    shows: ShowsAs = texts.NO_USERNAME
    if first.kind is SecretDefectKind.NOT_JSON and first.json:
        what = f"the secret is not JSON: {first.json.message}, line {first.json.line}, column {first.json.column}"
    elif first.kind is SecretDefectKind.NOT_AN_OBJECT:
        what = f"the secret is JSON, but {first.found}, not an object"
    else:
        what = f"{first.key} in the secret is {first.found}, not a string"
        shows = texts.NO_PASSWORD if first.key in PASSWORD else texts.NAMES if "domain" in first.key else shows
    return failed(
        what,
        expected=f"a JSON object such as {_FORM}",
        fix=_store_again(arn, "Correct the secret's text."),
        shows_as=shows,
    )


def _noted(arn: LinkedSecret, notes: tuple[SecretDefect, ...], platform: Platform) -> Finding:
    words = {
        SecretDefectKind.WRONG_TYPE: "{0.key} holds {0.found}, over which Credentials Fetcher 1.3 stumbles",
        SecretDefectKind.BOTH_SPELLINGS: "{0.key} is there in both spellings, with different values; 2.x takes {0.key}",
        SecretDefectKind.DUPLICATE_KEY: "{0.key} is there twice; the last one counts",
    }
    summary = "; ".join(words[one.kind].format(one) for one in notes if one.kind in words)
    finding = warned(
        f"in the secret {summary}",
        expected="each key once, with a string",
        fix=_store_again(arn, "Leave the one that is meant."),
    )
    serious = [one for one in notes if one.stumbles and platform.fetchers <= one.stumbles]
    return (
        replace(finding, status=judge_by_version(finding, serious[0].stumbles, platform).status) if serious else finding
    )


# The fields -----------------------------------------------------------------------------------------


@check(
    "secret.fields",
    title="The secret holds a user name, a password and a domain in the accepted form",
    cause=Cause.CREDENTIALS,
    docs=links.FARGATE_GMSA,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.NO_USERNAME, texts.NO_PASSWORD, texts.NAMES, texts.TOO_LONG, texts.USER_TICKET),
)
def secret_fields(secret: SecretObject, platform: Platform, names: Outcome[GmsaNames]) -> Result[Account]:
    r"""Judges the secret's `username`, `password` and `domainName`: keys in their exact case, lengths, forms.

    Why: the user is asked for as `<username>@<DOMAINNAME>`, so `username` is the bare sAMAccountName: `DOMAIN\user` is
    refused, and `user@domain` becomes `user@domain@REALM`, which no AD knows.

    Fix: store the bare user name, the password and the domain's full DNS name under these keys.
    """
    rotates = platform.launch in (Launch.EC2, Launch.EXTERNAL) and Fetcher.V2 in platform.fetchers
    fields = read_fields(secret.document, rotation=rotates)
    if isinstance(fields, tuple):
        stumbles = frozenset().union(*(one.stumbles for one in fields))
        return judge_by_version(_bad_fields(secret, fields, names.value), stumbles, platform)
    account = Account(
        secret.arn, fields.username, fields.password, DomainName(fields.domain_name.lower()), fields.distinguished_name
    )
    taken = secret.document.taken(USERNAME)
    if rotates and taken and ":" in taken[1].reveal() and Fetcher.V1_3 in platform.fetchers:
        return Given(account, _rotating(secret, platform, fields))
    if names.value and names.value.gmsa.names(account.user):
        return Given(account, _the_gmsa(secret, names.value))
    return Given(account, passed(f"user {account.user} of {account.domain.text}"))


def _rotating(secret: SecretObject, platform: Platform, fields: SecretFields) -> Finding:
    return judge_by_version(
        failed(
            "username holds a colon (old:new, a rotation)",
            expected=f"{fields.username} alone",
            fix=_store_again(LinkedSecret(secret.arn), "Write the current user name alone."),
            shows_as=texts.NAMES,
        ),
        frozenset({Fetcher.V1_3}),
        platform,
    )


def _the_gmsa(secret: SecretObject, names: GmsaNames) -> Finding:
    """A plain user may have the gMSA's name without ``$``; mostly it is a mistake."""
    return warned(
        f"username is {names.gmsa.text}, the name of the CredSpec's gMSA; the secret wants a user that may retrieve "
        "that gMSA's password",
        observed=names.gmsa.text,
        expected="the sAMAccountName of a user, not of the gMSA",
        fix=_store_again(LinkedSecret(secret.arn), "Write the user that may retrieve the gMSA's password."),
    )


def _bad_fields(secret: SecretObject, defects: tuple[SecretDefect, ...], names: GmsaNames | None) -> Finding:
    first = defects[0]
    if names and first.form is UserNameForm.MACHINE and names.gmsa.names(first.found or ""):
        return replace(_the_gmsa(secret, names), status=Status.FAIL, observed=first.found, shows_as=texts.NAMES)
    more = f", and {len(defects) - 1} more" if len(defects) > 1 else ""
    return failed(
        f"in the secret {_words(first)}{more}",
        observed="; ".join(_words(one) for one in defects),
        expected=_expected(first),
        fix=_store_again(LinkedSecret(secret.arn), "Correct the secret."),
        shows_as=_shows(first),
    )


_FORMS = {
    UserNameForm.DOWN_LEVEL: "username carries its domain (DOMAIN\\user)",
    UserNameForm.UPN: "username is a UPN, which Kerberos is then asked for as user@domain@REALM",
    UserNameForm.WITH_COLON: "username holds a colon; old:new is a rotation on EC2 only",
    UserNameForm.MACHINE: "username ends in $: the account of a machine or a gMSA, not of a user",
    UserNameForm.FORBIDDEN_CHARACTER: "username holds a character that is refused",
    UserNameForm.EMPTY: "username is empty",
}


def _words(defect: SecretDefect) -> str:
    match defect.kind:
        case SecretDefectKind.WRONG_CASE:
            return f"the key {defect.expected} is spelt {defect.found} (case counts)"
        case SecretDefectKind.MISSING:
            return f"there is no {defect.expected}"
        case SecretDefectKind.EMPTY:
            return f"{defect.key} is empty"
        case SecretDefectKind.TOO_LONG:
            return f"{defect.key} has {defect.found}, Credentials Fetcher takes {defect.expected}"
        case SecretDefectKind.USER_NAME_FORM:
            reason = f": {defect.reason}" if defect.form is UserNameForm.FORBIDDEN_CHARACTER else ""
            return f"{_FORMS[defect.form or UserNameForm.FORBIDDEN_CHARACTER]}{reason} ({defect.found})"
        case _:
            return f"{defect.key} ({defect.found}) is no domain name that is accepted: {defect.reason}"


def _expected(defect: SecretDefect) -> str:
    if defect.kind is SecretDefectKind.USER_NAME_FORM and defect.found:
        return f"the bare sAMAccountName: {bare_user_name(defect.found).removesuffix('$')}"
    if defect.kind is SecretDefectKind.DOMAIN_FORM:
        return "the AD domain's full DNS name, such as corp.example.com"
    return defect.expected or f"a JSON object such as {_FORM}"


def _shows(defect: SecretDefect) -> ShowsAs:
    if defect.kind in (SecretDefectKind.TOO_LONG, SecretDefectKind.EMPTY):
        return texts.TOO_LONG
    if defect.form is UserNameForm.UPN:
        return texts.USER_TICKET
    if defect.kind in (SecretDefectKind.MISSING, SecretDefectKind.WRONG_CASE):
        by_key = {USERNAME[0]: texts.NO_USERNAME, PASSWORD[0]: texts.NO_PASSWORD}
        return by_key.get(defect.key, texts.NAMES)
    return texts.NAMES


def _store_again(arn: LinkedSecret, what: str) -> Fix:
    return Fix(
        f"{what} A form that is accepted: {_FORM}",
        (f"aws secretsmanager put-secret-value --secret-id {posix(arn.text)} --secret-string file://secret.json",),
    )


@check(
    "secret.domain",
    title="The secret's domain is the CredSpec's",
    cause=Cause.CREDENTIALS,
    docs=links.FARGATE_GMSA,
    about="credspec/DomainJoinConfig/DnsName",
    shows=(texts.USER_TICKET, texts.NO_DC),
)
def secret_domain(account: Account, names: GmsaNames) -> Finding:
    """Compares the secret's `domainName` with the CredSpec's `DnsName`.

    Why: the secret's domain alone drives the logon of 2.x; 1.3 uses the CredSpec's at renewal. Where they differ, a
    task can start and fail hours later, or look for the gMSA in the wrong domain.

    Fix: write the same domain in both: the one that holds the gMSA.
    """
    if account.domain == names.domain:
        return passed(f"both say {account.domain.text}")
    return warned(
        f"the secret says {account.domain.text}, the CredSpec {names.domain.text}; 2.x follows the secret alone, "
        "1.3 fails when it renews the ticket",
        observed=account.domain.text,
        expected=names.domain.text,
        fix=_store_again(
            LinkedSecret(account.arn), f"Set domainName to {names.domain.text}, if that domain holds the gMSA."
        ),
    )
