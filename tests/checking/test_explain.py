"""`explain` and `list`: what a check is about, and what stands behind a pasted text."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import gmsa_doctor_checks
from gmsa_doctor.checking.explain import explain_check, list_checks, match_text, shown_texts, source_of
from gmsa_doctor.core.check_id import CheckId
from gmsa_doctor.core.model import Check, ShowsAs
from gmsa_doctor.core.registry import Registry, load

LONG = "a long and particular text of the daemon"
MEDIUM = "a text of medium length"
SHORT = "some short text"


@cache
def known() -> Registry:
    return load()


def a_check(id: str, *shows: ShowsAs) -> Check:
    some = known().get("credspec.size")
    assert some
    return replace(some, id=id, gives=None, needs=(), shows=shows)


def ids(registry: Registry, pasted: str) -> list[str]:
    return [match.check.id for match in match_text(registry, pasted)]


def test_a_longer_text_decides_before_a_shorter_one_of_the_same_check() -> None:
    registry = Registry((a_check("x.both", ShowsAs(SHORT), ShowsAs(LONG)), a_check("x.one", ShowsAs(MEDIUM))))
    found = match_text(registry, f"{SHORT}; {MEDIUM}; {LONG}")
    assert [(match.check.id, match.text) for match in found] == [("x.both", LONG), ("x.one", MEDIUM)]


def test_of_one_text_the_likeliest_comes_first_then_the_order_of_the_graph() -> None:
    shows = ShowsAs(LONG, likeliest=(CheckId("x.third"), CheckId("x.second")))
    registry = Registry([a_check(f"x.{name}", shows) for name in ("first", "second", "third", "fourth")])
    assert ids(registry, LONG) == ["x.third", "x.second", "x.first", "x.fourth"]


def test_the_text_of_either_version_is_found() -> None:
    registry = Registry((a_check("x.y", ShowsAs(LONG, MEDIUM)),))
    assert [match_text(registry, text)[0].text for text in (LONG, MEDIUM)] == [LONG, MEDIUM]


def test_a_check_without_texts_stands_behind_nothing() -> None:
    assert ids(Registry((a_check("x.y", ShowsAs(None, ""), ShowsAs()),)), LONG) == []


@pytest.mark.parametrize("pasted", ["", "   \n", "the moon is made of cheese"])
def test_what_is_not_known_gives_nothing(pasted: str) -> None:
    assert match_text(known(), pasted) == []


@pytest.mark.parametrize("check", load().checks, ids=lambda check: check.id)
def test_a_check_is_explained_within_the_width(check: Check) -> None:
    text = explain_check(check, 60)
    assert text.startswith(f"{check.id}: ")
    assert all(part in text for part in ("\nWhy: ", "\nFix: ", f"See: {check.docs}", "\nRequires "))
    whole = {f"  {shown.text}" for shown in shown_texts(check)}
    links = ("See: ", "Source: ")
    too_long = [line for line in text.splitlines() if len(line) > 60 and not line.startswith(links)]
    assert set(too_long) <= whole


def test_the_texts_of_a_plug_in_are_shown_with_their_versions() -> None:
    check = replace(a_check("x.y", ShowsAs(LONG, LONG), ShowsAs(None, SHORT)), origin="acme")
    assert [(shown.text, shown.versions) for shown in shown_texts(check)] == [(LONG, "2.x, 1.3"), (SHORT, "1.3")]


def test_the_source_of_a_check_is_its_file_and_the_line_of_its_decorator() -> None:
    check = known().get("secret.value")
    assert check
    path, line = source_of(check)
    assert path == "gmsa_doctor_checks/credspec/secret.py"
    lines = (Path(gmsa_doctor_checks.__file__).parent.parent / path).read_text().splitlines()
    assert lines[line - 1].startswith("@check(")
    assert f"\nSource: {path}:{line}\n" in explain_check(check)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("credspec.objekt", "credspec.object"),
        ("Kerberos.User-Ticket", "kerberos.user-ticket"),
        ("managed-password", "directory.managed-password"),
        ("clock", "kerberos.clock"),
    ],
)
def test_a_misspelt_id_leads_to_the_one_that_was_meant(word: str, meant: str) -> None:
    assert meant in known().near(word)


def test_what_looks_like_no_id_suggests_nothing() -> None:
    assert known().near("xyzzy") == ""


def test_the_list_has_every_check_and_fits_80_columns() -> None:
    table, _, causes = list_checks(known(), known().checks, 80).partition("\n\n")
    assert [check.id for check in known().checks] == [
        line.split()[0] for line in table.splitlines()[1:] if line[0] != " "
    ]
    assert max(map(len, [*table.splitlines(), causes])) <= 80
    assert table.isascii()
    assert causes == "Documented causes: 1 task-definition, 2 credspec, 3 credentials, 4 dhcp-options"
    dhcp = next(line for line in table.splitlines() if line.startswith("dhcp-options.set "))
    assert dhcp.split()[-1] == "4"


def test_a_wide_terminal_has_a_line_a_check() -> None:
    table, _, _ = list_checks(known(), known().checks, 200).partition("\n\n")
    assert len(table.splitlines()) == 1 + len(known().checks)


def test_the_list_says_where_a_plug_in_comes_from() -> None:
    assert "from" not in list_checks(known(), known().checks, 80).splitlines()[0]
    plugged = Registry([*known().checks, replace(a_check("acme.sql"), origin="acme-checks")])
    table = list_checks(plugged, plugged.checks, 80)
    assert table.splitlines()[0].split() == ["id", "title", "cause", "from"]
    assert any(line.startswith("acme.sql") and line.endswith("acme-checks") for line in table.splitlines())
