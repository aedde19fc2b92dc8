"""The real command: one clear message for what is wrong, exit codes, and what goes to which stream."""

import hashlib
import json
import os
import pty
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import pytest

from gmsa_doctor import __version__
from tests.command import COMMAND, Ended, a_task_definition, doctor, environ, file_with, quick_command
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.dns_server import Mode, fake_dns
from tests.lab.environment import healthy
from tests.lab.loopback import fresh_address

NO_DC = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))
"""Stands in healthy environments whose live flow is not run."""
OFFLINE = ("--live", "never")
FINE = a_task_definition()
BROKEN = a_task_definition(container={"credentialSpecs": []})
ODD = a_task_definition(container={"credentialSpecs": ["credentialspecdomainless:arn:aws:s3:::käse/\ud800 k.json"]})


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """No AWS configuration at all, and an empty HOME."""
    home = tmp_path / "home"
    home.mkdir()
    return environ(home)


@pytest.fixture
def on_aws(aws: EmbeddedAws, env: dict[str, str]) -> dict[str, str]:
    """An environment that leads to the embedded AWS."""
    return {**env, **aws.variables()}


def check_file(directory: Path, content: object, *arguments: str, env: dict[str, str]) -> Ended:
    return doctor("check", "--task-definition-file", file_with(directory, content), *OFFLINE, *arguments, env=env)


def assert_one_message(ended: Ended, *words: str) -> None:
    """Exit code 2, nothing on stdout, and one message on stderr that holds these words."""
    assert ended.code == 2, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    lines = ended.err.splitlines()
    if not ended.err.startswith("Usage: "):  # typer's own messages have three lines
        assert len(lines) == 1, ended.err
        assert lines[0].startswith("gmsa-doctor: ")
    for word in words:
        assert word in ended.err


# Bad arguments --------------------------------------------------------------------------------------


def test_without_arguments_it_shows_its_commands(env: dict[str, str]) -> None:
    ended = doctor(env=env)
    assert ended.code == 2
    shown = ended.out + ended.err
    assert all(command in shown for command in ("check", "list", "explain", "schema"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["--service", "--task-definition", "FILES", "inside an ECS task"]),
        (["--cluster", "c"], ["no AWS region"]),
        (["--cluster", "c", "--all-clusters"], ["--cluster has no effect with --all-clusters"]),
        (["--all-clusters", "--task-definition", "t"], ["given: --task-definition and --all-clusters"]),
        (["--all-clusters", "--service", "arn:aws:ecs:us-east-1:123456789012:service/c/s"], ["ARN", "--all-clusters"]),
        (["--cluster", "c", "--subnets", "subnet-1"], ["--subnets has no effect with several services"]),
        (["--cluster", "c", "--watch", "9"], ["--watch has no effect with several services", "--service"]),
        (["--service", "a*", "--compare-with", "f"], ["--compare-with has no effect with several services"]),
        (["--service", "a", "--service", "b", "--task", "t"], ["given: --service and --task"]),
        (["--cluster", "c", "--launch-type", "EC2"], ["--launch-type has no effect"]),
        (["--service", "s", "--task-definition", "t"], ["given: --service and --task-definition"]),
        (["--task-definition", "t", "--task-definition-file", "f"], ["--task-definition and FILES"]),
        (["--task-definition", "t", "--fetcher", "3"], ["--fetcher", "1.3", "2"]),
        (["--task-definition", "t", "--live", "sometimes"], ["--live", "auto", "always", "never"]),
        (["--task-definition", "t", "--format", "xml"], ["--format", "text", "json"]),
        (["--task-definition", "t", "--no-such-option"], ["--no-such-option", "gmsa-doctor check -h"]),
        (["--task-definition", "t", "--timeout", "0"], ["--timeout"]),
        (["--task-definition", "t", "--timeout", "soon"], ["--timeout"]),
        (["--task-definition", "t", "--timeout", "inf"], ["--timeout"]),
        (["--task-definition", "t", "--timeout", "nan"], ["--timeout"]),
        (["--task-definition", "t", "--dns-server", "dc1.corp.example"], ["--dns-server", "IP address"]),
        (["--task-definition", "t", "--dns-server", "10.0.0.2:53"], ["--dns-server 10.0.0.2:53", "without a port"]),
        (["--task-definition", "t", "--dns-server", "10.0.0.2,bad"], ["--dns-server bad"]),
        (["--task-definition", "t", "--ad-dns", "300.0.0.1"], ["--ad-dns 300.0.0.1", "IP address"]),
        (["--task-definition", "t", "--spn", "db.corp.example"], ["--spn", "MSSQLSvc/db.corp.example:1433"]),
        (["--task-definition", "t", "--spn", "a/b@CORP.EXAMPLE"], ["--spn a/b@CORP.EXAMPLE"]),
        (["--task-definition", "t", "--spn", "a/b", "--live", "never"], ["--spn", "--live never"]),
        (["--task-definition", "t", "--only", "no.such"], ["'no.such'", "gmsa-doctor list"]),
        (["--task-definition", "t", "--skip", "Credspec"], ["'Credspec'", "Did you mean credspec", "gmsa-doctor list"]),
        (["--task-definition", "t", "--require", "credspec.objects"], ["Did you mean credspec.object"]),
        (["--task-definition", "t", "--only", "credspec", "--skip", "credspec"], ["no check", "--only", "--skip"]),
        (["--task-definition", "t", "--output", "missing/r.txt"], ["missing/r.txt", "missing is not a writable"]),
        (["--task-definition", "arn:aws:s3:::bucket/key"], ["--task-definition", "task-definition/FAMILY:REVISION"]),
        (["--task-definition", "arn:aws:ecs:us-east-1:123456789012:service/c/s"], ["task-definition/FAMILY:REVISION"]),
        (["--service", "arn:aws:ecs:us-east-1:123456789012:cluster/c"], ["--service", "service/CLUSTER/SERVICE"]),
        (["--service", "s", "--cluster", "arn:aws:eks:us-east-1:123456789012:cluster/c"], ["--cluster"]),
        (
            ["--task-definition", "arn:aws:ecs:us-east-1:123456789012:task-definition/f:1", "--region", "eu-west-1"],
            ["us-east-1", "--region eu-west-1"],
        ),
        (["--service", "s"], ["no AWS region", "--region", "AWS_REGION"]),
        (["--service", "s", "--region", "us-east-1"], ["no AWS credentials", "AWS_PROFILE", "--offline"]),
        (["--service", "s", "--region", "the east"], ["the east", "--region", "us-east-1"]),
        (["--service", "s", "--profile", "nobody"], ["nobody", "configured profiles: none", "--profile"]),
    ],
)  # fmt: skip
def test_bad_arguments_give_one_message(
    arguments: list[str], words: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    assert_one_message(doctor("check", *arguments, env=env, cwd=tmp_path), *words)


INSIDE = {"ECS_CONTAINER_METADATA_URI_V4": "http://127.77.0.254:9/v4/abc"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["this task cannot be found", "refused", "--service", "--task-definition"]),
        (["--cluster", "c"], ["no AWS region"]),
        (["--service", "s", "--task-definition", "t"], ["given: --service and --task-definition"]),
    ],
)
def test_inside_ecs_bad_arguments_give_one_message_too(
    arguments: list[str], words: list[str], env: dict[str, str]
) -> None:
    assert_one_message(doctor("check", *arguments, env={**env, **INSIDE}), *words)


