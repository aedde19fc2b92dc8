from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.json_text import (
    DEPTH_LIMIT,
    Document,
    Encoding,
    EncodingDefect,
    Json,
    JsonDefect,
    JsonDefectKind,
    Text,
    decode,
    nearest_key,
    parse,
    type_name,
)
from gmsa_doctor.formats.fetcher import Fetcher

K = JsonDefectKind


def parsed(text: str) -> Document:
    document = parse(text)
    assert isinstance(document, Document)
    return document


def defect(text: str) -> JsonDefect:
    document = parse(text)
    assert isinstance(document, JsonDefect)
    return document


# Encoding


def test_utf_8_is_read_with_and_without_its_mark() -> None:
    assert decode('{"ä": 1}'.encode()) == Text('{"ä": 1}')
    assert decode(b"\xef\xbb\xbf{}") == Text("{}", bom=True)
    assert decode(b"") == Text("")


@pytest.mark.parametrize("mark", [True, False])
@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-16-le", Encoding.UTF_16_LE),
        ("utf-16-be", Encoding.UTF_16_BE),
        ("utf-32-le", Encoding.UTF_32_LE),
        ("utf-32-be", Encoding.UTF_32_BE),
    ],
)
def test_utf_16_and_utf_32_are_recognized_with_and_without_a_mark(codec: str, encoding: Encoding, mark: bool) -> None:
    found = decode((("\ufeff" if mark else "") + '{"a": 1}').encode(codec))
    assert isinstance(found, EncodingDefect)
    assert (found.encoding, found.bom, found.accepted_by) == (encoding, mark, frozenset())


def test_a_byte_that_is_not_utf_8_is_reported_with_its_offset() -> None:
    found = decode(b'\xef\xbb\xbf{"a":"\xe4"}')
    assert found == EncodingDefect(Encoding.UNKNOWN, True, 9, '{"a":"\ufffd"}', frozenset({Fetcher.V2}))


def test_outside_a_string_no_generation_accepts_a_byte_that_is_not_utf_8() -> None:
    found = decode(b'{"a":1}\xe4')
    assert isinstance(found, EncodingDefect)
    assert (found.offset, found.accepted_by) == (7, frozenset())


# JSON


@pytest.mark.parametrize(
    ("text", "kind", "line", "column"),
    [
        ("", K.EMPTY, 1, 1),
        (" \n\t ", K.EMPTY, 1, 1),
        ("\ufeff{}", K.BYTE_ORDER_MARK, 1, 1),
        ('// why\n{"a": 1}', K.COMMENT, 1, 1),
        ('{\n  // why\n  "a": 1}', K.COMMENT, 2, 3),
        ('{"a": 1, /* why */ "b": 2}', K.COMMENT, 1, 10),
        ('{"a": 1 /* why */}', K.COMMENT, 1, 9),
        ('{"a": 1}\n// why', K.COMMENT, 2, 1),
        ('{"a": 1,\n}', K.TRAILING_COMMA, 1, 8),
        ("[1, 2,]", K.TRAILING_COMMA, 1, 6),
        ('{"a": 1\n "b": 2}', K.MISSING_COMMA, 2, 2),
        ("{'a': 1}", K.SINGLE_QUOTES, 1, 2),
        ("{“a”: 1}", K.TYPOGRAPHIC_QUOTES, 1, 2),
        ('{"a": None}', K.PYTHON, 1, 7),
        ('{"a": True}', K.PYTHON, 1, 7),
        ("{a: 1}", K.UNQUOTED, 1, 2),
        ('{"a": b}', K.UNQUOTED, 1, 7),
        ("a: 1\nb: 2", K.YAML, 1, 1),
        ("---\na: 1", K.YAML, 1, 1),
        ("- a\n- b", K.YAML, 1, 1),
        ("\n<?xml version='1.0'?><Error/>", K.MARKUP, 2, 1),
        ("<!DOCTYPE html>", K.MARKUP, 1, 1),
        ("{", K.TRUNCATED, 1, 2),
        ('{"a": {"b": 1}', K.TRUNCATED, 1, 15),
        ('{"a": "b', K.TRUNCATED, 1, 7),
        ('{"a": "\\u00', K.TRUNCATED, 1, 8),
        ('{"a": 1} b', K.TRAILING_GARBAGE, 1, 10),
        ('{"a": 1}}', K.TRAILING_GARBAGE, 1, 9),
        ('{"a": "CONTOSO\\admin"}', K.ESCAPE, 1, 15),
        ('{"a": "C\\user"}', K.ESCAPE, 1, 9),
        ('{"a": "x\ny"}', K.CONTROL_CHARACTER, 1, 9),
        ('{"a": "NaN", "b": NaN}', K.NOT_A_NUMBER, 1, 19),
        ("[-Infinity]", K.NOT_A_NUMBER, 1, 2),
        ("[" * (DEPTH_LIMIT + 1), K.TOO_DEEP, 1, DEPTH_LIMIT + 1),
        ('{"a" 1}', K.SYNTAX, 1, 6),
        ("[,]", K.SYNTAX, 1, 2),
        ("{,}", K.SYNTAX, 1, 3),
    ],
)
def test_a_defect_has_its_kind_and_position(text: str, kind: K, line: int, column: int) -> None:
    found = defect(text)
    assert (found.kind, found.line, found.column) == (kind, line, column)
    assert found.message


