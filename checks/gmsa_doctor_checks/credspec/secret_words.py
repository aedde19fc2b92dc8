"""The words for defects of the secret's fields, and how to correct them. They never contain a value."""

from __future__ import annotations

from gmsa_doctor.authoring import Fix, ShowsAs
from gmsa_doctor.formats.documents.names import REFUSED_CHARACTERS, UserNameForm
from gmsa_doctor.formats.documents.secret import PASSWORD, USERNAME, SecretDefect, SecretDefectKind
from gmsa_doctor_checks import texts
from gmsa_doctor_checks.commands import edit_secret

FORM = '{"username": "<sAMAccountName>", "password": "<password>", "domainName": "<DNS name of the AD domain>"}'


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


def words(defect: SecretDefect) -> str:
    """What is wrong, without the value: it may be a password, alone or in addition to a name."""
    return _WORDS[defect.form or defect.kind].format(defect)


def expected_form(defect: SecretDefect) -> str:
    """The form that the field must have."""
    if defect.form is UserNameForm.FORBIDDEN_CHARACTER:
        return f"the sAMAccountName, without any of {' '.join(sorted(REFUSED_CHARACTERS)).strip()} and blanks"
    if defect.form:
        return r"only the sAMAccountName: no DOMAIN\, no @domain, no $ at the end"
    if defect.kind is SecretDefectKind.DOMAIN_FORM:
        return "the AD domain's full DNS name, such as corp.example.com"
    return defect.expected or f"a JSON object such as {FORM}"


def correction(defect: SecretDefect) -> str:
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


def shown_for(defect: SecretDefect) -> ShowsAs:
    """What Credentials Fetcher shows for it."""
    if defect.kind in (SecretDefectKind.TOO_LONG, SecretDefectKind.EMPTY):
        return texts.TOO_LONG
    if defect.form is UserNameForm.UPN:
        return texts.USER_TICKET
    by_key = {USERNAME[0]: texts.NO_USERNAME, PASSWORD[0]: texts.NO_PASSWORD}
    is_missing = defect.kind in (SecretDefectKind.MISSING, SecretDefectKind.WRONG_CASE)
    return by_key.get(defect.key, texts.NAMES) if is_missing else texts.NAMES


def store_again(arn: str, change: str) -> Fix:
    """The fix that changes the secret."""
    return Fix(f"{change} Accepted form: {FORM}", edit_secret(arn))