CLOUDFORMATION = {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"Family": "webapp"}}}}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["line 1, column 1", "is empty"]),
        ("family: webapp\n", ["looks like YAML, not JSON"]),
        (b"\x00\xff\xfe\x80 binary \x81", ["is UTF-16 or UTF-32"]),
        (b"\x89PNG\r\n\x1a\n" + bytes(4000), ["text"]),
        (b"[" * 200_000, ["nested deeper than"]),
        ('{"family": ' + "9" * 5000 + "}", ["contains no task definition"]),
        ([], ["contains no task definition"]),
        ("null", ["contains no task definition"]),
        ({"family": "webapp"}, ["contains no task definition"]),
        ({"containerDefinitions": {}}, ["containerDefinitions is an object, not an array"]),
        ({"containerDefinitions": ["web"]}, ["containerDefinitions[0]"]),
        ({"containerDefinitions": [{"image": "x"}]}, ["line 1, column 27", "containerDefinitions[0].name is missing"]),
        (CLOUDFORMATION, ["Task: containerDefinitions is missing"]),
        ({"ContainerDefinitions": []}, ["CloudFormation's spelling", "containerDefinitions"]),
    ],
)
def test_a_file_that_is_no_task_definition_gives_one_message(
    content: object, words: list[str], env: dict[str, str], tmp_path: Path
) -> None:
    ended = check_file(tmp_path, content, env=env)
    assert_one_message(ended, "td.json", *words)
    assert len(ended.err) < 600  # the message, not the file
    assert doctor("check", str(tmp_path / "td.json"), *OFFLINE, env=env) == ended


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.json", "No such file or directory"),
        ("/proc/self/mem", "Input/output error"),  # root may read any file, but not this one
        ("/dev/zero", "is a device, not a file"),
    ],
)
def test_a_file_that_cannot_be_read_gives_one_message(name: str, reason: str, env: dict[str, str]) -> None:
    assert_one_message(doctor("check", "--task-definition-file", name, *OFFLINE, env=env), f"{name}: ", reason)


