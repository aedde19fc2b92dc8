"""The secret with the AD user's credentials."""

from __future__ import annotations

from dataclasses import replace

from gmsa_doctor.authoring import (
    Cause,
    Finding,
    Fix,
    Given,
    Outcome,
    Owner,
    Result,
    ShowsAs,
    Status,
    check,
    deferred_to,
    failed,
    passed,
    unknown,
    warned,
)
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.core.errors import ClientError, Denied, NotFound, ServiceError, TimedOut, Unreachable
from gmsa_doctor.formats.documents.names import REFUSED_CHARACTERS, UserNameForm
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
from gmsa_doctor_checks.commands import edit_secret, posix
from gmsa_doctor_checks.credspec.secret_link import secret_link
from gmsa_doctor_checks.silence import judge_unreachable
from gmsa_doctor_checks.values import Account, DomainName, GmsaNames, SecretObject
from gmsa_doctor_checks.versions import failed_on_fargate, judge_by_version

_FORM = '{"username": "<sAMAccountName>", "password": "<password>", "domainName": "<corp.example.com>"}'


@check(
    "secret.value",
    title="The secret can be read and is a JSON object",
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
    """Reads the secret and parses it. Its content is never shown.

    Why: Credentials Fetcher reads it with the execution role and requires a text secret (not a binary one) with a JSON
    object. The keys that it reads must have string values; other keys may have any value.

    Fix: allow `secretsmanager:GetSecretValue` (and `kms:Decrypt` for a customer-managed key) for the execution role;
    store the secret as a JSON object.
    """
    try:
        current = secrets.get(arn.text)
    except NotFound as error:
        return _gone(arn, place, error)
    except Denied as error:
        return _denied(arn, place, error, secrets, caller)
    except ServiceError as error:
        return _not_given(arn, error)
    except (TimedOut, Unreachable) as error:
        return judge_unreachable(error, "AWS Secrets Manager", vantage, texts.SECRET)
    text = current.text
    if text is None:
        return failed(
            "the secret is binary (SecretBinary); Credentials Fetcher reads SecretString",
            observed="SecretBinary",
            expected="SecretString",
            fix=Fix(
                f"Decode the binary value, check that it is a JSON object of this form, and store it as text: {_FORM}",
                edit_secret(arn.text, binary=True),
            ),
            shows_as=texts.NO_USERNAME,
        )
    document = read_secret(text.reveal())
    if isinstance(document, tuple):
        return judge_by_version(_not_an_object(arn, document[0]), document[0].stumbles, platform)
    value = SecretObject(arn.text, document)
    if document.notes:
        notes = "; ".join(_NOTES[note.kind].format(note) for note in document.notes if note.kind in _NOTES)
        warning = warned(
            f"in the secret, {notes}",
            expected="each key once, with a string",
            fix=_store_again(arn.text, "Keep each key once, with a string value."),
        )
        return Given(value, warning)
    return Given(value, passed("a JSON object with string values for the required keys", changed=current.created))


_NOTES = {
    SecretDefectKind.WRONG_TYPE: "{0.key} is {0.found}, which Credentials Fetcher 1.3 does not accept",
    SecretDefectKind.BOTH_SPELLINGS: "{0.key} occurs in both spellings, with different values; 2.x uses {0.key}",
    SecretDefectKind.DUPLICATE_KEY: "{0.key} occurs twice; the last one is used",
}


def _gone(arn: LinkedSecret, place: AwsPlace, error: ClientError | None = None) -> Finding:
    """The failure, reported by secret_link, of a secret that does not exist or, without an error, is being deleted."""
    summary, observed = "is being deleted", "scheduled for deletion"
    restore = f"aws secretsmanager restore-secret --secret-id {posix(arn.text)}"
    fix = Fix("Restore the secret, or set another secret in the CredSpec.", (restore,), Owner.AWS)
    if error:
        summary, observed = "does not exist", f"{arn.text}: {error.text}"
        show = "aws secretsmanager list-secrets --query 'SecretList[].[Name,ARN]' --output table"
        text = "Set CredentialArn in the CredSpec to the ARN of the AD user's secret, and upload the CredSpec."
        fix = Fix(text, (show,))
    failure = failed(
        f"the secret that CredentialArn names {summary}",
        observed=observed,
        expected="an existing secret",
        fix=fix,
        shows_as=texts.SECRET,
    )
    return deferred_to(secret_link, failure)


def _denied(
    arn: LinkedSecret, place: AwsPlace, error: Denied, secrets: SecretsManager, caller: Outcome[Caller]
) -> Finding:
    """With the execution role's credentials, Credentials Fetcher is denied too; with ours, the result is unknown."""
    kms = "kms" in error.aws_text.lower()
    action = "kms:Decrypt" if kms else "secretsmanager:GetSecretValue"
    if caller.value and caller.value.is_execution_role:
        return failed(
            f"the execution role is not allowed to read the secret: {action} is denied",
            observed=error.aws_text or error.text,
            expected=f"{action} allowed for the execution role",
            fix=Fix(f"Allow {action} on {'the KMS key of the secret' if kms else arn.text} for the execution role."),
            shows_as=texts.SECRET,
        )
    try:
        described = secrets.describe(arn.text)
    except NotFound as missing:
        return _gone(arn, place, missing)
    except ClientError:
        described = {}
    if described.get("DeletedDate"):
        return _gone(arn, place)
    if kind := error.denied_by:
        return unknown(
            f"{kind} denies {action} to your credentials; the task's requests, by the execution role and from its own "
            "network, may be allowed",
            observed=error.aws_text,
            fix=Fix("Request the ticket from the task's own network.", ("gmsa-doctor run …",)),
        )
    return unknown(
        f"your credentials are not allowed to read the secret: {action} is denied; it is unknown whether the execution "
        "role is",
        observed=error.aws_text or error.text,
        fix=Fix(f"Allow {action} on {'its KMS key' if kms else arn.text} for the credentials that run gmsa-doctor."),
    )


def _not_given(arn: LinkedSecret, error: ServiceError) -> Finding:
    if error.code == "InvalidRequestException" and "delet" in error.text:
        return _gone(arn, AwsPlace(arn.text.split(":")[3], None))
    if error.code == "DecryptionFailure" or "KMS" in error.code:
        return failed(
            f"the secret cannot be decrypted: {error.text}",
            observed=error.code,
            expected="an enabled KMS key",
            fix=Fix(
                "Enable the secret's KMS key (or cancel its deletion), or set another key for the secret.",
                (
                    f"aws secretsmanager describe-secret --secret-id {posix(arn.text)} --query KmsKeyId",
                    f"aws kms enable-key --key-id {posix('<KmsKeyId>')}",
                ),
            ),
            shows_as=texts.SECRET,
        )
    return error.finding()


def _not_an_object(arn: LinkedSecret, defect: SecretDefect) -> Finding:
    shows = texts.NO_USERNAME
    if defect.kind is SecretDefectKind.NOT_JSON and defect.json:
        position = f"line {defect.json.line}, column {defect.json.column}"
        summary = f"the secret is not JSON: {defect.json.message}, {position}"
    elif defect.kind is SecretDefectKind.NOT_AN_OBJECT:
        summary = f"the secret is JSON, but {defect.found}, not an object"
    else:
        summary = f"{defect.key} in the secret is {defect.found}, not a string"
        shows = texts.NO_PASSWORD if defect.key in PASSWORD else texts.NAMES if "domain" in defect.key else shows
    return failed(
        summary,
        expected=f"a JSON object such as {_FORM}",
        fix=_store_again(arn.text, "Replace the secret's text with a JSON object."),
        shows_as=shows,
    )


@check(
    "secret.fields",
    title="The secret's user name, password and domain are valid",
    cause=Cause.CREDENTIALS,
    docs=links.FARGATE_GMSA,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.NO_USERNAME, texts.NO_PASSWORD, texts.NAMES, texts.TOO_LONG, texts.USER_TICKET),
)
def secret_fields(secret: SecretObject, platform: Platform, names: Outcome[GmsaNames]) -> Result[Account]:
    r"""Checks the secret's `username`, `password` and `domainName`: keys in their exact case, lengths and forms.

    Why: Credentials Fetcher logs on as `<username>@<DOMAINNAME>`, so `username` must be the bare sAMAccountName.
    `DOMAIN\user` is rejected, and `user@domain` becomes `user@domain@REALM`, which does not exist in any AD. On EC2 the
    ECS agent reads the secret: it ignores the case of keys, and does not read `usernameOfStandardUserAccount` and
    `passwordOfStandardUserAccount`.

    Fix: store the bare user name, the password and the domain's full DNS name under these keys.
    """
    by_agent = platform.launch in (Launch.EC2, Launch.EXTERNAL)
    rotates = by_agent and Fetcher.V2 in platform.fetchers
    document = secret.document.for_agent() if by_agent else secret.document
    fields = read_fields(document, rotation=rotates)
    if isinstance(fields, tuple):
        stumbles = frozenset().union(*(defect.stumbles for defect in fields))
        finding = judge_by_version(_bad_fields(secret, fields, names.value), stumbles, platform)
        on_ec2 = None if platform.launch else read_fields(secret.document.for_agent())
        if isinstance(on_ec2, SecretFields):
            return Given(_account(secret, on_ec2), failed_on_fargate(finding, platform))
        if finding.status is Status.FAIL:
            return finding
        # only 1.3 accepts it: DNS and the KDC decide whether such a domain exists
        accepted = read_fields(document, rotation=rotates, needs_dot=False)
        return finding if isinstance(accepted, tuple) else Given(_account(secret, accepted), finding)
    account = _account(secret, fields)
    taken = document.taken(USERNAME)
    if rotates and taken and ":" in taken[1].reveal() and Fetcher.V1_3 in platform.fetchers:
        failure = failed(
            "username contains a colon (old:new, a rotation)",
            expected="the current user name alone",
            fix=_store_again(secret.arn, "Set username to the current user name only."),
            shows_as=texts.NAMES,
        )
        return Given(account, judge_by_version(failure, frozenset({Fetcher.V1_3}), platform))
    if names.value and names.value.gmsa.names(account.user):
        return Given(account, _the_gmsa(secret, names.value))
    return Given(account, passed(f"username, password and domainName ({account.domain.text}) have an accepted form"))


