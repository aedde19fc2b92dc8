from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.formats.documents.json_text import JsonDefectKind
from gmsa_doctor.formats.documents.names import UserNameForm
from gmsa_doctor.formats.documents.secret import (
    SecretDefect,
    SecretDefectKind,
    SecretDocument,
    SecretFields,
    read_fields,
    read_secret,
)
from gmsa_doctor.formats.fetcher import Fetcher

K = SecretDefectKind
CANARY = "canary-Pa55word"


def secret(**changes: object) -> str:
    fields: dict[str, object] = {"username": "user", "password": CANARY, "domainName": "contoso.com"}
    fields.update(changes)
    return json.dumps({key: value for key, value in fields.items() if value is not ...})


def document(text: str) -> SecretDocument:
    found = read_secret(text)
    assert isinstance(found, SecretDocument)
    return found


def fields(text: str, *, rotation: bool = False) -> SecretFields:
    found = read_fields(document(text), rotation=rotation)
    assert isinstance(found, SecretFields)
    return found


def defects(text: str) -> tuple[SecretDefect, ...]:
    found = read_secret(text)
    if isinstance(found, SecretDocument):
        read = read_fields(found)
        assert not isinstance(read, SecretFields)
        return read
    return found


def test_the_fields_are_read() -> None:
    found = fields(secret(distinguishedName="CN=WebApp01,DC=contoso,DC=com"))
    assert found == SecretFields("user", Hidden(CANARY), "contoso.com", "CN=WebApp01,DC=contoso,DC=com")
    hash(found)


def test_the_longer_spellings_are_read() -> None:
    text = json.dumps(
        {
            "usernameOfStandardUserAccount": "user",
            "passwordOfStandardUserAccount": CANARY,
            "domainName": "contoso.com",
            "distinguishedNameOfgMSA": "CN=WebApp01",
        }
    )
    found = fields(text)
    assert (found.username, found.password.reveal(), found.distinguished_name) == ("user", CANARY, "CN=WebApp01")


def test_keys_that_the_daemon_does_not_read_do_not_matter() -> None:
    assert fields(secret(port=1433, engine="sqlserver", tags={"a": []}, Password=5)).username == "user"


@pytest.mark.parametrize("text", ["", "user:password", '{"username": "user"', "{'username': 'user'}"])
def test_text_that_is_not_json_is_reported_with_its_details(text: str) -> None:
    (found,) = defects(text)
    assert found.kind is K.NOT_JSON
    assert found.json is not None


def test_only_2_fails_on_json_that_1_3_accepts() -> None:
    (found,) = defects(secret() + " x")
    assert found.json is not None
    assert found.json.kind is JsonDefectKind.TRAILING_GARBAGE
    assert found.stumbles == {Fetcher.V2}


@pytest.mark.parametrize(
    ("text", "kind"), [("[]", "an array"), ('"x"', "a string"), ("null", "null"), ("5", "a number")]
)
def test_a_secret_that_is_not_an_object_is_reported(text: str, kind: str) -> None:
    (found,) = defects(text)
    assert (found.kind, found.found) == (K.NOT_AN_OBJECT, kind)


@pytest.mark.parametrize("key", ["username", "password", "domainName"])
@pytest.mark.parametrize("value", [5, True, [], {}])
def test_a_field_that_is_not_a_string_is_reported(key: str, value: object) -> None:
    (found,) = defects(secret(**{key: value}))
    assert (found.kind, found.key, found.stumbles) == (K.WRONG_TYPE, key, frozenset(Fetcher))


@pytest.mark.parametrize("key", ["username", "password", "domainName"])
@pytest.mark.parametrize("value", [..., None])
def test_a_missing_field_is_reported(key: str, value: object) -> None:
    (found,) = defects(secret(**{key: value}))
    assert (found.kind, found.key) == (K.MISSING, key)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("username", "userName"),
        ("username", "Username"),
        ("password", "PASSWORD"),
        ("domainName", "domainname"),
        ("password", " password"),
    ],
)
def test_a_key_in_the_wrong_case_is_named(key: str, near: str) -> None:
    (found,) = defects(secret(**{key: ..., near: "contoso.com"}))
    assert (found.kind, found.key, found.found, found.expected) == (K.WRONG_CASE, key, near, key)


