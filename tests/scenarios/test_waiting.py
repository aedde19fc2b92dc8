"""`check --wait`: looks again while what is wrong may pass, and never spends a second failed logon on one secret."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command import Ended, quick_command
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Environment, healthy
from tests.scenarios import changes
from tests.scenarios.judge import brief
from tests.scenarios.lab import Change
from tests.scenarios.test_promises import made

LIMIT = 60


@contextmanager
def waiting(environment: Environment, aws: EmbeddedAws, seconds: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [quick_command(), *environment.command, "--format", "json", "--wait", str(seconds)]
    process = subprocess.Popen(command, env=aws.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def interrupted_while_it_waits(process: subprocess.Popen[bytes]) -> Ended:
    """Let it look some times more, and end it while it waits: then the last look stands."""
    for _ in range(3):
        assert "next attempt in" in until_it_waits(process)
    process.send_signal(signal.SIGINT)
    return end_of(process)


def end_of(process: subprocess.Popen[bytes]) -> Ended:
    out, err = process.communicate(timeout=LIMIT)
    return Ended(process.returncode, out.decode(), err.decode())


def until_it_waits(process: subprocess.Popen[bytes]) -> str:
    """Until it says so on standard error; what it waits for."""
    assert process.stderr is not None
    return process.stderr.readline().decode()


def rotated(aws: EmbeddedAws, environment: Environment, password: str) -> None:
    """Give the secret another password, as a rotation does."""
    assert isinstance(environment.secret, dict)
    secret = json.dumps({**environment.secret, "password": password})
    aws.client("secretsmanager").put_secret_value(SecretId=environment.secret_name, SecretString=secret)


def test_a_secret_that_is_rotated_meanwhile_passes(dc: DomainController, aws: EmbeddedAws) -> None:
    ad.reset_bad_password_count(dc, accounts.READER)
    wrong = changes.secret(password="not-the-password")
    with made(dc, aws, wrong) as environment, waiting(environment, aws, 3600) as process:
        assert "kerberos.user-ticket: next attempt in" in until_it_waits(process)
        rotated(aws, environment, accounts.PASSWORDS[accounts.READER])
        ended = end_of(process)
    assert ended.document["verdict"] == "pass", brief(ended)
    ad.reset_bad_password_count(dc, accounts.READER)


def test_a_password_that_stays_wrong_is_tried_once(dc: DomainController, aws: EmbeddedAws) -> None:
    ad.reset_bad_password_count(dc, accounts.READER)
    wrong = changes.secret(password="not-the-password")
    with made(dc, aws, wrong) as environment, waiting(environment, aws, 3600) as process:
        ended = interrupted_while_it_waits(process)
    assert ended.roots == ["kerberos.user-ticket"], brief(ended)
    assert ad.bad_password_count(dc, accounts.READER) == 1


def test_another_wrong_password_is_tried_once_more(dc: DomainController, aws: EmbeddedAws) -> None:
    ad.reset_bad_password_count(dc, accounts.READER)
    wrong = changes.secret(password="not-the-password")
    with made(dc, aws, wrong) as environment, waiting(environment, aws, 3600) as process:
        until_it_waits(process)
        rotated(aws, environment, "not-this-one-either")
        ended = interrupted_while_it_waits(process)
    assert ended.roots == ["kerberos.user-ticket"], brief(ended)
    assert ad.bad_password_count(dc, accounts.READER) == 2
    ad.reset_bad_password_count(dc, accounts.READER)


def test_credentials_that_expire_while_it_waits_end_it_with_a_whole_report(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    wrong = changes.secret(password="not-the-password")
    with made(dc, aws, wrong) as environment, waiting(environment, aws, 3600) as process:
        until_it_waits(process)
        aws.expire()
        ended = end_of(process)
    assert (ended.code, ended.document["verdict"], ended.roots) == (3, "incomplete", ["kerberos.user-ticket"])
    finding = ended.finding("kerberos.user-ticket")
    assert (finding["status"], "ExpiredToken" in finding["summary"]) == ("unknown", True)
    assert "the next attempt is not possible: AWS rejects the credentials" in ended.err
    ad.reset_bad_password_count(dc, accounts.READER)


def test_a_gmsa_that_is_permitted_meanwhile_passes_with_a_new_ticket(dc: DomainController, aws: EmbeddedAws) -> None:
    """The user is put into the group: that counts in a new ticket only."""
    group, _ = ad.read(dc, accounts.PRINCIPALS)
    user, _ = ad.read(dc, accounts.OUTSIDER)
    with made(dc, aws, changes.user(accounts.OUTSIDER)) as environment, waiting(environment, aws, 3600) as process:
        assert "directory.managed-password: next attempt in" in until_it_waits(process)
        with ad.administrator(dc) as connection:
            connection.extend.microsoft.add_members_to_groups(user, group)
            try:
                ended = end_of(process)
            finally:
                connection.extend.microsoft.remove_members_from_groups(user, group)
    assert ended.document["verdict"] == "pass", brief(ended)


def test_what_does_not_pass_by_itself_is_not_waited_for(dc: DomainController, aws: EmbeddedAws) -> None:
    wrong: Change = changes.entry("CredentialSpec:arn:aws:s3:::a/b.json")
    with made(dc, aws, wrong) as environment, waiting(environment, aws, 3600) as process:
        ended = end_of(process)
    assert ended.roots == ["task-definition.prefix"]
    assert "next attempt" not in ended.err


def test_a_service_that_is_well_is_not_waited_for(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    create(environment, aws)
    with waiting(environment, aws, 3600) as process:
        ended = end_of(process)
    assert (ended.code, "next attempt" in ended.err) == (0, False)


def test_what_is_waived_is_not_waited_for(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    config = tmp_path / "gmsa-doctor.toml"
    config.write_text(
        '[[waivers]]\ncheck = "kerberos.user-ticket"\nsubject = "*"\nreason = "known"\nexpires = 2099-12-31\n'
    )
    with made(dc, aws, changes.secret(password="not-the-password")) as environment:
        environment.arguments += ["--config", str(config)]
        with waiting(environment, aws, 3600) as process:
            ended = end_of(process)
    assert (ended.code, "next attempt" in ended.err) == (3, False), brief(ended)
    ad.reset_bad_password_count(dc, accounts.READER)
