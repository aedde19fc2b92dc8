from __future__ import annotations

import pytest

from gmsa_doctor.formats.documents.located import Open, Placeholder
from gmsa_doctor.formats.documents.placeholders import filled, marked, placeholder_in


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        ("arn:aws:s3:::${Bucket}/x", "${Bucket}"), ("arn:aws:s3:::$BUCKET/x", "$BUCKET"), ("<bucket>/x", "<bucket>"),
        ("{{ bucket }}/x", "{{ bucket }}"), ("{{.Bucket}}", "{{.Bucket}}"), ("#{Bucket}", "#{Bucket}"),
        ("%BUCKET%/x", "%BUCKET%"), ("__BUCKET__", "__BUCKET__"), ("@@bucket@@", "@@bucket@@"),
        ("REPLACE_ME", "REPLACE_ME"), ("arn:aws:s3:::$(bucket)/x", "$(bucket)"), ("CHANGEME.json", "CHANGEME"),
        (Open("${Bucket}/<key>"), "<key>"), (Placeholder("${Bucket}"), "${Bucket}"),
    ],
)  # fmt: skip
def test_a_placeholder_is_found(text: str, placeholder: str) -> None:
    assert placeholder_in(text) == placeholder


@pytest.mark.parametrize(
    "text",
    ["", "arn:aws:s3:::b-1/a b.json", "webapp01$", "FILE:/tmp/krb5cc_%{uid}", "a<b", "50%20off", "exchange_meeting",
     Open("${Bucket}/x"), "a__b__c"],
)  # fmt: skip
def test_other_texts_have_none(text: str) -> None:
    assert placeholder_in(text) is None


def test_plain_data_is_marked_and_values_of_the_deployment_stay_open() -> None:
    known = Open("${Bucket.Arn}")
    found = marked({"a": ["<x>", "y", 1, None], "b": known})
    assert found == {"a": ["<x>", "y", 1, None], "b": "${Bucket.Arn}"}
    assert isinstance(found, dict)
    assert isinstance(found["a"][0], Placeholder)
    assert type(found["a"][1]) is str
    assert found["b"] is known


def test_the_known_parts_can_be_checked() -> None:
    assert filled("arn:aws:s3:::${B}/<key>.json") == "arn:aws:s3:::variable/variable.json"
