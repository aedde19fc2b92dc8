from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.json_text import Json
from gmsa_doctor.formats.documents.located import (
    DEPTH_LIMIT,
    TEXT_LIMIT,
    Located,
    LocatedError,
    Path,
    Position,
    read_json,
)
from gmsa_doctor.formats.documents.yaml_text import read_yaml

LETTERS = st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_categories=["Cc"])
SCALARS = st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(LETTERS, max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(LETTERS, max_size=8), inner, max_size=4),
    max_leaves=20,
)


def refused_json(text: str) -> LocatedError:
    with pytest.raises(LocatedError) as caught:
        read_json(text)
    return caught.value


def refused_yaml(text: str) -> LocatedError:
    with pytest.raises(LocatedError) as caught:
        read_yaml(text)
    return caught.value


def paths(value: object, path: Path = ()) -> list[Path]:
    """The paths of all parts."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, value in entries for inner in paths(value, (*path, key)))]


def at(value: object, path: Path) -> object:
    for key in path:
        assert isinstance(value, dict | list)
        value = value[key]  # type: ignore[index]
    return value


def assert_each_part_stands_where_it_says(text: str, located: Located) -> None:
    lines = text.split("\n")
    assert set(located.positions) == set(paths(located.value))
    for path, position in located.positions.items():
        value = at(located.value, path)
        key = path[-1] if path else None
        begins = json.dumps(key if isinstance(key, str) else value, ensure_ascii=False)
        if not isinstance(key, str) and isinstance(value, dict | list):
            begins = begins[0]
        assert lines[position.line - 1][position.column - 1 :].startswith(begins), path


def assert_read_or_refused(read: Callable[[str], Located], text: str) -> None:
    try:
        located = read(text)
    except LocatedError:
        return
    assert () in located.positions
    assert set(located.positions) >= set(paths(located.value))


# JSON


def test_a_json_entry_has_the_position_of_its_key_and_an_item_its_start() -> None:
    located = read_json('{\n  "a": [1,\n    {"b":\n "x"}],\n  "c\\u0041": []\n}')
    assert located.value == {"a": [1, {"b": "x"}], "cA": []}
    assert located.positions == {
        (): Position(1, 1),
        ("a",): Position(2, 3),
        ("a", 0): Position(2, 9),
        ("a", 1): Position(3, 5),
        ("a", 1, "b"): Position(3, 6),
        ("cA",): Position(5, 3),
    }


def test_a_missing_part_has_the_position_of_its_container() -> None:
    located = read_json('{\n  "containerDefinitions": [\n    {"name": "web"}\n  ]\n}')
    assert located.at(("containerDefinitions", 0, "credentialSpecs", 0)) == Position(3, 5)
    assert located.at(("family",)) == Position(1, 1)


@given(VALUES, st.sampled_from([None, 0, 2]))
def test_any_json_is_read_with_the_position_of_each_part(value: Json, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    located = read_json(text)
    assert located.value == value
    assert_each_part_stands_where_it_says(text, located)


@given(st.text())
def test_any_text_is_json_or_refused(text: str) -> None:
    assert_read_or_refused(read_json, text)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", Position(1, 1)),
        ('{"a": 1,\n "b": {"c": 1,\n  "c": 2}}', Position(3, 3)),
        ('{"a": 1,\n}', Position(1, 8)),
        ('{"a": 1', Position(1, 8)),
        ("a: 1", Position(1, 1)),
        ("[" * (DEPTH_LIMIT + 1) + "]" * (DEPTH_LIMIT + 1), Position(1, DEPTH_LIMIT + 1)),
        ("[" * 1_000_000, Position(1, 501)),
    ],
)
def test_invalid_json_is_refused_with_its_position(text: str, position: Position) -> None:
    assert refused_json(text).position == position


def test_json_that_is_too_long_is_refused() -> None:
    assert refused_json(" " * (TEXT_LIMIT + 1)).reason == f"the text is longer than {TEXT_LIMIT} characters"


# YAML


def test_a_yaml_entry_has_the_position_of_its_key_and_an_item_its_start() -> None:
    located = read_yaml("a:\n  - 1\n  - b: >-\n      long\n    c: [x]\n'd':\n  e: !Sub ${F}\n")
    assert located.value == {"a": [1, {"b": "long", "c": ["x"]}], "d": {"e": {"Fn::Sub": "${F}"}}}
    assert located.positions == {
        (): Position(1, 1),
        ("a",): Position(1, 1),
        ("a", 0): Position(2, 5),
        ("a", 1): Position(3, 5),
        ("a", 1, "b"): Position(3, 5),
        ("a", 1, "c"): Position(5, 5),
        ("a", 1, "c", 0): Position(5, 9),
        ("d",): Position(6, 1),
        ("d", "e"): Position(7, 3),
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref Bucket", {"Ref": "Bucket"}),
        ("!Condition IsProduction", {"Condition": "IsProduction"}),
        ("!GetAtt Bucket.Arn", {"Fn::GetAtt": ["Bucket", "Arn"]}),
        ("!GetAtt Nested.Outputs.Arn", {"Fn::GetAtt": ["Nested", "Outputs.Arn"]}),
        ("!GetAtt [Bucket, Arn]", {"Fn::GetAtt": ["Bucket", "Arn"]}),
        ("!Join ['', [a, !Ref B]]", {"Fn::Join": ["", ["a", {"Ref": "B"}]]}),
        ("!If [C, [1], !Ref AWS::NoValue]", {"Fn::If": ["C", [1], {"Ref": "AWS::NoValue"}]}),
        ("!Sub '${A}'", {"Fn::Sub": "${A}"}),
        ("!FindInMap [A, b, c]", {"Fn::FindInMap": ["A", "b", "c"]}),
        ("!reset [1]", [1]),
    ],
)
def test_short_forms_of_cloudformation_are_its_functions(text: str, value: object) -> None:
    assert read_yaml(text).value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2010-09-09", "2010-09-09"),
        ("22:22", "22:22"),
        ("012345670123", "012345670123"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("256", 256),
        ("-1", -1),
        ("1.5", 1.5),
        ("true", True),
        ("No", False),
        ("~", None),
        ("'256'", "256"),
        ("!!str 256", "256"),
        ("!!int '256'", 256),
        ("! 256", "256"),
        ("1" * 400, "1" * 400),
    ],
)
def test_a_scalar_is_a_number_only_if_it_cannot_be_meant_as_a_text(text: str, value: object) -> None:
    found = read_yaml(text).value
    assert found == value
    assert type(found) is type(value)


def test_keys_are_texts_as_written() -> None:
    assert read_yaml("on: 1\n1: 2\nnull: 3\n2024-01-01: 4").value == {"on": 1, "1": 2, "null": 3, "2024-01-01": 4}


def test_an_alias_has_its_own_paths() -> None:
    located = read_yaml("base: &base\n  a: 1\none: *base\ntwo:\n  <<: *base\n  b: 2\n")
    assert located.value == {"base": {"a": 1}, "one": {"a": 1}, "two": {"b": 2, "a": 1}}
    assert located.at(("one",)) == Position(3, 1)
    assert located.at(("one", "a")) == Position(2, 3)
    assert located.at(("two", "a")) == Position(2, 3)


def test_own_keys_override_merged_keys_and_earlier_sources_later_ones() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2, <<: *x}\nz: {<<: [*y, *x], c: 3}"
    found = read_yaml(text).value
    assert isinstance(found, dict)
    assert found["z"] == {"c": 3, "b": 2, "a": 1}


@given(VALUES, st.sampled_from([None, 2]))
def test_any_json_is_the_same_value_in_yaml(value: Json, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    located = read_yaml(text)
    assert located.value == value
    assert_each_part_stands_where_it_says(text, located)


@given(st.text() | st.text(alphabet="&a*: -[]{},<!?|>'\"\n\t#%@"))
def test_any_text_is_yaml_or_refused(text: str) -> None:
    assert_read_or_refused(read_yaml, text)


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGE_BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30)
)
MERGE_CHAIN = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 1000))


@pytest.mark.parametrize(
    ("text", "reason", "position"),
    [
        ("", "the document is empty", None),
        ("# nothing\n", "the document is empty", None),
        ("a: 1\n---\nb: 2\n", "a second document starts here", Position(3, 1)),
        ("--- a\n" * 101, "there are more than 100 documents", Position(101, 5)),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "the key occurs twice", Position(4, 3)),
        ("a: &a [1, *a]", "the alias contains itself", Position(1, 4)),
        ("a: &a {b: *a}", "the alias contains itself", Position(1, 4)),
        ("a: &a {<<: *a}", "the alias contains itself", Position(1, 4)),
        ("a: *b", "the alias has no anchor before it", Position(1, 4)),
        ("a: {<<: 1}", "<< requires a mapping", Position(1, 9)),
        ("? [a]\n: b", "the key is not a text", Position(1, 3)),
        ("a:\n  - !!python/object/apply:os.system [id]", "the tag is not for plain data", Position(2, 5)),
        ("a: !!binary aGk=", "the tag is not for plain data", Position(1, 4)),
        ("a: [1", "did not find expected", Position(2, 1)),
        ("a:\n\t- b", "found character that cannot start any token", Position(2, 1)),
        ("a: \x00", "YAML does not allow this control character", Position(1, 4)),
        ("a: \ud800", "the text contains an unpaired surrogate", None),
        ("[" * 1_000_000, f"this is nested deeper than {DEPTH_LIMIT} levels", Position(1, DEPTH_LIMIT + 1)),
        ("- " * 1_000_000, f"this is nested deeper than {DEPTH_LIMIT} levels", Position(1, 2 * DEPTH_LIMIT + 1)),
        (BOMB, "aliases repeat more than", Position(1, 10)),
        (MERGE_BOMB, "aliases repeat more than", Position(1, 5)),
        (MERGE_CHAIN, "this is nested deeper than", Position(1, 5)),
        ("#" * (TEXT_LIMIT + 1), f"the text is longer than {TEXT_LIMIT} characters", None),
    ],
)
def test_invalid_yaml_is_refused_with_its_position(text: str, reason: str, position: Position | None) -> None:
    error = refused_yaml(text)
    assert error.reason.startswith(reason)
    assert error.position == position


def test_a_million_characters_of_yaml_are_read() -> None:
    found = read_yaml("".join(f"key{number}: value\n" for number in range(60_000))).value
    assert isinstance(found, dict)
    assert len(found) == 60_000


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert read_yaml("\ufeffa: 1\r\nb:\r\n  - c\r\n").value == {"a": 1, "b": ["c"]}
    assert read_yaml("a: 1\r\nb:\r\n  - c\r\n").at(("b", 0)) == Position(3, 5)
    assert read_json('{\r\n "a": 1}').at(("a",)) == Position(2, 2)


def test_yaml_is_read_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &a\n  - !Sub ${B}\n  - {c: !GetAtt D.E}\nb: *a\n"
    located = read_yaml(text)
    monkeypatch.delattr("yaml.CSafeLoader")
    assert read_yaml(text) == located
    assert refused_yaml("a: [1").position == Position(1, 6)
    assert refused_yaml("a: \x00").position == Position(1, 4)
    assert refused_yaml("- " * 1000).position == Position(1, 2 * DEPTH_LIMIT + 1)
