from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.names import (
    REFUSED_CHARACTERS,
    AccountNameDefect,
    UserNameForm,
    account_name_defects,
    bare_account_name,
    bare_user_name,
    byte_length,
    domain_name_defect,
    lacks_dot,
    refused_characters,
    user_name_form,
)


@pytest.mark.parametrize(
    "text", ["contoso.com", "CORP.Example.COM", "a", "3com.com", "a-b.c", "xn--bcher-kva.example", "a" * 63]
)
def test_a_domain_name_in_the_accepted_form_has_no_defect(text: str) -> None:
    assert domain_name_defect(text) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("contoso.com.", "ends in a dot"),
        ("my_domain.com", "underscore"),
        ("contoso..com", "empty label"),
        (".contoso.com", "empty label"),
        ("-contoso.com", "hyphen"),
        ("contoso-.com", "hyphen"),
        (" contoso.com", "white space"),
        ("contoso.com\n", "white space"),
        ("bücher.example", "not ASCII"),
        ("a" * 64 + ".com", "64 characters"),
        (".".join(["a" * 49] * 5) + ".abcd", "254 characters"),
        ("contoso/com", "'/'"),
        ("https://contoso.com", "':'"),
    ],
)
def test_the_defect_of_a_domain_name_is_reported(text: str, words: str) -> None:
    assert words in str(domain_name_defect(text))


def test_daemon_2_requires_a_dot() -> None:
    assert domain_name_defect("contoso") is None
    assert domain_name_defect("contoso", needs_dot=True) == "it has no dot"
    assert domain_name_defect("contoso.com", needs_dot=True) is None
    assert (lacks_dot("contoso"), lacks_dot("contoso.com")) == (True, False)


def test_253_characters_are_a_domain_name() -> None:
    assert domain_name_defect(".".join(["a" * 49] * 5) + ".abc") is None


@pytest.mark.parametrize(
    ("text", "defects"),
    [
        ("WebApp01", ()),
        ("web_app-01.x@y", ()),
        ("", (AccountNameDefect.EMPTY,)),
        ("WebApp01$", (AccountNameDefect.DOLLAR,)),
        ("CONTOSO\\WebApp01", (AccountNameDefect.DOMAIN,)),
        ("CONTOSO\\WebApp01$", (AccountNameDefect.DOMAIN, AccountNameDefect.DOLLAR)),
        ("Web App", (AccountNameDefect.CHARACTERS,)),
        ("Web$App", (AccountNameDefect.CHARACTERS,)),
        ("Web App$", (AccountNameDefect.DOLLAR, AccountNameDefect.CHARACTERS)),
    ],
)
def test_an_account_name_has_each_defect_once(text: str, defects: tuple[AccountNameDefect, ...]) -> None:
    assert account_name_defects(text) == defects


def test_the_bare_account_name_has_no_domain_and_no_dollar() -> None:
    assert bare_account_name("CONTOSO\\WebApp01$") == "WebApp01"


@pytest.mark.parametrize("character", list("&:][+|;$*?<>!/\\'`~ "))
def test_each_character_that_the_daemon_refuses_is_found(character: str) -> None:
    assert refused_characters(f"a{character}b{character}") == (character,)
    assert account_name_defects(f"a{character}b")
    assert user_name_form(f"a{character}b") is not UserNameForm.BARE


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("standarduser01", UserNameForm.BARE),
        ("ünïcode.user", UserNameForm.BARE),
        ("", UserNameForm.EMPTY),
        ("CONTOSO\\user", UserNameForm.DOWN_LEVEL),
        ("CONTOSO\\machine$", UserNameForm.DOWN_LEVEL),
        ("user@contoso.com", UserNameForm.UPN),
        ("blue:green", UserNameForm.WITH_COLON),
        ("a@x:b@x", UserNameForm.WITH_COLON),
        ("webapp01$", UserNameForm.MACHINE),
        ("first last", UserNameForm.FORBIDDEN_CHARACTER),
        ("CONTOSO/user", UserNameForm.FORBIDDEN_CHARACTER),
    ],
)
def test_the_form_of_a_user_name(text: str, form: UserNameForm) -> None:
    assert user_name_form(text) is form


@pytest.mark.parametrize("text", ["CONTOSO\\user", "user@contoso.com", "old:user", "old:user:x", "user "])
def test_the_bare_user_name_has_no_domain(text: str) -> None:
    assert bare_user_name(text).partition(":")[0] == "user"


def test_lengths_count_bytes() -> None:
    assert (byte_length("abc"), byte_length("ä"), byte_length("\ud800")) == (3, 2, 3)


@given(st.text())
def test_any_text_has_a_form(text: str) -> None:
    bare = user_name_form(text) is UserNameForm.BARE
    assert bare == bool(text and "@" not in text and not REFUSED_CHARACTERS & set(text))
    assert bool(account_name_defects(text)) == bool(not text or REFUSED_CHARACTERS & set(text))
    domain_name_defect(text)
    bare_user_name(text)
    bare_account_name(text)


@given(st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True), min_size=1, max_size=9))
def test_labels_joined_by_dots_are_a_domain_name(labels: list[str]) -> None:
    assert domain_name_defect(".".join(labels)) is None
