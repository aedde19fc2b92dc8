"""Pasted text and files as lines, and what is hidden of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.symptoms.reading import lines_of, redacted


def test_the_strings_of_json_are_its_lines() -> None:
    assert lines_of('{"tasks": [{"stoppedReason": "a\\nb", "n": 1, "containers": [{"reason": "c"}]}]}') == [
        "a",
        "b",
        "c",
    ]


def test_events_are_read_oldest_first() -> None:
    events = [{"createdAt": "2026-02-02", "message": "second"}, {"createdAt": "2026-02-01", "message": "first"}]
    assert [line for line in lines_of(json.dumps({"events": events})) if line.isalpha()] == ["first", "second"]


@pytest.mark.parametrize("key", ["log", "MESSAGE", "message"])
def test_each_line_may_be_json(key: str) -> None:
    assert lines_of(json.dumps({key: "one\n"}) + "\nplain\n" + json.dumps({key: "two"})) == ["one", "plain", "two"]


def test_broken_json_is_text() -> None:
    assert lines_of('{"stoppedReason": "x') == ['{"stoppedReason": "x']


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("Server=db;Password=hunter2;User Id=x", "Server=db;Password=<hidden>;User Id=x"),
        ("pwd='a b;c' x", "pwd=<hidden> x"),
        ('{"password": "hunter2", "username": "svc"}', '{"password": <hidden>, "username": "svc"}'),
        ("PWD={p;w}}x};", "PWD=<hidden>;"),
        ("Password=correct horse;x", "Password=<hidden>;x"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY x", "key <hidden> x"),
        ("task/prod/1f0c9a8d7e6f5a4b3c2d1e0f9a8b7c6d stopped", "task/prod/1f0c9a8d7e6f5a4b3c2d1e0f9a8b7c6d stopped"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "AWS_SECRET_ACCESS_KEY=<hidden>"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key <hidden> used"),
        ("Authorization: Bearer abcdefgh.1234", "Authorization: Bearer <hidden>"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic <hidden>"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_DEF-1", "jwt <hidden>"),
        ("https://user:hunter2@example.com/x", "https://user:<hidden>@example.com/x"),
        ("GET /x?X-Amz-Signature=abc123&y=1", "GET /x?X-Amz-Signature=<hidden>&y=1"),
        ("exec: run --db-password hunter2 --port 1", "exec: run --db-password <hidden> --port 1"),
        ('["run", "--token", "hunter2", "x"]', '["run", "--token", "<hidden>", "x"]'),
        ("sqlcmd -S db -U sa -P hunter2 -Q x", "sqlcmd -S db -U sa -P <hidden> -Q x"),
        ("the option --password is missing", "the option --password <hidden> missing"),
        ("Password for svc@CORP: ", "Password for svc@CORP: "),
        ("kinit: Password incorrect while getting", "kinit: Password incorrect while getting"),
    ],
)
def test_secrets_are_hidden(line: str, shown: str) -> None:
    assert redacted(line) == shown


@given(st.text(max_size=200))
def test_whatever_the_line_it_is_redacted(line: str) -> None:
    redacted(line)
