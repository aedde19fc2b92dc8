"""No option is ignored: one without an effect, or given twice, is a usage error."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.test_check import assert_one_message
from tests.command import COMMAND, a_task_definition, doctor, environ, file_with

TEMPLATE = {
    "Parameters": {"Bucket": {"Type": "String"}},
    "Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": []}}},
}
SERVICE = ("--service", "s")
ARN = "arn:aws:ecs:us-east-1:123456789012:service/prod/web"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environ(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["check", *SERVICE, "--region", "us-east-1", "--region", "eu-west-1"], "'--region': given 2 times"),
        (["check", *SERVICE, "--credspec-file", "c.json"], "--credspec-file has no effect without FILES"),
        (["check", "td.json", "--compare-with", "t.yaml"], "--compare-with has no effect on files"),
        (["check", *SERVICE, "--parameter", "A=b"], "--parameter has no effect without FILES or --compare-with"),
        (["list", "--json", "--format", "json"], "--format has no effect with --json"),
        (["check", "--service", ARN, "--cluster", "c"], "is in cluster prod, which contradicts --cluster c"),
        (["check", *SERVICE, "-q", "-v"], "--quiet has no effect with --verbose"),
        (["check", *SERVICE, "--pass-over"], "--pass-over has no effect without FILES"),
        (["check", "td.json", "--cluster", "c"], "--cluster has no effect on files"),
        (["check", "--credspec-file", "c.json", "--container", "web"], "--container has no effect on a CredSpec alone"),
        (["check", "td.json", "--offline", "--profile", "p", "--ad-dns", "10.0.0.1"], "--profile and --ad-dns have no"),
        (["check", "td.json", "--offline", "--subnets", "subnet-1"], "--subnets has no effect with --offline"),
        (["check", "td.json", "--offline", "--live", "always"], "--live has no effect with --offline"),
        (["check", "td.json", "--offline", "--event-bus", "b"], "--event-bus has no effect with --offline"),
        (["check", "td.json", "--offline", "--wait", "9"], "--wait has no effect with --offline; remove it"),
        (
            ["check", *SERVICE, "--live", "never", "--dns-server", "10.0.0.2"],
            "--dns-server has no effect with --live n",
        ),
        (["check", "td.json", "--security-groups", "sg-1"], "--security-groups has no effect without --subnets"),
        (["check", *SERVICE, "--as-keytab", "k"], "--as-keytab has no effect without --as"),
        (["check", *SERVICE, "--json", "--format", "text"], "--format has no effect with --json"),
        (["check", *SERVICE, "--no-color", "--color", "always"], "--color has no effect with --no-color"),
        (["check", *SERVICE, "--json", "-v"], "--verbose has no effect on a report that is not text"),
        (["check", *SERVICE, "--report", "junit=-", "--no-color"], "--no-color has no effect on a report that is not"),
        (["check", "td.json", "--task-definition-file", "td.json"], "give the file once"),
        (["run", "--clean", "--service", "s", "--canary"], "--canary and --service have no effect with --clean"),
        (["run", *SERVICE, "--image", "i", "--public-address"], "--public-address has no effect with --service"),
        (["krb5-conf", "--domain", "corp.example", "--region", "us-east-1"], "--region has no effect with --domain"),
        (["krb5-conf", *SERVICE, "--offline"], "--offline has no effect without FILES"),
        (["iam-policy", *SERVICE, "--offline"], "--offline has no effect without FILES"),
        (["iam-policy", "--container", "web"], "--container has no effect without a subject"),
    ],
)
def test_an_option_without_an_effect_is_refused(
    arguments: list[str], words: str, env: dict[str, str], tmp_path: Path
) -> None:
    assert_one_message(doctor(*arguments, env=env, cwd=tmp_path), words)


def test_a_parameter_that_no_template_has_is_refused_with_one_that_looks_like_it(
    env: dict[str, str], tmp_path: Path
) -> None:
    file = file_with(tmp_path, TEMPLATE, "template.json")
    ended = doctor("check", file, "--offline", "--parameter", "Buket=b", "--parameter", "AWS::Region=x", env=env)
    assert_one_message(ended, "--parameter Buket: no template has this parameter. Did you mean Bucket?")
    assert doctor("check", file, "--offline", "--parameter", "Bucket=b", env=env).code != 2


def test_a_fetcher_on_fargate_is_refused_but_not_one_of_the_configuration(env: dict[str, str], tmp_path: Path) -> None:
    file = file_with(tmp_path, a_task_definition())
    ended = doctor("check", file, "--offline", "--fetcher", "2", env=env, cwd=tmp_path)
    assert_one_message(ended, "--fetcher has no effect on Fargate")
    file_with(tmp_path, '[defaults]\nfetcher = "2"\nwait = 5\ndns-server = "10.0.0.2"\n', "gmsa-doctor.toml")
    assert doctor("check", file, "--offline", env=env, cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("reports", "words"),
    [
        (["--json", "--report", "junit=-"], "--json and --report junit=- all write to standard output"),
        (["--format", "text", "--report", "sarif=-"], "--format text and --report sarif=-"),
        (["--report", "github", "--report", "junit=-"], "--report github and --report junit=-"),
        (["--json", "--report", "github"], "--json and --report github"),
    ],
)
def test_one_report_is_written_to_standard_output(
    reports: list[str], words: str, env: dict[str, str], tmp_path: Path
) -> None:
    ended = doctor("check", file_with(tmp_path, a_task_definition()), "--offline", *reports, env=env)
    assert_one_message(ended, words, "give all but one of them a file")


def test_a_report_on_standard_output_replaces_the_text(env: dict[str, str], tmp_path: Path) -> None:
    file = file_with(tmp_path, a_task_definition())
    ended = doctor("check", file, "--offline", "--report", "junit=-", env=env)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("<?xml")
    text = doctor("check", file, "--offline", "--report", "junit=-", "--output", str(tmp_path / "r.txt"), env=env)
    assert text.out.startswith("<?xml")
    assert "UNPROVEN" in (tmp_path / "r.txt").read_text()


def test_json_and_no_color_are_shorthands(env: dict[str, str], tmp_path: Path) -> None:
    file = file_with(tmp_path, a_task_definition())
    short, long = (doctor("check", file, "--offline", *one, env=env) for one in (["--json"], ["--format", "json"]))
    assert short.statuses() == long.statuses()
    colored = {**env, "FORCE_COLOR": "1"}
    assert "\x1b[" in doctor("check", file, "--offline", env=colored).out
    assert "\x1b[" not in doctor("check", file, "--offline", "--no-color", env=colored).out
    assert "\x1b[" not in doctor("check", file, "--offline", env={**env, "NO_COLOR": "1"}).out


def test_standard_input_is_a_file_like_any_other(env: dict[str, str], tmp_path: Path) -> None:
    text = "Resources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n    Properties: {ContainerDefinitions: []}\n"
    ended = doctor("check", "-", "--offline", "--json", env=env, stdin=text)
    assert ended.document["subjects"][0]["name"] == "-#Task"
    twice = doctor("check", "-", "--offline", "--connection-string", "-", env=env, stdin=text)
    assert_one_message(twice, "standard input can be read once")
    again = doctor("check", "-", "--wait", "5", env=env, stdin=text)
    assert_one_message(again, "--wait", "standard input can be read once")
    file_with(tmp_path, a_task_definition(), "-")
    named = doctor("check", "./-", "--offline", "--json", env=env, cwd=tmp_path)
    assert named.document["subjects"][0]["name"] == "./-/web"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["chekc"], "no such command 'chekc'. Did you mean 'check'?"),
        (["check", "--servce", "s"], "no such option: --servce. Did you mean --service"),
        (["check", "--timeout", "soon"], "'--timeout': soon is not a number from 1 to 86400"),
        (["check", "--live", "sometimes"], "'sometimes' is not one of 'auto', 'always', 'never'"),
        (["ticket", "--minutes", "1.5"], "'--minutes': 1.5 is not a number from 0 to 10080"),
        (["check", "--service"], "option '--service' requires an argument"),
        (["list", "kerberoz"], "there is no check or area 'kerberoz'. Did you mean kerberos"),
        (["explain", "kerberoz"], "Did you mean kerberos"),
    ],
)
def test_a_refusal_is_one_line_in_our_words(
    arguments: list[str], words: str, env: dict[str, str], tmp_path: Path
) -> None:
    ended = doctor(*arguments, env=env, cwd=tmp_path)
    assert_one_message(ended, words)
    assert len(ended.err.splitlines()) == 1
    assert not any(word in ended.err for word in ("Value error", "Input should", "pydantic", "Usage:"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("td.json", "{", "td.json: line 1"),
        (".", {"family": "a", "containerDefinitions": []}, "no task definition with credentialSpecs"),
    ],
)
def test_a_policy_of_files_without_a_subject_is_refused(
    name: str, content: object, words: str, env: dict[str, str], tmp_path: Path
) -> None:
    file_with(tmp_path, content)
    assert_one_message(doctor("iam-policy", name, "--offline", env=env, cwd=tmp_path), words)


def test_a_pipe_of_the_shell_is_read_like_a_file(env: dict[str, str], tmp_path: Path) -> None:
    file_with(tmp_path, a_task_definition())
    script = f"{COMMAND} check <(cat td.json) --offline --json"
    ended = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, cwd=tmp_path)
    assert ended.stderr == ""
    assert json.loads(ended.stdout)["subjects"][0]["name"].endswith("/web")