@pytest.mark.parametrize("text", ["{", '{"a":1} x', '{"a":1,}', "// c\n{}", "\ufeff{}"])
def test_1_3_accepts_what_2_refuses(text: str) -> None:
    assert defect(text).accepted_by == {Fetcher.V1_3}


@pytest.mark.parametrize("text", ["", "{'a':1}", "<html>", '{"a":NaN}', '{"a" 1}'])
def test_some_defects_are_accepted_by_no_generation(text: str) -> None:
    assert defect(text).accepted_by == frozenset()


def test_a_defect_does_not_repeat_the_text() -> None:
    for text in ('{"password": "hunter2', '{"password": hunter2}', "hunter2", '{"a": "hunter2\\q"}'):
        assert "hunter2" not in repr(parse(text))


def test_the_repr_of_a_document_does_not_show_it() -> None:
    assert "hunter2" not in repr(parse('{"password": "hunter2"}')) + repr(decode(b"hunter2"))
    assert "hunter2" not in repr(decode(b"hunter2\xff"))


def test_the_last_of_duplicate_keys_wins_and_each_is_named_once() -> None:
    document = parsed('{"a": 1, "a": 2, "b": [{"c": {"d": 1, "d": 2, "d": 3}}], "e": {"a": 1}}')
    assert document.value == {"a": 2, "b": [{"c": {"d": 3}}], "e": {"a": 1}}
    assert document.duplicates == ("a", "b[0].c.d")


def test_deep_and_long_documents_are_read() -> None:
    depth = DEPTH_LIMIT
    assert isinstance(parse("[" * depth + "]" * depth), Document)
    assert isinstance(parse('{"a":' * depth + "1" + "}" * depth), Document)
    assert defect("[" * 200_000).kind is K.TOO_DEEP
    assert defect('{"a":' * 200_000).kind is K.TOO_DEEP
    assert isinstance(parse("1" * 100_000), Document)


def test_brackets_within_strings_do_not_nest() -> None:
    assert parsed('["' + "[" * 1000 + '"]').value == ["[" * 1000]


def test_an_unpaired_surrogate_is_read_as_by_go() -> None:
    assert parsed(r'"\ud800x"').value == "\ufffdx"
    assert parsed(r'"\udc00\ud83d\ude00"').value == "\ufffd\U0001f600"
    assert parsed(r'"\\ud800"').value == r"\ud800"
    assert parsed('"\ud800"').value == "\ufffd"


def test_a_document_can_be_hashed() -> None:
    assert hash(parsed('{"a": 1}')) == hash(parsed('{"a": 1}'))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "null"),
        (True, "a boolean"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a string"),
        ([], "an array"),
        ({}, "an object"),
    ],
)
def test_types_have_their_json_names(value: object, name: str) -> None:
    assert type_name(value) == name


def test_the_nearest_key_differs_only_in_case_or_white_space() -> None:
    assert nearest_key({"DNSname": 1, "x": 2}, "DnsName") == "DNSname"
    assert nearest_key({" DnsName": 1}, "DnsName") == " DnsName"
    assert nearest_key({"DnsName": 1, "Dns": 2}, "DnsName") is None


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(values, st.booleans(), st.sampled_from([None, 2]))
def test_a_value_round_trips(value: Json, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    read = decode(text.encode())
    assert isinstance(read, Text)
    assert parsed(read.text) == Document(value)


near_json = st.lists(
    st.sampled_from([*'{}[]",:\\/*#<\'“ \n\t-10eE.nNtf', "NaN", "Infinity", "null", "True", '"a"', "\\ud800"]),
    max_size=30,
).map("".join)  # fmt: skip


@given(st.text() | near_json | st.text(st.characters()))
def test_any_text_is_a_document_or_a_defect_within_it(text: str) -> None:
    found = parse(text)
    if isinstance(found, JsonDefect):
        assert 1 <= found.line <= text.count("\n") + 1
        assert 1 <= found.column <= len(text) + 1
    else:
        assert json.loads(text) is not NotImplemented


@given(st.binary() | near_json.map(str.encode))
def test_any_bytes_are_a_text_or_a_defect_within_them(body: bytes) -> None:
    found = decode(body)
    if isinstance(found, EncodingDefect):
        assert 0 <= found.offset < len(body)
    else:
        parse(found.text)
