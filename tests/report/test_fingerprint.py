"""A finding is the same one in two reports, whatever its words and lines."""

from dataclasses import replace

from gmsa_doctor.core.model import Location
from gmsa_doctor.report.fingerprint import file_and_line, fingerprint, placeholder
from tests.report.samples import NO_PREFIX, WRONG_PASSWORD


def test_lines_and_words_do_not_change_it() -> None:
    moved = replace(NO_PREFIX, summary="said otherwise", location=Location("./deploy/web.yaml", 99, 1), duration_ms=7)
    assert fingerprint("web/app", moved) == fingerprint("web/app", NO_PREFIX)


def test_another_subject_check_or_file_does() -> None:
    others = (
        fingerprint("web/app", NO_PREFIX),
        fingerprint("web/proxy", NO_PREFIX),
        fingerprint("web/app", replace(NO_PREFIX, check="credspec.size")),
        fingerprint("web/app", replace(NO_PREFIX, location=Location("deploy/other.yaml", 14, 11))),
        fingerprint("web/app", replace(NO_PREFIX, location=None)),
    )
    assert len(set(others)) == len(others)


def test_it_is_never_another_one_for_the_same() -> None:
    """Systems keep it: another value would open everything anew."""
    assert fingerprint("prod/web/app", WRONG_PASSWORD) == "0fafcd170d0a78ed040e051f64ce0981"


def test_a_live_subject_has_a_placeholder_that_does_not_lead_out_of_the_repository() -> None:
    assert file_and_line("prod/web/app", WRONG_PASSWORD) == (".gmsa-doctor/prod/web/app", 1)
    assert placeholder("../../etc/./x//y") == ".gmsa-doctor/_/_/etc/_/x/_/y"


def test_a_file_without_a_line_is_told_at_its_first() -> None:
    assert file_and_line("web/app", replace(NO_PREFIX, location=Location("./deploy/x/../web.yaml"))) == (
        "deploy/web.yaml",
        1,
    )