def test_a_longer_spelling_in_the_wrong_case_is_named() -> None:
    (found,) = defects(secret(username=..., usernameofstandarduseraccount="user"))
    assert (found.found, found.expected) == ("usernameofstandarduseraccount", "usernameOfStandardUserAccount")


def test_for_2_a_string_in_the_other_key_replaces_a_wrong_type() -> None:
    found = document(secret(username=5, usernameOfStandardUserAccount="user"))
    (note,) = found.notes
    assert (note.kind, note.stumbles) == (K.WRONG_TYPE, frozenset({Fetcher.V1_3}))
    assert isinstance(read_fields(found), SecretFields)


def test_an_empty_string_is_replaced_by_the_other_key() -> None:
    assert fields(secret(username="", usernameOfStandardUserAccount="other")).username == "other"


def test_different_values_in_both_spellings_are_noted_and_the_shorter_key_is_used() -> None:
    text = secret(passwordOfStandardUserAccount="another", usernameOfStandardUserAccount="user")
    assert fields(text).password.reveal() == CANARY
    (note,) = document(text).notes
    assert (note.kind, note.key, note.stumbles) == (K.BOTH_SPELLINGS, "password", frozenset())


def test_a_duplicate_key_is_noted_and_the_last_one_is_used() -> None:
    text = '{"x": 1, "x": 2, "username": "old", ' + secret()[1:]
    assert fields(text).username == "user"
    assert [(note.kind, note.key) for note in document(text).notes] == [(K.DUPLICATE_KEY, "username")]


@pytest.mark.parametrize("value", [{}, []])
def test_only_1_3_fails_on_a_distinguished_name_that_is_an_object(value: object) -> None:
    (note,) = document(secret(distinguishedName=value)).notes
    assert (note.kind, note.key, note.stumbles) == (K.WRONG_TYPE, "distinguishedName", frozenset({Fetcher.V1_3}))


@pytest.mark.parametrize("value", ["", None, 5])
def test_an_empty_distinguished_name_is_none(value: object) -> None:
    text = secret(distinguishedName=value)
    assert (fields(text).distinguished_name, document(text).notes) == (None, ())


@pytest.mark.parametrize("key", ["username", "password", "domainName"])
def test_an_empty_field_is_reported(key: str) -> None:
    (found,) = defects(secret(**{key: ""}))
    assert (found.kind, found.key) == (K.EMPTY, key)


@pytest.mark.parametrize("key", ["username", "password"])
def test_lengths_are_limited_in_bytes(key: str) -> None:
    assert fields(secret(**{key: "ä" * 51 + "x"}))
    (found,) = defects(secret(**{key: "ä" * 52}))
    assert (found.kind, found.found, found.expected) == (K.TOO_LONG, "104 bytes", "at most 103 bytes")


def test_a_domain_must_be_shorter_than_253_bytes() -> None:
    assert fields(secret(domainName=".".join(["a" * 49] * 5) + ".ab")).domain_name
    (found,) = defects(secret(domainName=".".join(["a" * 49] * 5) + ".abc"))
    assert (found.kind, found.found) == (K.TOO_LONG, "253 bytes")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("CONTOSO\\user", UserNameForm.DOWN_LEVEL),
        ("user@contoso.com", UserNameForm.UPN),
        ("webapp01$", UserNameForm.MACHINE),
        ("blue:green", UserNameForm.WITH_COLON),
        ("first last", UserNameForm.FORBIDDEN_CHARACTER),
    ],
)
def test_a_user_name_that_is_not_bare_is_reported_with_its_form(name: str, form: UserNameForm) -> None:
    (found,) = defects(secret(username=name))
    assert (found.kind, found.value, found.form) == (K.USER_NAME_FORM, Hidden(name), form)