def test_an_unknown_container_names_those_that_there_are(env: dict[str, str], tmp_path: Path) -> None:
    assert_one_message(check_file(tmp_path, FINE, "--container", "db", env=env), "no container db", "web")


def test_closed_standard_streams_give_one_message(env: dict[str, str], tmp_path: Path) -> None:
    script = f"{COMMAND} check --live never --task-definition-file"
    closed = subprocess.run(f"{script} - <&-", shell=True, env=env, capture_output=True, text=True)
    assert_one_message(Ended(closed.returncode, closed.stdout, closed.stderr), "standard input is closed")
    closed = subprocess.run(
        f"{script} {file_with(tmp_path, FINE)} >&-", shell=True, env=env, capture_output=True, text=True
    )
    assert_one_message(Ended(closed.returncode, closed.stdout, closed.stderr), "standard output is closed", "--output")
    silent = subprocess.run(f"{script} {file_with(tmp_path, FINE)} 2>&-", shell=True, env=env, capture_output=True)
    assert (silent.returncode, b"Passed:  Task" in silent.stdout) == (0, True)
    script = script.replace(COMMAND, quick_command())
    full = subprocess.run(
        f"{script} {file_with(tmp_path, FINE)} >/dev/full", shell=True, env=env, capture_output=True, text=True
    )
    assert_one_message(Ended(full.returncode, full.stdout, full.stderr), "standard output", "No space left on device")


def test_live_always_without_gssapi_says_what_to_install(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gssapi.py").write_text("raise ImportError('libgssapi_krb5.so.2: cannot open shared object file')\n")
    file = file_with(tmp_path, FINE)
    env |= {"PYTHONPATH": str(tmp_path)}
    ended = doctor("check", "--task-definition-file", file, "--live", "always", env=env)
    assert_one_message(ended, "--live always needs gssapi", "libgssapi_krb5.so.2", "extra `live`")


def test_without_gssapi_the_live_flow_is_skipped_with_what_to_install(env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "gssapi.py").write_text("raise ImportError('no libgssapi')\n")
    env |= {"PYTHONPATH": str(tmp_path)}
    server = fresh_address()
    with fake_dns(server):
        arguments = ("--dns-server", server, "--only", "kerberos.gmsa-ticket", "--format", "json")
        ended = doctor("check", "--task-definition-file", file_with(tmp_path, FINE), *arguments, env=env)
    assert ended.finding("kerberos.gmsa-ticket")["status"] == "skipped"
    assert "gssapi" in json.dumps(ended.document)


def test_a_report_that_cannot_be_written_gives_one_message(env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(tmp_path, FINE, "--output", str(tmp_path), env=env)
    assert_one_message(ended, f"{tmp_path} cannot be written", "it is a directory")


# The AWS configuration --------------------------------------------------------------------------------


def aws_config(home: Path, text: str, credentials: str = "") -> None:
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws/config").write_text(text)
    (home / ".aws/credentials").write_text(credentials)


KEYS = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n"
SSO_SESSION = """\
[profile corp]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = ReadOnly
region = us-east-1
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.example/start
sso_registration_scopes = sso:account:access
"""
SSO_LEGACY = """\
[profile corp]
sso_start_url = https://corp.awsapps.example/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = ReadOnly
region = us-east-1
"""


def test_an_unknown_profile_names_those_that_there_are(env: dict[str, str]) -> None:
    aws_config(Path(env["HOME"]), "[profile dev]\nregion = us-east-1\n[profile prod]\nregion = us-east-1\n")
    by_option = doctor("check", "--service", "s", "--profile", "nobody", env=env)
    by_variable = doctor("check", "--service", "s", env={**env, "AWS_PROFILE": "nobody"})
    for ended in (by_option, by_variable):
        assert_one_message(ended, "nobody", "configured profiles: dev, prod", "--profile")


def test_a_configuration_file_that_cannot_be_parsed_is_named(env: dict[str, str]) -> None:
    aws_config(Path(env["HOME"]), "this is no configuration\n")
    assert_one_message(
        doctor("check", "--service", "s", env=env), "the AWS configuration cannot be used", ".aws/config"
    )


@pytest.mark.parametrize(("config", "key"), [(SSO_SESSION, "corp"), (SSO_LEGACY, "https://corp.awsapps.example/start")])
@pytest.mark.parametrize("cached", [True, False])
def test_an_expired_sso_login_says_to_log_in_again(
    config: str, key: str, cached: bool, aws: EmbeddedAws, env: dict[str, str]
) -> None:
    home = Path(env["HOME"])
    aws_config(home, config)
    if cached:
        cache = home / ".aws/sso/cache"
        cache.mkdir(parents=True)
        token = {
            "startUrl": "https://corp.awsapps.example/start",
            "region": "us-east-1",
            "accessToken": "sso-access-token",
            "expiresAt": "2020-01-01T00:00:00Z",
        }
        (cache / f"{hashlib.sha1(key.encode()).hexdigest()}.json").write_text(json.dumps(token))
    env |= {"AWS_ENDPOINT_URL": aws.endpoint}
    ended = doctor("check", "--service", "s", "--profile", "corp", env=env)
    assert_one_message(ended, "credentials", "Renew")
    assert "sso-access-token" not in ended.err


@pytest.mark.parametrize(
    ("code", "status"),
    [("UnrecognizedClientException", 400), ("ExpiredTokenException", 400), ("InvalidSignatureException", 403)],
)
def test_credentials_that_aws_refuses_are_a_matter_of_configuration(
    code: str, status: int, aws: EmbeddedAws, on_aws: dict[str, str]
) -> None:
    aws.fail_with("ecs", "*", code, "The security token included in the request is expired", status)
    aws.fail_with("sts", "*", "ExpiredToken", "The security token included in the request is expired", 403)
    for arguments in (["--service", "s"], ["--task-definition", "t"]):
        ended = doctor("check", *arguments, env=on_aws)
        assert_one_message(ended, "AWS rejects the credentials", code, "Renew the credentials")


def test_a_role_that_may_not_be_assumed_is_not_taken_for_a_missing_ecs_permission(
    aws: EmbeddedAws, env: dict[str, str]
) -> None:
    role = (
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/reader\nsource_profile = base\nregion = us-east-1\n"
    )
    aws_config(Path(env["HOME"]), role, f"[base]\n{KEYS}")
    aws.deny("sts", "AssumeRole")
    env |= {"AWS_ENDPOINT_URL": aws.endpoint}
    ended = doctor("check", "--service", "s", "--profile", "role", env=env)
    assert_one_message(ended, "AssumeRole", "arn:aws:sts::123456789012:assumed-role/gmsa-doctor/lab")
    assert "ecs:DescribeServices" not in ended.err


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = gone\n", "gone"),
        ("credential_process = /bin/echo nonsense\n", "the AWS credentials cannot be loaded"),
        ("credential_process = /bin/false\n", "credentials"),
    ],
)
def test_credentials_that_cannot_be_loaded_give_one_message(config: str, words: str, env: dict[str, str]) -> None:
    aws_config(Path(env["HOME"]), f"[profile odd]\nregion = us-east-1\n{config}")
    assert_one_message(doctor("check", "--service", "s", "--profile", "odd", env=env), words)


