"""`--as`: who is asked for a password and where, what is refused, and that nothing is tried twice or shown."""

import os
import pty
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.clients.kerberos.test_client_ad import lockout_threshold
from tests.command import COMMAND, Ended, doctor
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.lab.keytab import keytab
from tests.scenarios.ad_changes import locked
from tests.scenarios.changes import secret
from tests.scenarios.judge import brief, told
from tests.scenarios.lab import Change, Lab

ADMINISTRATOR = accounts.ADMINISTRATOR


def without_terminal(*options: str, env: dict[str, str]) -> Ended:
    """Run the command in a session of its own, which has no terminal."""
    process = subprocess.run(
        [COMMAND, "check", "--service", "web", *options],
        env=env,
        input=b"a password\n",
        capture_output=True,
        start_new_session=True,
        timeout=60,
    )
    return Ended(process.returncode, process.stdout.decode(), process.stderr.decode())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--as", "admin"], "there is no terminal: give --as-keytab"),
        (["--as", "CORP\\admin"], "give the sAMAccountName only"),
        (["--as", "admin@corp.example"], "give the sAMAccountName only"),
        (["--as", "admin", "--live", "never"], "--as has no effect with --live never"),
        (["--as-keytab", "/dev/null"], "--as-keytab has no effect without --as"),
        (["--as", "admin", "--as-keytab", "/dev/null"], "not a keytab"),
        (["--as", "admin", "--as-keytab", "/no/such/file"], "No such file or directory"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is(options: list[str], says: str, aws: EmbeddedAws) -> None:
    ended = without_terminal(*options, env=aws.environ())
    assert ended.code == 2
    assert says in ended.err
    assert "Traceback" not in ended.err
    assert aws.calls == []


def checked(dc: DomainController, aws: EmbeddedAws, change: Change, *options: str, typed: str | None = None) -> Ended:
    """Check the changed environment; with `typed` at a terminal, where that is entered."""
    with ExitStack() as stack:
        environment = healthy(dc)
        change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        command = [*environment.command, "--format", "json", *options]
        env = aws.environ(environment.region)
        if typed is None:
            return doctor(*command, env=env)
        terminal, theirs = pty.openpty()
        stack.callback(os.close, terminal)
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", COMMAND, *command],
            env=env,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        os.close(theirs)
        prompt = b""
        while b"Password of" not in prompt:
            prompt += os.read(terminal, 1000)
        os.write(terminal, f"{typed}\n".encode())
        out, err = process.communicate(timeout=90)
    return Ended(process.returncode, out.decode(), err.decode())


def test_a_password_typed_at_the_terminal_tells_why_the_user_is_refused(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = checked(dc, aws, locked(accounts.READER), "--as", ADMINISTRATOR, typed=accounts.ADMINISTRATOR_PASSWORD)
    assert ended.roots == ["kerberos.user-ticket"], brief(ended)
    assert "Administrator@CORP.EXAMPLE sees: lockoutTime 20" in told(ended.finding("kerberos.user-ticket"))
    assert ended.statuses()["user.entry"] == "pass"
    assert accounts.ADMINISTRATOR_PASSWORD not in ended.out + ended.err


def test_a_wrong_password_of_the_administrator_is_an_open_question_and_tried_once(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    ad.reset_bad_password_count(dc, accounts.OUTSIDER)
    ended = checked(dc, aws, locked(accounts.READER), "--as", accounts.OUTSIDER, typed="not-the-password")
    assert ad.bad_password_count(dc, accounts.OUTSIDER) == 1
    ad.reset_bad_password_count(dc, accounts.OUTSIDER)
    finding = ended.finding("user.administrator")
    assert (finding["status"], finding["root"]) == ("unknown", True)
    assert "Preauthentication failed" in finding["summary"]
    assert ended.roots == ["kerberos.user-ticket"]
    assert "not-the-password" not in ended.out + ended.err


def test_a_keytab_of_another_account_is_an_open_question(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "keytab"
    file.write_bytes(keytab("somebody", dc.realm, "some password"))
    ended = checked(dc, aws, lambda *_: None, "--as", ADMINISTRATOR, "--as-keytab", str(file))
    assert ended.statuses()["user.administrator"] == "unknown"
    assert ended.statuses()["kerberos.gmsa-ticket"] == "pass"
    assert (ended.document["verdict"], ended.code) == ("incomplete", 3)


def test_the_secrets_own_user_is_not_asked_as_an_administrator(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "keytab"
    file.write_bytes(keytab(accounts.READER, dc.realm, accounts.PASSWORD))
    ad.reset_bad_password_count(dc, accounts.READER)
    ended = checked(
        dc, aws, secret(password="not-the-password"), "--as", accounts.READER.upper(), "--as-keytab", str(file)
    )
    assert ended.statuses()["user.administrator"] == "skipped"
    assert ad.bad_password_count(dc, accounts.READER) == 1
    ad.reset_bad_password_count(dc, accounts.READER)


def test_before_a_logon_that_would_lock_the_user_the_count_of_failed_ones_is_read(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "keytab"
    file.write_bytes(keytab(ADMINISTRATOR, dc.realm, accounts.ADMINISTRATOR_PASSWORD))
    ad.reset_bad_password_count(dc, accounts.READER)
    wrong = secret(password="not-the-password")
    with lockout_threshold(dc, 2):
        first = checked(dc, aws, wrong, "--as", ADMINISTRATOR, "--as-keytab", str(file))
        second = checked(dc, aws, wrong, "--as", ADMINISTRATOR, "--as-keytab", str(file))
        assert ad.bad_password_count(dc, accounts.READER) == 1
    ad.reset_bad_password_count(dc, accounts.READER)
    assert first.finding("kerberos.user-ticket")["status"] == "fail"
    assert second.finding("kerberos.user-ticket")["status"] == "unknown"
    assert "badPwdCount of gmsa-reader is 1 of 2" in second.finding("kerberos.user-ticket")["summary"]


def test_without_it_no_report_speaks_of_it(dc: DomainController, aws: EmbeddedAws) -> None:
    ended = checked(dc, aws, lambda *_: None, "--require", "user")
    assert "user.administrator" not in ended.statuses()
    assert ended.code == 0
