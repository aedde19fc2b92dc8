"""A document through a log that loses, repeats, cuts and mixes up its lines."""

import hashlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gmsa_doctor.probe.envelope import LINE_LIMIT, MARK, Arrived, gather, lines, pack, unpack

RUN = "gmsa-doctor-0123456789"
BIG = bytes(random.Random(7).randbytes(60_000))
"""Does not get smaller by packing: some twelve lines."""


@given(st.binary(max_size=2000), st.randoms())
def test_a_document_arrives_in_any_order_and_with_repeated_lines(body: bytes, chance: random.Random) -> None:
    sent = lines(RUN, body) * 2
    chance.shuffle(sent)
    assert gather(RUN, sent).body == body


def test_a_large_document_arrives_among_other_lines_in_any_order() -> None:
    sent = lines(RUN, BIG)
    assert len(sent) > 5
    random.Random(3).shuffle(sent)
    found = gather(RUN, ["starting", *sent, "ending", *sent[:2]])
    assert found == Arrived(BIG, len(sent))
    assert found.text == "the report is complete"


def test_no_line_is_longer_than_the_limit_of_log_drivers() -> None:
    assert max(len(line.encode()) for line in lines(RUN, BIG)) <= LINE_LIMIT


@pytest.mark.parametrize("lost", [0, 3, -1])
def test_a_lost_line_is_named(lost: int) -> None:
    sent = lines(RUN, BIG)
    total = len(sent)
    del sent[lost]
    found = gather(RUN, sent)
    assert found.body is None
    assert found.missing == (lost % total + 1,)
    assert f"1 of {total} lines" in found.text


@given(st.data())
def test_a_damaged_line_counts_as_lost(data: st.DataObject) -> None:
    sent = lines(RUN, BIG)
    number = data.draw(st.integers(0, len(sent) - 1))
    place = data.draw(st.integers(len(MARK) + 1, len(sent[number]) - 1))
    other = "A" if sent[number][place] != "A" else "B"
    sent[number] = sent[number][:place] + other + sent[number][place + 1 :]
    assert gather(RUN, sent).missing == (number + 1,)


def test_a_split_line_counts_as_lost() -> None:
    sent = lines(RUN, BIG)
    sent[1:2] = [sent[1][:5000], sent[1][5000:]]
    assert gather(RUN, sent).missing == (2,)


def test_lines_of_another_run_are_ignored() -> None:
    assert gather(RUN, lines("gmsa-doctor-9999999999", b"theirs")) == Arrived(None)
    assert gather(RUN, []).text == "no line of the report has arrived"


@given(st.text())
def test_other_text_in_a_log_is_not_a_report(text: str) -> None:
    assert gather(RUN, [text, f"{MARK} {text}", f"{MARK} {RUN} 1/1 {text}"]).body is None


@given(st.text(alphabet="ABCdef0123+/=", max_size=80))
def test_a_text_that_is_not_a_packed_document_is_refused(text: str) -> None:
    try:
        body = unpack(text)
    except ValueError:
        return
    assert unpack(pack(body)) == body


def test_a_document_that_unpacks_to_more_than_the_limit_is_refused() -> None:
    bomb = pack(b"\0" * (17 * 1024 * 1024))
    with pytest.raises(ValueError, match="larger than the limit"):
        unpack(bomb)


def test_a_report_of_many_findings_is_small() -> None:
    document = json.dumps([{"check": f"area.check-{n}", "summary": "all is well"} for n in range(200)]).encode()
    assert len(lines(RUN, document)) == 1


def test_a_line_that_claims_to_be_one_of_too_many_is_ignored() -> None:
    (line,) = lines(RUN, b"a report")
    assert gather(RUN, [line.replace(" 1/1 ", " 1/999999 "), line]).body == b"a report"


def test_a_forged_line_with_a_valid_checksum_makes_no_report() -> None:
    forged = lines(RUN, b"x")[0]
    whole, checksum, part = forged.split(" ")[3:]
    other = "AAAA"
    digest = hashlib.sha256(other.encode()).hexdigest()
    right = hashlib.sha256(f"{digest} 1/1 {other}".encode()).hexdigest()[:16]
    line = forged.replace(whole, digest).replace(checksum, right).replace(part, other)
    assert gather(RUN, [line]) == Arrived(None, 1, (1,))
