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
from gmsa_doctor.formats.documents.names import UserNameForm
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
from gmsa_doctor.given.subject import AwsPlace, Platform
from gmsa_doctor.given.vantage import Caller, Vantage
from gmsa_doctor_checks import links, texts
from gmsa_doctor_checks.commands import edit_secret, posix
from gmsa_doctor_checks.credspec.secret_link import secret_link
from gmsa_doctor_checks.credspec.secret_words import FORM, correction, expected_form, shown_for, store_again, words
from gmsa_doctor_checks.silence import judge_unreachable
from gmsa_doctor_checks.values import Account, DomainName, GmsaNames, SecretObject
from gmsa_doctor_checks.versions import judge_by_version

AGENT_KEYS = frozenset({"username", "password", "domainName"})
"""The keys of the secret that the ECS agent knows."""
_EMPTY_FOR_AGENT = (SecretDefectKind.MISSING, SecretDefectKind.NOT_FOR_AGENT, SecretDefectKind.EMPTY)


@check(
    "secret.value",
    title="The secret can be read and is a JSON object",
    cause=Cause.CREDSPEC,
    docs=links.SECRETS,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(texts.SECRET, texts.SECRET_JSON, texts.SECRET_OF_AGENT, texts.NAMES, texts.NO_USERNAME, texts.NO_PASSWORD),
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

    Why: on Fargate, Credentials Fetcher reads it; on EC2, the ECS agent does, with each version of Credentials Fetcher.
    Both use the execution role and require a text secret (not a binary one) with a JSON object. The keys that they read
    must have string values; other keys may have any value.

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
                f"Decode the binary value, check that it is a JSON object of this form, and store it as text: {FORM}",
                edit_secret(arn.text, binary=True),
            ),
            shows_as=texts.SECRET_JSON,
        )
    document = read_secret(text.reveal())
    if isinstance(document, tuple):
        return _not_an_object(arn, document[0])  # nothing that runs a task accepts JSON with errors
    of_agent = [note for note in document.notes if note.kind is SecretDefectKind.WRONG_TYPE and note.key in AGENT_KEYS]
    if of_agent and platform.has_ecs_agent:
        return replace(_not_an_object(arn, of_agent[0]), shows_as=texts.SECRET_OF_AGENT)
    value = SecretObject(arn.text, document)
    if document.notes:
        notes = "; ".join(_NOTES[note.kind].format(note) for note in document.notes if note.kind in _NOTES)
        warning = warned(
            f"in the secret, {notes}",
            expected="each key once, with a string",
            fix=store_again(arn.text, "Keep each key once, with a string value."),
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
    shows = texts.SECRET_JSON
    if defect.kind is SecretDefectKind.NOT_JSON and defect.json:
        position = f"line {defect.json.line}, column {defect.json.column}"
        summary = f"the secret is not JSON: {defect.json.message}, {position}"
    elif defect.kind is SecretDefectKind.NOT_AN_OBJECT:
        summary = f"the secret is JSON, but {defect.found}, not an object"
    else:
        summary = f"{defect.key} in the secret is {defect.found}, not a string"
        by_key = {**dict.fromkeys(PASSWORD, texts.NO_PASSWORD), **dict.fromkeys(USERNAME, texts.NO_USERNAME)}
        shows = by_key.get(defect.key, texts.NAMES)
    return failed(
        summary,
        expected=f"a JSON object such as {FORM}",
        fix=store_again(arn.text, "Replace the secret's text with a JSON object."),
        shows_as=shows,
    )


@check(
    "secret.fields",
    title="The secret's user name, password and domain are valid",
    cause=Cause.CREDENTIALS,
    docs=links.FARGATE_GMSA,
    about="credspec/ActiveDirectoryConfig/HostAccountConfig/PluginInput/CredentialArn",
    shows=(
        *(texts.NO_USERNAME, texts.NO_PASSWORD, texts.NAMES, texts.TOO_LONG, texts.EMPTY_FOR_AGENT),
        texts.USER_TICKET,
    ),
)
def secret_fields(secret: SecretObject, platform: Platform, names: Outcome[GmsaNames]) -> Result[Account]:
    r"""Checks the secret's `username`, `password` and `domainName`: keys in their exact case, lengths and forms.

    Why: Credentials Fetcher logs on as `<username>@<DOMAINNAME>`, so `username` must be the bare sAMAccountName.
    `DOMAIN\user` is rejected, and `user@domain` becomes `user@domain@REALM`, which does not exist in any AD.
    On Fargate, the keys are case-sensitive, and `usernameOfStandardUserAccount` and `passwordOfStandardUserAccount` are
    also accepted. On EC2, only these three keys are accepted, in any case, since the ECS agent reads the secret.
    `old:new` as `username`, for a rotation, is accepted only on EC2 by 2.x.

    Fix: store the bare user name, the password and the domain's full DNS name under these keys.
    """
    by_agent = platform.has_ecs_agent
    rotates = by_agent and Fetcher.V2 in platform.fetchers
    fields = read_fields(secret.document, rotation=rotates, by_agent=by_agent)
    if platform.launch is None and (found := _where_it_fails(secret, fields, names.value, platform)):
        return found
    if isinstance(fields, tuple):
        stumbles = frozenset().union(*(defect.stumbles for defect in fields))
        failure = _bad_fields(secret, fields, names.value)
        if by_agent and fields[0].kind in _EMPTY_FOR_AGENT:
            failure = replace(failure, shows_as=texts.EMPTY_FOR_AGENT)
        finding = judge_by_version(failure, stumbles, platform)
        if finding.status is Status.FAIL:
            return finding
        # only 1.3 accepts it: DNS and the KDC decide whether such a domain exists
        accepted = read_fields(secret.document, rotation=rotates, needs_dot=False, by_agent=by_agent)
        return finding if isinstance(accepted, tuple) else Given(_account(secret, accepted), finding)
    account = _account(secret, fields)
    taken = secret.document.taken(USERNAME)
    if rotates and taken and ":" in taken[1].reveal() and Fetcher.V1_3 in platform.fetchers:
        failure = failed(
            "username contains a colon (old:new, a rotation)",
            expected="the current user name alone",
            fix=store_again(secret.arn, "Set username to the current user name only."),
            shows_as=texts.NAMES,
        )
        return Given(account, judge_by_version(failure, frozenset({Fetcher.V1_3}), platform))
    if names.value and names.value.gmsa.names(account.user):
        return Given(account, _the_gmsa(secret, names.value))
    return Given(account, passed(f"username, password and domainName ({account.domain.text}) have an accepted form"))


def _where_it_fails(
    secret: SecretObject,
    fields: SecretFields | tuple[SecretDefect, ...],
    names: GmsaNames | None,
    platform: Platform,
) -> Result[Account] | None:
    """A warning if only one of Fargate and EC2 accepts the fields, and the launch type is not known."""
    of_agent = read_fields(secret.document, rotation=Fetcher.V2 in platform.fetchers, by_agent=True)
    if isinstance(fields, tuple) and isinstance(of_agent, SecretFields):
        failure, account, where = _bad_fields(secret, fields, names), _account(secret, of_agent), "on Fargate"
    elif isinstance(fields, SecretFields) and isinstance(of_agent, tuple):
        failure, account, where = _bad_fields(secret, of_agent, names), _account(secret, fields), "on EC2"
    else:
        return None
    return Given(account, replace(failure.to_warning(f" ({where}; the launch type is unknown)"), shows_as=None))


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
        fix=store_again(secret.arn, "Set username to the user that may retrieve the gMSA's password."),
    )


def _bad_fields(secret: SecretObject, defects: tuple[SecretDefect, ...], names: GmsaNames | None) -> Finding:
    first = defects[0]
    if names and first.form is UserNameForm.MACHINE and first.value and names.gmsa.names(first.value.reveal()):
        observed = f"{names.gmsa.text}$"
        return replace(_the_gmsa(secret, names), status=Status.FAIL, observed=observed, shows_as=texts.NAMES)
    return failed(
        f"in the secret, {words(first)}{f' (and {len(defects) - 1} more)' if defects[1:] else ''}",
        observed="; ".join(map(words, defects)),
        expected=expected_form(first),
        fix=store_again(secret.arn, " ".join(map(correction, defects))),
        shows_as=shown_for(first),
    )


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
        fix=store_again(account.arn, f"Set domainName to {names.domain.text}, if that domain contains the gMSA."),
    )
