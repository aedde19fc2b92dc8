"""The answers of SQL Server Browser."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.formats.sql_server.sql_browser import BrowserAnswerError, Instance, one_instance, parse
from tests.lab.sql_browser import FakeSqlBrowser


def answer(text: str) -> bytes:
    data = text.encode("cp1252")
    return b"\x05" + len(data).to_bytes(2, "little") + data


PIPE = r"np;\\DB1\pipe\MSSQL$X\sql\query"
SALES = f"ServerName;DB1;InstanceName;SALES;IsClustered;No;Version;16.0.1000.6;tcp;50123;{PIPE};;"
PIPES = f"ServerName;DB1;InstanceName;HR;IsClustered;No;Version;15.0.2000.5;{PIPE};;"


def test_an_instance_has_its_port_and_its_protocols() -> None:
    assert parse(answer(SALES)) == (Instance("DB1", "SALES", ("tcp", "np"), 50123),)
    assert parse(answer(SALES))[0].has_tcp


def test_an_instance_without_tcp_has_no_port() -> None:
    (found,) = parse(answer(PIPES))
    assert (found.port, found.has_tcp) == (None, False)


def test_all_instances_are_in_one_answer() -> None:
    assert [instance.name for instance in parse(answer(SALES + PIPES))] == ["SALES", "HR"]
    assert parse(answer("")) == ()


@pytest.mark.parametrize("name", ["tcp", "np", "TCP"])
def test_an_instance_may_have_the_name_of_a_protocol(name: str) -> None:
    (found,) = parse(answer(SALES.replace("SALES", name, 1)))
    assert (found.name, found.port) == (name, 50123)


@pytest.mark.parametrize("port", ["", "0", "65536", "x", "1433,1434", "²"])
def test_an_invalid_port_differs_from_no_tcp(port: str) -> None:
    (found,) = parse(answer(SALES.replace("50123", port)))
    assert (found.port, found.has_tcp) == (None, True)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "does not start"),
        (b"\x05\0", "does not start"),
        (b"\x04\0\0", "does not start"),
        (b"HTTP/1.0 400", "does not start"),
        (answer(SALES)[:-1], "bytes follow"),
        (answer(SALES) + b"x", "bytes follow"),
        (answer("hello;;"), "an instance in it"),
        (answer("ServerName;DB1;InstanceName;SALES;;"), "an instance in it"),
        (answer("ServerName;DB1;InstanceName;SALES;IsClustered;No;Version"), "an instance in it"),
    ],
)
def test_an_invalid_answer_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(BrowserAnswerError, match=words):
        parse(data)


def test_the_request_ends_with_a_null_byte() -> None:
    assert one_instance("SALES") == b"\x04SALES\0"


@given(st.binary(max_size=300))
def test_any_answer_is_read_or_refused(data: bytes) -> None:
    for content in (data, b"\x05" + len(data).to_bytes(2, "little") + data):
        try:
            found = parse(content)
        except BrowserAnswerError:
            continue
        assert all(each.port is None or 0 < each.port < 65536 for each in found)


@given(st.dictionaries(st.text("abcXYZ019_$#", min_size=1, max_size=16), st.none() | st.integers(1, 65535), max_size=5))
def test_the_answers_of_the_lab_are_read(instances: dict[str, int | None]) -> None:
    listed = FakeSqlBrowser(instances).answer(b"\x03")
    assert {instance.name: instance.port for instance in parse(listed or answer(""))} == instances