def test_an_endpoint_that_is_no_url_gives_one_message(on_aws: dict[str, str]) -> None:
    ended = doctor("check", "--service", "s", env={**on_aws, "AWS_ENDPOINT_URL": "localhost"})
    assert_one_message(ended, "AWS_ENDPOINT_URL", "https://HOST:PORT")


def test_aws_region_counts_as_in_the_aws_cli(aws: EmbeddedAws, on_aws: dict[str, str]) -> None:
    env = {name: value for name, value in on_aws.items() if name != "AWS_DEFAULT_REGION"}
    ended = doctor("check", "--service", "s", env={**env, "AWS_REGION": "eu-central-1"})
    assert_one_message(ended, "no cluster default in eu-central-1")


def test_what_does_not_exist_in_aws_gives_one_message_and_the_command_that_lists(
    aws: EmbeddedAws, on_aws: dict[str, str]
) -> None:
    create(healthy(NO_DC), aws)
    cases = [
        (["--cluster", "demo", "--service", "typo"], ["no service typo", "aws ecs list-services --cluster demo"]),
        (["--cluster", "typo", "--service", "healthy"], ["no cluster typo", "aws ecs list-clusters"]),
        (
            ["--cluster", "demo", "--service", "healthy", "--region", "eu-west-1"],
            ["no cluster demo in eu-west-1", "aws ecs list-clusters --region eu-west-1"],
        ),
        (["--task-definition", "typo"], ["no task definition typo", "aws ecs list-task-definitions"]),
        (["--task-definition", "webapp:99"], ["no task definition webapp:99", "aws ecs list-task-definitions"]),
    ]  # fmt: skip
    for arguments, words in cases:
        assert_one_message(doctor("check", *arguments, env=on_aws), *words)