def test_a_rotation_is_read_only_if_the_daemon_reads_it() -> None:
    assert fields(secret(username="blue:green"), rotation=True).username == "green"
    assert fields(secret(), rotation=True).username == "user"
    assert not isinstance(read_fields(document(secret(username="blue:")), rotation=True), SecretFields)


def test_the_ecs_agent_knows_three_keys_in_any_case() -> None:
    found = document('{"username": "x", "USERNAME": "user", "Password": "p", "domainname": "contoso.com"}')
    assert read_fields(found, by_agent=True) == SecretFields("user", Hidden("p"), "contoso.com")
    missing = read_fields(document(secret(username=..., usernameOfStandardUserAccount="user")), by_agent=True)
    assert isinstance(missing, tuple)
    assert [(defect.kind, defect.expected) for defect in missing] == [(K.NOT_FOR_AGENT, "username")]


def test_the_dn_is_read_by_credentials_fetcher_itself_also_on_ec2() -> None:
    found = read_fields(document(secret(distinguishedName="CN=web", DISTINGUISHEDNAME="CN=other")), by_agent=True)
    assert isinstance(found, SecretFields)
    assert found.distinguished_name == "CN=web"


def test_a_domain_name_in_another_form_is_reported_with_the_reason() -> None:
    (found,) = defects(secret(domainName="contoso.com."))
    assert (found.kind, found.reason, found.stumbles) == (K.DOMAIN_FORM, "it ends in a dot", frozenset(Fetcher))
    (found,) = defects(secret(domainName="contoso"))
    assert (found.reason, found.stumbles) == ("it has no dot", frozenset({Fetcher.V2}))


def test_several_defects_are_reported_at_once() -> None:
    found = defects('{"Username": "x", "password": "", "domainName": "a_b"}')
    assert [(defect.kind, defect.key) for defect in found] == [
        (K.WRONG_CASE, "username"),
        (K.EMPTY, "password"),
        (K.DOMAIN_FORM, "domainName"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        secret(),
        secret(username=CANARY, domainName="contoso.com"),
        secret(password=CANARY * 50),
        secret(password=[CANARY]),
        secret(password=..., Password=CANARY),
        secret(passwordOfStandardUserAccount=CANARY + "x"),
        secret()[:-20],
        secret() + CANARY,
        f'"{CANARY}"',
        f"password={CANARY}",
        secret(**{CANARY: 1}),
    ],
)
def test_a_password_is_never_shown(text: str) -> None:
    read = read_secret(text)
    shown = repr(read) + str(read)
    if isinstance(read, SecretDocument):
        shown += repr(read_fields(read)).replace(f"username='{CANARY}'", "")
    assert CANARY not in shown


keys = st.sampled_from(
    ["username", "password", "domainName", "distinguishedName", "passwordOfStandardUserAccount", "Password", "x"]
)
values = st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2) | st.just("contoso.com")


@given(st.text() | st.dictionaries(keys, values).map(json.dumps))
def test_any_text_is_a_secret_or_hashable_defects(text: str) -> None:
    found = read_secret(text)
    assert found
    hash(found)
    if isinstance(found, SecretDocument):
        hash(read_fields(found))
        hash(read_fields(found, rotation=True))


@given(st.text(min_size=1, max_size=20))
def test_any_password_round_trips(password: str) -> None:
    assert fields(secret(password=password)).password == Hidden(password)


def test_the_ecs_agent_reads_the_short_keys_in_any_case() -> None:
    found = document(json.dumps({"USERNAME": "user", "Password": CANARY, "domainName": "corp.example"}))
    fields_ = read_fields(found, by_agent=True)
    assert isinstance(fields_, SecretFields)
    assert (fields_.username, fields_.domain_name) == ("user", "corp.example")
    long = document(json.dumps({"usernameOfStandardUserAccount": "user", "domainName": "corp.example"}))
    defects = read_fields(long, by_agent=True)
    assert isinstance(defects, tuple)
    assert [(defect.kind, defect.found, defect.expected) for defect in defects] == [
        (SecretDefectKind.NOT_FOR_AGENT, "usernameOfStandardUserAccount", "username"),
        (SecretDefectKind.MISSING, None, "password"),
    ]
