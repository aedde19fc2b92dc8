"""The secret with the AD user's credentials: first the document, then its fields.

Source: the keys that each version of Credentials Fetcher reads (aws/credentials-fetcher). Keys are case-sensitive;
other keys may have any value. On EC2 the ECS agent reads the secret instead, and knows fewer keys, in any case
(DomainlessUserCredentials in credentialspec_linux.go of aws/amazon-ecs-agent, by Go's encoding/json). No defect shows a
value: fields may be swapped, or hold a password in addition to a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.documents.json_text import Document, Json, JsonDefect, nearest_key, parse, type_name
from gmsa_doctor.formats.documents.names import (
    SECRET_DOMAIN_LIMIT,
    SECRET_FIELD_LIMIT,
    UserNameForm,
    byte_length,
    domain_name_defect,
    user_name_form,
)
from gmsa_doctor.formats.fetcher import Fetcher

USERNAME = ("username", "usernameOfStandardUserAccount")
PASSWORD = ("password", "passwordOfStandardUserAccount")
DOMAIN = ("domainName",)
DISTINGUISHED_NAME = ("distinguishedName", "distinguishedNameOfgMSA")

_FIELDS = (USERNAME, PASSWORD, DOMAIN, DISTINGUISHED_NAME)
_REQUIRED = (USERNAME, PASSWORD, DOMAIN)
_BOTH = frozenset(Fetcher)
_NONE: frozenset[Fetcher] = frozenset()


class SecretDefectKind(StrEnum):
    """The kind of a defect of a secret."""

    NOT_JSON = "not-json"
    """``json`` has the details."""
    NOT_AN_OBJECT = "not-an-object"
    WRONG_TYPE = "wrong-type"
    """The value of a key that the daemon reads is not a string."""
    MISSING = "missing"
    WRONG_CASE = "wrong-case"
    """The key exists in another case; ``found`` is the key in the secret."""
    NOT_FOR_AGENT = "not-for-agent"
    """Only the long spelling ``found`` exists, which the ECS agent does not read."""
    EMPTY = "empty"
    TOO_LONG = "too-long"
    """``found`` is the length and ``expected`` the limit, in bytes."""
    USER_NAME_FORM = "user-name-form"
    """``form`` is the form; ``value`` is the user name."""
    DOMAIN_FORM = "domain-form"
    """``reason`` is the reason, without any of its characters."""
    BOTH_SPELLINGS = "both-spellings"
    """Both keys of a field have strings, and these differ. 2.x uses the shorter key; 1.3 is unknown."""
    DUPLICATE_KEY = "duplicate-key"
    """A key that the daemon reads occurs twice; the last one wins."""


@dataclass(frozen=True)
class SecretDefect:
    """A defect of ``key``, in its shorter spelling; empty for the whole document.

    ``stumbles`` are the generations of the daemon that fail on it; none for a note.
    """

    kind: SecretDefectKind
    key: str = ""
    found: str | None = None
    expected: str | None = None
    stumbles: frozenset[Fetcher] = _BOTH
    json: JsonDefect | None = None
    form: UserNameForm | None = None
    value: Hidden[str] | None = None
    reason: str | None = None


@dataclass(frozen=True)
class SecretDocument:
    """A secret that is a JSON object with strings for the keys that the daemon reads.

    ``texts`` are those keys with their values; ``near`` are pairs of such a key and the same key in another case.
    ``notes`` are defects on which not every generation fails.
    """

    texts: tuple[tuple[str, Hidden[str]], ...]
    near: tuple[tuple[str, str], ...] = ()
    notes: tuple[SecretDefect, ...] = ()
    of_agent: tuple[tuple[str, Hidden[str]], ...] = ()
    """The keys that the ECS agent knows, with the values that it takes: the last one in any case of the key."""

    @property
    def for_agent(self) -> SecretDocument:
        """The document as the ECS agent on EC2 reads it; Credentials Fetcher itself reads only the DN."""
        own = tuple((key, text) for key, text in self.texts if key in DISTINGUISHED_NAME)
        given = {key for key, _ in (*self.texts, *self.of_agent)}
        long = tuple((short, key) for short, key in (USERNAME, PASSWORD) if key in given and short not in given)
        return SecretDocument((*self.of_agent, *own), long, self.notes, self.of_agent)

    def taken(self, keys: tuple[str, ...]) -> tuple[str, Hidden[str]] | None:
        """The key and value that the daemon uses for a field: the first spelling that is not empty."""
        texts = dict(self.texts)
        there = [key for key in keys if key in texts]
        chosen = next((key for key in there if texts[key].reveal()), there[0] if there else None)
        return (chosen, texts[chosen]) if chosen else None


@dataclass(frozen=True)
class SecretFields:
    """The fields of a secret in a form that the daemon accepts. ``distinguished_name`` is None if missing or empty."""

    username: str
    password: Hidden[str]
    domain_name: str
    distinguished_name: str | None = None


def read_secret(text: str) -> SecretDocument | tuple[SecretDefect, ...]:
    """The secret's document, or the defects that prevent every generation of the daemon from reading it.

    JSON that only 1.3 accepts is also a defect; its ``stumbles`` has only 2.x.
    """
    document = parse(text)
    if isinstance(document, JsonDefect):
        return (SecretDefect(SecretDefectKind.NOT_JSON, stumbles=_BOTH - document.accepted_by, json=document),)
    value = document.value
    if not isinstance(value, dict):
        found = type_name(value)
        return (SecretDefect(SecretDefectKind.NOT_AN_OBJECT, found=found, expected="an object"),)
    defects = [defect for keys in _FIELDS for defect in _type_defects(value, keys)]
    if any(defect.stumbles == _BOTH for defect in defects):
        return tuple(defects)
    return _document(document, value, defects)


def _document(document: Document, value: dict[str, Json], defects: list[SecretDefect]) -> SecretDocument:
    known = [key for keys in _FIELDS for key in keys]
    texts = tuple((key, Hidden(text)) for key in known if isinstance(text := value.get(key), str))
    near = tuple((key, found) for key in known if key not in value and (found := nearest_key(value, key)) is not None)
    twice = (
        SecretDefect(SecretDefectKind.DUPLICATE_KEY, key, stumbles=_NONE) for key in known if key in document.duplicates
    )
    given = {key: text for key, text in texts if text.reveal()}
    pairs = [keys for keys in _FIELDS if all(key in given for key in keys)]
    ambiguous = (keys[0] for keys in pairs if any(given[key] != given[keys[0]] for key in keys))
    both = (SecretDefect(SecretDefectKind.BOTH_SPELLINGS, key, stumbles=_NONE) for key in ambiguous)
    return SecretDocument(texts, near, (*defects, *twice, *both), _of_agent(value))


def _of_agent(value: dict[str, Json]) -> tuple[tuple[str, Hidden[str]], ...]:
    """Go's encoding/json prefers no exact match: a later key in another case overwrites an earlier one."""
    fields = {keys[0].lower(): keys[0] for keys in _REQUIRED}
    known = ((fields.get(key.lower()), text) for key, text in value.items())
    return tuple({key: Hidden(text) for key, text in known if key and isinstance(text, str)}.items())


