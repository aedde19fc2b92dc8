"""The status of a defect that only one generation of Credentials Fetcher rejects."""

import pytest

from gmsa_doctor.core.model import ShowsAs, Status, failed
from gmsa_doctor.formats.fetcher import Fetcher
from gmsa_doctor.given.subject import Launch, Platform
from gmsa_doctor_checks.versions import judge_by_version

OLD, NEW = frozenset({Fetcher.V1_3}), frozenset({Fetcher.V2})
FARGATE = Platform(Launch.FARGATE)
EC2 = Platform(Launch.EC2)


@pytest.mark.parametrize(
    ("platform", "stumbles", "status"),
    [
        (FARGATE, NEW, Status.FAIL),
        (FARGATE, OLD | NEW, Status.FAIL),
        (FARGATE, OLD, Status.WARN),
        (EC2, OLD | NEW, Status.FAIL),
        (EC2, NEW, Status.WARN),
        (EC2, OLD, Status.WARN),
        (Platform(Launch.EC2, fetcher=Fetcher.V1_3), OLD, Status.FAIL),
        (Platform(Launch.EC2, fetcher=Fetcher.V1_3), NEW, Status.WARN),
        (Platform(Launch.EC2, fetcher=Fetcher.V2), NEW, Status.FAIL),
        (Platform(None), NEW, Status.WARN),
        (Platform(None), OLD | NEW, Status.FAIL),
        (Platform(Launch.FARGATE, fetcher=Fetcher.V1_3), OLD, Status.WARN),
    ],
)
def test_it_fails_if_every_generation_that_may_run_there_rejects_it(
    platform: Platform, stumbles: frozenset[Fetcher], status: Status
) -> None:
    assert judge_by_version(failed("bad"), stumbles, platform).status is status


def test_a_warning_names_the_generation_that_rejects_and_the_one_that_accepts() -> None:
    finding = judge_by_version(failed("the JSON has a comment"), NEW, EC2)
    assert "2.x rejects" in finding.summary
    assert "1.3 accepts" in finding.summary


def test_only_the_texts_of_the_generations_that_reject_are_shown() -> None:
    finding = judge_by_version(failed("bad", shows_as=ShowsAs("new text", "old text")), OLD, FARGATE)
    assert finding.shows_as is not None
    assert (finding.shows_as.v2, finding.shows_as.v1_3) == (None, "old text")