# Exit codes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "json"])
class TestExitCodes:
    """They do not depend on the format."""

    def test_0_without_a_failure(self, format: str, env: dict[str, str], tmp_path: Path) -> None:
        assert check_file(tmp_path, FINE, "--format", format, env=env).code == 0

    def test_1_with_a_failure(self, format: str, env: dict[str, str], tmp_path: Path) -> None:
        assert check_file(tmp_path, BROKEN, "--format", format, env=env).code == 1

    def test_2_for_wrong_usage(self, format: str, env: dict[str, str], tmp_path: Path) -> None:
        assert check_file(tmp_path, "no JSON", "--format", format, env=env).code == 2

    def test_3_where_something_is_not_known(self, format: str, aws: EmbeddedAws, on_aws: dict[str, str]) -> None:
        aws.deny("ecs", "DescribeTaskDefinition")
        assert doctor("check", "--task-definition", "f", "--format", format, *OFFLINE, env=on_aws).code == 3

    def test_3_where_something_required_was_skipped(self, format: str, env: dict[str, str], tmp_path: Path) -> None:
        ended = check_file(tmp_path, FINE, "--require", "kerberos.gmsa-ticket", "--format", format, env=env)
        assert ended.code == 3
        assert "kerberos.gmsa-ticket" in ended.out

    def test_1_also_where_something_is_not_known(self, format: str, env: dict[str, str], tmp_path: Path) -> None:
        assert check_file(tmp_path, BROKEN, "--require", "dns", "--format", format, env=env).code == 1

    def test_70_for_a_crash_of_our_own(self, format: str, env: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "sitecustomize.py").write_text(
            "import gmsa_doctor.subjects.files as files\n"
            "def crash(*arguments): raise RuntimeError('hunter2')\n"
            "files.find = crash\n"
        )
        ended = check_file(tmp_path, FINE, "--format", format, env={**env, "PYTHONPATH": str(tmp_path)})
        assert ended.code == 70
        assert "crashed with RuntimeError; please report this" in ended.err
        assert "sitecustomize.py:2 in crash" in ended.err
        assert "hunter2" not in ended.err
        assert "Traceback" not in ended.err

    @pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
    def test_130_when_interrupted_and_the_report_is_whole(
        self, format: str, ending: signal.Signals, aws: EmbeddedAws, on_aws: dict[str, str]
    ) -> None:
        create(healthy(NO_DC), aws)
        aws.hang("s3", "*")
        arguments = ["check", "--cluster", "demo", "--service", "healthy", *OFFLINE, "--format", format]
        process = subprocess.Popen(
            [quick_command(), *arguments], env=on_aws, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while ("s3", "GetObject") not in aws.calls:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(ending)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "interrupted before it ended" in out
        assert ("Passed:  Task" if format == "text" else "task-definition.registered") in out
        assert "Traceback" not in err


def test_130_when_interrupted_before_the_subject_is_known(aws: EmbeddedAws, on_aws: dict[str, str]) -> None:
    aws.hang("ecs", "*")
    process = subprocess.Popen(
        [quick_command(), "check", "--service", "s"],
        env=on_aws,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(service == "ecs" for service, _ in aws.calls):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30) == ("", "gmsa-doctor: interrupted\n")
    assert process.returncode == 130


def test_the_time_limit_holds_for_finding_the_subject_too(aws: EmbeddedAws, on_aws: dict[str, str]) -> None:
    aws.hang("ecs", "*")
    ended = doctor("check", "--service", "s", "--timeout", "1", "--format", "json", *OFFLINE, env=on_aws, seconds=20)
    assert ended.code == 3
    assert ended.roots == ["task-definition.registered"]
    assert "within 1 s" in ended.finding("task-definition.registered")["summary"]


# Streams, pipes and terminals -------------------------------------------------------------------------


def test_the_report_is_on_stdout_and_nothing_on_stderr(env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(tmp_path, BROKEN, env=env)
    assert "task-definition.credentialspecs" in ended.out
    assert ended.err == ""


def test_output_writes_the_report_to_the_file_and_says_so(env: dict[str, str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    ended = check_file(tmp_path, BROKEN, "--format", "json", "--output", str(report), env=env)
    assert (ended.code, ended.out) == (1, "")
    assert str(report) in ended.err
    assert json.loads(report.read_text(encoding="utf-8"))["verdict"] == "fail"


@pytest.mark.parametrize("command", ["check --live never --task-definition-file {file} -v", "list", "schema"])
def test_a_reader_that_leaves_early_is_no_error(command: str, env: dict[str, str], tmp_path: Path) -> None:
    line = f"set -o pipefail; {quick_command()} {command.format(file=file_with(tmp_path, FINE))} | head -n 1"
    for _ in range(3):
        ended = subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=60)
        assert ended.stderr == ""
        assert ended.returncode == 0
        assert len(ended.stdout.splitlines()) == 1


COLOUR = re.compile(r"\x1b\[[\d;]*m")


def test_a_pipe_gets_colour_only_when_it_is_asked_for(env: dict[str, str], tmp_path: Path) -> None:
    assert not COLOUR.search(check_file(tmp_path, BROKEN, env=env).out)
    assert not COLOUR.search(check_file(tmp_path, BROKEN, "--color", "never", env=env).out)
    coloured = check_file(tmp_path, BROKEN, "--color", "always", env=env).without_duration
    assert COLOUR.search(coloured)
    assert COLOUR.sub("", coloured) == check_file(tmp_path, BROKEN, env=env).without_duration


def on_a_terminal(
    *arguments: str, env: dict[str, str], streams: str = "both", cwd: Path | None = None
) -> tuple[str, str]:
    """What a terminal shows on standard output and on standard error; "" for a stream that is no terminal."""
    ends = [pty.openpty() for _ in range(2)]
    read = ["", ""]

    def collect(which: int) -> None:
        with suppress(OSError):  # EIO: the other end is closed
            while data := os.read(ends[which][0], 65536):
                read[which] += data.decode(errors="replace")

    threads = [Thread(target=collect, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    slaves = [one[1] for one in ends]
    process = subprocess.Popen(
        [quick_command(), *arguments],
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=slaves[0] if streams != "err" else subprocess.DEVNULL,
        stderr=slaves[1] if streams != "out" else subprocess.DEVNULL,
    )
    process.wait(60)
    for slave in slaves:
        os.close(slave)
    for thread in threads:
        thread.join()
    for master, _ in ends:
        os.close(master)
    return read[0], read[1]


def test_a_terminal_gets_colour_but_not_with_no_color_or_a_dumb_one(env: dict[str, str], tmp_path: Path) -> None:
    command = ("check", *OFFLINE, "--task-definition-file", file_with(tmp_path, BROKEN))
    assert COLOUR.search(on_a_terminal(*command, env={**env, "TERM": "xterm"})[0])
    for refusal in ({"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}):
        shown, _ = on_a_terminal(*command, env={**env, **refusal})
        assert "task-definition.credentialspecs" in shown
        assert not COLOUR.search(shown)
    always, _ = on_a_terminal(*command, "--color", "always", env={**env, "NO_COLOR": "1", "TERM": "xterm"})
    assert COLOUR.search(always)


def test_progress_is_shown_on_a_terminal_on_stderr_alone(env: dict[str, str], tmp_path: Path) -> None:
    command = ("check", *OFFLINE, "--task-definition-file", file_with(tmp_path, BROKEN))
    report, progress = on_a_terminal(*command, env={**env, "TERM": "xterm"})
    assert re.search(r"\d s  (waiting for the files|\d+/\d+ checks)", progress)
    assert progress.endswith("\r\x1b[K")  # cleared in the end
    assert "checking" not in report
    report, progress = on_a_terminal(*command, env={**env, "TERM": "xterm"}, streams="out")
    assert "task-definition.credentialspecs" in report
    assert "checking" not in report


def test_columns_tells_a_terminals_width(env: dict[str, str], tmp_path: Path) -> None:
    file_with(tmp_path, BROKEN)
    command = ("check", *OFFLINE, "--task-definition-file", "td.json")
    widths = {}
    for columns in ("60", "110"):
        shown, _ = on_a_terminal(*command, env={**env, "TERM": "dumb", "COLUMNS": columns}, cwd=tmp_path)
        lines = shown.splitlines()
        prose = [line for line in lines if " " in line.strip() and not re.search("^ *(aws |More: )", line)]
        widths[columns] = max(len(line) for line in prose)
    assert widths["60"] <= 60 < widths["110"] <= 110


def test_a_pipe_has_80_columns(env: dict[str, str], tmp_path: Path) -> None:
    narrow, wide = (check_file(tmp_path, BROKEN, env={**env, "COLUMNS": columns}) for columns in ("40", "200"))
    assert narrow.without_duration == wide.without_duration


# Characters -----------------------------------------------------------------------------------------

ASCII = [{"LANG": "C"}, {"LC_ALL": "C"}, {"LC_ALL": "POSIX"}, {"PYTHONIOENCODING": "ascii"}]


def test_symbols_are_unicode_where_that_can_be_shown(env: dict[str, str], tmp_path: Path) -> None:
    assert "✗" in check_file(tmp_path, BROKEN, env=env).out


@pytest.mark.parametrize("locale", ASCII)
def test_symbols_are_ascii_where_unicode_cannot_be_shown(
    locale: dict[str, str], env: dict[str, str], tmp_path: Path
) -> None:
    files = [file_with(tmp_path, content, f"{number}.json") for number, content in enumerate((FINE, BROKEN, ODD))]
    ended = doctor("check", *files, *OFFLINE, "-v", env={**env, **locale})
    assert ended.code == 1, ended.err
    assert ended.out.isascii()
    assert ended.out.count("x Root cause: task-definition.") == 2
    assert all(file in ended.out for file in files)


@pytest.mark.parametrize("locale", [{}, *ASCII])
def test_json_can_be_parsed_in_every_locale_and_with_odd_characters(
    locale: dict[str, str], env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "käse").mkdir()
    ended = check_file(tmp_path / "käse", ODD, "--format", "json", env={**env, **locale})
    assert ended.code in (0, 1), ended.err
    assert "käse/\ud800 k.json" in repr(ended.finding("task-definition.arn")).encode().decode("unicode_escape") or (
        "käse" in json.dumps(ended.document, ensure_ascii=False)
    )
    assert not locale or ended.out.isascii()


def test_odd_characters_can_be_written_to_a_file(env: dict[str, str], tmp_path: Path) -> None:
    for options in (["-v"], ["--json"]):
        report = tmp_path / "report"
        ended = check_file(tmp_path, ODD, *options, "--output", str(report), env={**env, "LC_ALL": "C"})
        assert ended.code in (0, 1), ended.err
        assert "käse" in report.read_text(encoding="utf-8")


def test_the_other_commands_do_not_crash_where_unicode_cannot_be_shown(env: dict[str, str]) -> None:
    env |= {"PYTHONIOENCODING": "ascii"}
    for command in (["list"], ["schema"], ["explain", "credspec.object"], ["-h"], ["check", "-h"]):
        ended = doctor(*command, env=env)
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.isascii() or "-h" in command  # typer writes its help as UTF-8


# Selection ------------------------------------------------------------------------------------------


def selected(ended: Ended) -> set[str]:
    findings = ended.document["subjects"][0]["findings"]
    return {one["check"] for one in findings if one["summary"] != "not selected"}


def test_only_runs_what_is_named_and_what_that_needs(env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(tmp_path, FINE, "--only", "task-definition.prefix", "--format", "json", env=env)
    assert selected(ended) == {"task-definition.prefix", "task-definition.credentialspecs"}
    assert ended.statuses()["task-definition.prefix"] == "pass"


def test_only_takes_areas_lists_and_repetition(env: dict[str, str], tmp_path: Path) -> None:
    area = check_file(tmp_path, FINE, "--only", "task-definition", "--format", "json", env=env)
    assert {one for one in selected(area) if one.startswith("task-definition.")} == selected(area)
    both = ("task-definition.prefix", "execution-role.present")
    listed = check_file(tmp_path, FINE, "--only", ", ".join(both), "--format", "json", env=env)
    repeated = check_file(tmp_path, FINE, "--only", both[0], "--only", both[1], "--format", "json", env=env)
    assert selected(listed) == selected(repeated) == {*both, "task-definition.credentialspecs"}


def test_skip_leaves_out_what_is_named(env: dict[str, str], tmp_path: Path) -> None:
    ended = check_file(tmp_path, BROKEN, "--skip", "task-definition", "--format", "json", env=env)
    assert ended.code == 0
    assert not {one for one in selected(ended) if one.startswith("task-definition.")}
    one = check_file(tmp_path, FINE, "--skip", "task-definition.arn", "--format", "json", env=env)
    assert one.finding("task-definition.arn")["summary"] == "not selected"
    assert one.statuses()["task-definition.prefix"] == "pass"


WARNING = a_task_definition(requiresCompatibilities=["EC2"], executionRoleArn=None)
WARNING["containerDefinitions"][0]["environment"] = [
    {"name": "KRB5CCNAME", "value": "/var/credentials-fetcher/krbdir/krb5cc"}
]


def test_fail_on_warn_makes_a_warning_the_root_cause(env: dict[str, str], tmp_path: Path) -> None:
    lenient = check_file(tmp_path, WARNING, "--format", "json", env=env)
    assert (lenient.code, lenient.document["verdict"], lenient.roots) == (0, "unproven", [])
    strict = check_file(tmp_path, WARNING, "--fail-on", "warn", "--format", "json", env=env)
    assert (strict.code, strict.document["verdict"]) == (1, "fail")
    assert strict.roots == ["execution-role.present"]
    assert strict.finding("execution-role.present")["status"] == "warn"


def test_require_takes_areas_and_is_content_with_what_ran(env: dict[str, str], tmp_path: Path) -> None:
    assert check_file(tmp_path, FINE, "--require", "task-definition", env=env).code == 0
    ended = check_file(tmp_path, FINE, "--require", "secret", "--format", "json", env=env)
    assert (ended.code, ended.document["verdict"]) == (3, "incomplete")
    assert ended.document["missing"] == ["secret.domain", "secret.fields", "secret.value"]


# The other commands -----------------------------------------------------------------------------------


def test_version_says_name_and_version(env: dict[str, str]) -> None:
    assert doctor("--version", env=env) == Ended(0, f"gmsa-doctor {__version__}\n", "")


def test_h_is_help(env: dict[str, str]) -> None:
    for command in ([], ["check"], ["list"], ["explain"], ["schema"]):
        short, long = doctor(*command, "-h", env=env), doctor(*command, "--help", env=env)
        assert short == long
        assert (short.code, short.err) == (0, "")
        assert short.out.startswith("Usage: gmsa-doctor")
    assert "Exit codes: 0" in doctor("check", "-h", env=env).out


def test_list_names_every_check_of_the_reports(env: dict[str, str], tmp_path: Path) -> None:
    listed = doctor("list", env=env)
    reported = check_file(tmp_path, FINE, "--format", "json", env=env).statuses()
    assert (listed.code, listed.err) == (0, "")
    assert len(reported) > 20
    words = listed.out.split()
    assert set(reported) <= set(words)


def test_explain_tells_what_why_and_how_to_fix(env: dict[str, str]) -> None:
    ended = doctor("explain", "dhcp-options.domain-name-servers", env=env)
    assert (ended.code, ended.err) == (0, "")
    assert "Why: " in ended.out
    assert "Fix: " in ended.out
    assert "https://" in ended.out


def test_explain_finds_what_stands_behind_a_pasted_text(env: dict[str, str]) -> None:
    text = doctor("explain", "kerberos.user-ticket", env=env).out
    shown = re.search(r"Error texts that it may explain, likeliest first:\n  (.*)\n", text)
    assert shown
    pasted = f"stopped 10:31\n  (reason: {shown[1]})\n"
    by_argument, by_stdin = doctor("explain", pasted, env=env), doctor("explain", "-", env=env, stdin=pasted)
    assert by_argument == by_stdin
    assert by_argument.code == 0
    assert "kerberos.user-ticket" in by_argument.out


def test_explain_reads_a_log_that_is_no_utf_8(env: dict[str, str]) -> None:
    ended = doctor("explain", "-", env=env, stdin=b"\xff\xfe caf\xe9\n")
    assert (ended.code, ended.err) == (3, "")
    assert ended.out.startswith("No known error text in it.")


def test_explain_of_an_unknown_id_suggests_the_ones_that_look_like_it(env: dict[str, str]) -> None:
    assert_one_message(
        doctor("explain", "credspec.objekt", env=env), "Did you mean credspec.object", "gmsa-doctor list"
    )
    assert_one_message(doctor("explain", "xyzzy", env=env), "gmsa-doctor list")


def test_every_report_is_what_the_printed_schema_says(
    aws: EmbeddedAws, on_aws: dict[str, str], env: dict[str, str], tmp_path: Path
) -> None:
    printed = doctor("schema", env=env)
    assert (printed.code, printed.err) == (0, "")
    schema = json.loads(printed.out)
    create(healthy(NO_DC), aws)
    service = doctor("check", "--cluster", "demo", "--service", "healthy", *OFFLINE, "--format", "json", env=on_aws)
    reports = [service, *(check_file(tmp_path, one, "--format", "json", env=env) for one in (FINE, BROKEN, ODD))]
    for report in reports:
        jsonschema.validate(report.document, schema)
        assert report.document["schema_version"] == "2.1"
    assert {one.document["verdict"] for one in reports} == {"unproven", "fail"}


def test_a_file_comes_from_standard_input_too(env: dict[str, str]) -> None:
    described = {"taskDefinition": {**FINE, "revision": 3, "status": "ACTIVE"}, "tags": []}
    ended = doctor(
        "check", "--task-definition-file", "-", *OFFLINE, "--format", "json", env=env, stdin=json.dumps(described)
    )
    assert ended.code == 0
    assert ended.document["subjects"][0]["name"] == "-/web"


@pytest.mark.parametrize("mode", [Mode.ANSWER, Mode.REFUSE])
def test_a_dns_server_that_is_no_use_is_named_in_the_report(
    mode: Mode, aws: EmbeddedAws, on_aws: dict[str, str]
) -> None:
    server = fresh_address()
    environment = healthy(DomainController(ip=server, state=Path("/nonexistent")))
    create(environment, aws)
    with fake_dns(server, mode=mode):
        ended = doctor(*environment.command, "--format", "json", env=on_aws)
    assert ended.code == 1
    assert ended.roots == ["dns.domain-controllers"]
    finding: dict[str, Any] = ended.finding("dns.domain-controllers")
    assert server in json.dumps(finding)