def _type_defects(value: dict[str, Json], keys: tuple[str, ...]) -> list[SecretDefect]:
    """Keys of a field whose values are not strings. With a string in the other key, 2.x continues.

    null counts as missing. 1.3 crashes on a distinguishedName that is an object or array; 2.x ignores it.
    """
    wrong = [key for key in keys if not isinstance(value.get(key, ""), (str, type(None)))]
    if keys is DISTINGUISHED_NAME:
        wrong = [key for key in wrong if isinstance(value[key], (dict, list))]
    usable = keys is DISTINGUISHED_NAME or any(isinstance(text := value.get(key), str) and text for key in keys)
    stumbles = frozenset({Fetcher.V1_3}) if usable else _BOTH
    return [
        SecretDefect(SecretDefectKind.WRONG_TYPE, key, type_name(value[key]), "a string", stumbles) for key in wrong
    ]


def read_fields(
    document: SecretDocument, *, rotation: bool = False, needs_dot: bool = True, by_agent: bool = False
) -> SecretFields | tuple[SecretDefect, ...]:
    """The fields of a secret, or all their defects. With ``rotation``, ``old:new`` is read as ``new`` (2.x on EC2).

    ``needs_dot``: the domain's name must have a dot, as 2.x requires. ``by_agent``: the ECS agent on EC2 reads them.
    """
    document = document.for_agent if by_agent else document
    known = tuple(keys[:1] for keys in _REQUIRED) if by_agent else _REQUIRED
    missing = [_missing(document, keys) for keys in known if document.taken(keys) is None]
    username = _revealed(document, USERNAME)
    if username and rotation and ":" in username:
        username = username.partition(":")[2]
    password, domain = _revealed(document, PASSWORD), _revealed(document, DOMAIN)
    defects = [
        *missing,
        *_username_defects(username),
        *_length_defects(PASSWORD[0], password, SECRET_FIELD_LIMIT),
        *_domain_defects(domain, needs_dot),
    ]
    if defects or username is None or password is None or domain is None:
        return tuple(defects)
    return SecretFields(username, Hidden(password), domain, _revealed(document, DISTINGUISHED_NAME) or None)


def _revealed(document: SecretDocument, keys: tuple[str, ...]) -> str | None:
    taken = document.taken(keys)
    return taken[1].reveal() if taken else None


def _missing(document: SecretDocument, keys: tuple[str, ...]) -> SecretDefect:
    for key, found in document.near:
        if key in keys:
            is_long = found in (USERNAME[1], PASSWORD[1])
            kind = SecretDefectKind.NOT_FOR_AGENT if is_long else SecretDefectKind.WRONG_CASE
            return SecretDefect(kind, keys[0], found, key)
    return SecretDefect(SecretDefectKind.MISSING, keys[0], expected=" or ".join(keys))


def _length_defects(key: str, value: str | None, limit: int) -> list[SecretDefect]:
    if value is None:
        return []
    if not value:
        return [SecretDefect(SecretDefectKind.EMPTY, key)]
    length = byte_length(value)
    if length <= limit:
        return []
    return [SecretDefect(SecretDefectKind.TOO_LONG, key, f"{length} bytes", f"at most {limit} bytes")]


def _username_defects(value: str | None) -> list[SecretDefect]:
    defects = _length_defects(USERNAME[0], value, SECRET_FIELD_LIMIT)
    form = user_name_form(value or "")
    if value and form is not UserNameForm.BARE:
        defects.append(SecretDefect(SecretDefectKind.USER_NAME_FORM, USERNAME[0], form=form, value=Hidden(value)))
    return defects


def _domain_defects(value: str | None, needs_dot: bool) -> list[SecretDefect]:
    defects = _length_defects(DOMAIN[0], value, SECRET_DOMAIN_LIMIT)
    if not value or defects:
        return defects
    reason = domain_name_defect(value, needs_dot=needs_dot, show=False)
    if reason is None:
        return []
    only_dot = domain_name_defect(value) is None
    stumbles = frozenset({Fetcher.V2}) if only_dot else _BOTH
    return [SecretDefect(SecretDefectKind.DOMAIN_FORM, DOMAIN[0], stumbles=stumbles, reason=reason)]