def _account(secret: SecretObject, fields: SecretFields) -> Account:
    domain = DomainName(fields.domain_name.lower())
    return Account(secret.arn, fields.username, fields.password, domain, fields.distinguished_name)


def _the_gmsa(secret: SecretObject, names: GmsaNames) -> Finding:
    """A plain user may have the gMSA's name without ``$``; usually it is a mistake."""
    return warned(
        f"username is {names.gmsa.text}, the name of the CredSpec's gMSA; the secret requires a user that may retrieve "
        "the gMSA's password",
        observed=names.gmsa.text,
        expected="the sAMAccountName of a user, not of the gMSA",
        fix=_store_again(secret.arn, "Set username to the user that may retrieve the gMSA's password."),
    )


def _bad_fields(secret: SecretObject, defects: tuple[SecretDefect, ...], names: GmsaNames | None) -> Finding:
    first = defects[0]
    if names and first.form is UserNameForm.MACHINE and first.value and names.gmsa.names(first.value.reveal()):
        observed = f"{names.gmsa.text}$"
        return replace(_the_gmsa(secret, names), status=Status.FAIL, observed=observed, shows_as=texts.NAMES)
    return failed(
        f"in the secret, {_words(first)}{f' (and {len(defects) - 1} more)' if defects[1:] else ''}",
        observed="; ".join(map(_words, defects)),
        expected=_expected(first),
        fix=_store_again(secret.arn, " ".join(map(_correction, defects))),
        shows_as=_shows(first),
    )


