from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmsa_doctor.formats.documents import json_stream
from gmsa_doctor.formats.documents.json_stream import Wanted, read_parts
from gmsa_doctor.formats.documents.located import Located, LocatedError, Path, Position, read_json

ALL = Wanted(lambda _path: True, lambda _path, _value: True, lambda _path: 9)
NAMES = Wanted(lambda path: path in ((), ("list",)), lambda path, _value: path[-1:] == ("name",), lambda _path: 0)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def chunks(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def refused(text: str, size: int, wanted: Wanted = ALL) -> LocatedError:
    with pytest.raises(LocatedError) as caught:
        read_parts(chunks(text, size), wanted)
    return caught.value


@settings(max_examples=50)
@given(VALUES, st.integers(1, 40), st.sampled_from([None, 1]), st.booleans())
def test_all_parts_are_the_document(value: object, size: int, indent: int | None, ascii: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii)
    assert read_parts(chunks(text, size), ALL) == read_json(text)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_only_the_wanted_parts_are_kept_with_their_positions(size: int) -> None:
    text = '{"other": [1, {"name": 2}],\n "list": [\n  {"name": 3},\n  4], "name": "x"}'
    assert read_parts(chunks(text, size), NAMES) == Located(
        {"other": None, "list": [None, None], "name": "x"},
        {(): Position(1, 1), ("other",): Position(1, 2), ("list",): Position(2, 2), ("name",): Position(4, 7)},
    )


@pytest.mark.parametrize(
    "text",
    [
        *('{"a": 1,}', '{"a": [1,]}', '{"a": 1} x', '{"a" 1}', '{"a": 1 "b": 2}', "{a: 1}", '{"a": tru}', "{'a': 1}"),
        *('{"a": "x\ny"}', '{"a": "C:\\Users"}', '{"a": 1, "a": 2}', '{"a": {"b": 1, "b": 2}}', '{"a":\n [1, 2', "{"),
        *('{"a": NaN}', '{"a": "x', '{"a": // x\n 1}', '{"a": 1 // x\n}', '{"a": None}', '{"a": “x”}'),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_a_defect_is_reported_as_for_a_short_document(text: str, size: int) -> None:
    with pytest.raises(LocatedError) as short:
        read_json(text)
    found = refused(text, size)
    assert (found.reason, found.position) == (short.value.reason, short.value.position)


@pytest.mark.parametrize(
    "long",
    [json.dumps("\\" * 500 + '"' * 500), json.dumps([{"a": [1, "]"]}] * 200), json.dumps({"k": {"x" * 30: "y" * 800}})],
)
@pytest.mark.parametrize("size", [1, 64])
def test_a_value_that_is_too_long_to_be_held_is_passed_over(
    long: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "PART_LIMIT", 100)
    text = f'{{"other": {long},\n "list": [{long}, 5],\n "name": "x"}}'
    found = read_parts(chunks(text, size), NAMES)
    assert found.value == {"other": None, "list": [None, None], "name": "x"}
    assert found.at(("name",)) == Position(3, 2)
    assert refused(text[: len(long)], size, NAMES).reason == "the document ends before its value is complete"


@pytest.mark.parametrize("wanted", [ALL, NAMES])
def test_a_deep_document_is_refused(wanted: Wanted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "PART_LIMIT", 100)
    assert "nested deeper than" in refused('{"a": ' + "[" * 100_000, 1000, wanted).reason


def test_a_position_in_a_part_is_moved_by_where_the_part_begins() -> None:
    path: Path = ("list", 1, "name")
    keeps = Wanted(lambda path: path in ((), ("list",)), lambda path, _value: path[:1] == ("list",), lambda _path: 1)
    located = read_parts(iter(['{"list": [1, {"id": 2,\n "name"', ": [3]}]}"]), keeps)
    assert located.at(path) == Position(2, 2)
    assert (*path, 0) not in located.positions
