from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.lenient_json import read_by_1_3


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ["b // c", "d,]"]}',
        '// why\n{"a": [/* why */ "b // c", "d,]",]} // why',
        '{"a": ["b // c", "d,]"],}',
        '{"a": ["b // c", "d,]"]} more {',
        '{"a": ["b // c", "d,]"',
        '{"a": ["b // c", "d,]",',
        '\ufeff{"a": ["b // c", "d,]"]}',
    ],
)
def test_1_3_passes_over_these_defects(text: str) -> None:
    assert read_by_1_3(text) == {"a": ["b // c", "d,]"]}


@pytest.mark.parametrize("text", ["", "hello", "{'a': 1}", '{"a" 1}', '{"a": "b', "/* why"])
def test_of_other_defects_nothing_is_known(text: str) -> None:
    assert read_by_1_3(text) is None


@given(st.text(st.sampled_from('{}[]",/*:a\\1\n ')))
def test_any_text_is_read_without_an_error(text: str) -> None:
    read_by_1_3(text)
