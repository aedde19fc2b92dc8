"""Processes that log on as the same account: one after the other, and none after a failed logon."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gmsa_doctor.clients.aws.fleet import RunBucket
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.clients.kerberos.client import Kdc, Ticket
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.kerberos.ledger import AlreadyFailed, Counted, Ledger
from gmsa_doctor.clients.run_files import BucketPrefix, Folder, RunFiles
from gmsa_doctor.clients.run_logons import RunLogons
from gmsa_doctor.core.errors import ClientError, Refused
from gmsa_doctor.core.hidden import Hidden
from tests.lab.aws import EmbeddedAws

REALM = "CORP.EXAMPLE"
KDC = Kdc("192.0.2.1")
PASSWORD = Hidden(b"Secr3t-canary")
WRONG = Counted(KdcRefusal(KdcReason.WRONG_PASSWORD, 24, "wrong"))


def process(files: RunFiles, name: str, pause: Callable[[], None] = lambda: None) -> Ledger:
    return Ledger(RunLogons(files, name, pause))


def log_on(ledger: Ledger, logon: Callable[[], Ticket], account: str = "Reader") -> Ticket:
    return ledger.page(account, REALM).once(PASSWORD, KDC, logon)


def works() -> Ticket:
    return Ticket(f"reader@{REALM}", 1, None)


def fails() -> Ticket:
    raise WRONG


def never() -> Ticket:
    raise AssertionError("a logon")


@pytest.fixture(params=["directory", "bucket"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> RunFiles:
    """Give the files of a run, which a directory or a bucket has."""
    if request.param == "directory":
        return Folder(tmp_path)
    aws: EmbeddedAws = request.getfixturevalue("aws")
    request.getfixturevalue("monkeypatch").setattr("os.environ", aws.environ())
    aws.client("s3").create_bucket(Bucket="fleet-runs")
    return BucketPrefix(RunBucket(Aws(None, "us-east-1")), "fleet-runs", "nightly/r1/")


def test_after_a_failed_logon_no_process_logs_on_as_the_account(files: RunFiles) -> None:
    with pytest.raises(KdcRefusal):
        log_on(process(files, "111111111111 eu-west-1"), fails)
    with pytest.raises(AlreadyFailed, match=r"one failed in this run \(111111111111 eu-west-1\)"):
        log_on(process(files, "222222222222 eu-west-1"), never, "READER")
    assert log_on(process(files, "222222222222 eu-west-1"), works, "other").lifetime == 1
    assert not [name for name in files.names() if "reader" in name.casefold()]


def test_after_a_logon_that_worked_or_did_not_count_the_others_log_on_too(files: RunFiles) -> None:
    def refused() -> Ticket:
        raise Refused("KDC")

    with pytest.raises(Refused):
        log_on(process(files, "a"), refused)
    assert log_on(process(files, "b"), works).lifetime == 1
    with pytest.raises(KdcRefusal):
        log_on(process(files, "c"), fails)
    with pytest.raises(AlreadyFailed):
        log_on(process(files, "d"), never)


def test_another_process_waits_until_a_logon_has_ended(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    end = RunLogons(files, "a").take("reader", REALM)
    waited: list[str] = []

    def pause() -> None:
        waited.append("b")
        end(True)

    with pytest.raises(AlreadyFailed):
        log_on(process(files, "b", pause), never)
    assert waited == ["b"]


def test_a_logon_whose_end_is_not_known_may_have_failed(tmp_path: Path) -> None:
    RunLogons(Folder(tmp_path), "a").take("reader", REALM)
    with pytest.raises(AlreadyFailed, match="has not ended"):
        log_on(process(Folder(tmp_path), "b"), never)


def test_without_the_files_of_the_run_there_is_no_logon(tmp_path: Path) -> None:
    (tmp_path / "logons").write_text("")
    with pytest.raises(ClientError, match="cannot be noted"):
        log_on(process(Folder(tmp_path), "a"), never)