_WORDS: dict[SecretDefectKind | UserNameForm, str] = {
    UserNameForm.DOWN_LEVEL: "the field username includes its domain (DOMAIN\\user)",
    UserNameForm.UPN: "the field username is a UPN, so Credentials Fetcher logs on as user@domain@REALM",
    UserNameForm.WITH_COLON: "the field username contains a colon; old:new is a rotation on EC2 only",
    UserNameForm.MACHINE: "the field username ends in $, like the account of a machine or a gMSA",
    UserNameForm.FORBIDDEN_CHARACTER: "the field username contains a character that Credentials Fetcher rejects",
    SecretDefectKind.WRONG_CASE: "the key {0.expected} is spelled {0.found} (keys are case-sensitive)",
    SecretDefectKind.NOT_FOR_AGENT: "on EC2 the ECS agent reads {0.expected}, and the key is {0.found}",
    SecretDefectKind.MISSING: "{0.expected} is missing",
    SecretDefectKind.EMPTY: "the field {0.key} is empty",
    SecretDefectKind.TOO_LONG: "{0.key} has {0.found}, but Credentials Fetcher accepts {0.expected}",
    SecretDefectKind.DOMAIN_FORM: "{0.key} is not a domain name that Credentials Fetcher accepts: {0.reason}",
}


def _words(defect: SecretDefect) -> str:
    """What is wrong, without the value: it may be a password, alone or in addition to a name."""
    return _WORDS[defect.form or defect.kind].format(defect)


def _expected(defect: SecretDefect) -> str:
    if defect.form is UserNameForm.FORBIDDEN_CHARACTER:
        return f"the sAMAccountName, without any of {' '.join(sorted(REFUSED_CHARACTERS)).strip()} and blanks"
    if defect.form:
        return r"only the sAMAccountName: no DOMAIN\, no @domain, no $ at the end"
    if defect.kind is SecretDefectKind.DOMAIN_FORM:
        return "the AD domain's full DNS name, such as corp.example.com"
    return defect.expected or f"a JSON object such as {_FORM}"


def _correction(defect: SecretDefect) -> str:
    """The instruction that corrects one field. It never contains a password."""
    if defect.form in (UserNameForm.DOWN_LEVEL, UserNameForm.UPN):
        return "Set username to the user's name without the domain."
    if defect.form:
        return "Set username to the sAMAccountName of the AD user that may retrieve the gMSA's password."
    if defect.kind in (SecretDefectKind.WRONG_CASE, SecretDefectKind.NOT_FOR_AGENT):
        return f"Rename the key {defect.found} to {defect.expected}."
    if defect.kind is SecretDefectKind.MISSING:
        return f"Add {defect.expected}."
    if defect.kind is SecretDefectKind.TOO_LONG:
        return f"Set {defect.key} to a value of {defect.expected}."
    if defect.kind is SecretDefectKind.DOMAIN_FORM:
        return f"Set {defect.key} to the AD domain's full DNS name."
    return f"Set {defect.key}, which is empty." if defect.kind is SecretDefectKind.EMPTY else f"Correct {defect.key}."


def _shows(defect: SecretDefect) -> ShowsAs:
    if defect.kind in (SecretDefectKind.TOO_LONG, SecretDefectKind.EMPTY):
        return texts.TOO_LONG
    if defect.form is UserNameForm.UPN:
        return texts.USER_TICKET
    by_key = {USERNAME[0]: texts.NO_USERNAME, PASSWORD[0]: texts.NO_PASSWORD}
    kinds = (SecretDefectKind.MISSING, SecretDefectKind.WRONG_CASE, SecretDefectKind.NOT_FOR_AGENT)
    is_missing = defect.kind in kinds
    return by_key.get(defect.key, texts.NAMES) if is_missing else texts.NAMES


def _store_again(arn: str, change: str) -> Fix:
    return Fix(f"{change} Accepted form: {_FORM}", edit_secret(arn))


@check(
    "secret.domain",
    title="The secret and the CredSpec name the same domain",
    cause=Cause.CREDENTIALS,
    docs=links.FARGATE_GMSA,
    about="credspec/DomainJoinConfig/DnsName",
    shows=(texts.USER_TICKET, texts.NO_DC),
)
def secret_domain(account: Account, names: GmsaNames) -> Finding:
    """Compares the secret's `domainName` with the CredSpec's `DnsName`.

    Why: 2.x uses only the secret's domain; 1.3 uses the CredSpec's domain at renewal. If they differ, a task can start
    and fail hours later, or look for the gMSA in the wrong domain.

    Fix: set both to the domain that contains the gMSA.
    """
    if account.domain == names.domain:
        return passed(f"both name {account.domain.text}")
    return warned(
        f"the secret names {account.domain.text}, but the CredSpec names {names.domain.text}; 2.x uses only the "
        "secret's domain, 1.3 fails when it renews the ticket",
        observed=account.domain.text,
        expected=names.domain.text,
        fix=_store_again(account.arn, f"Set domainName to {names.domain.text}, if that domain contains the gMSA."),
    )
