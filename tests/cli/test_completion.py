"""Completion as it is used: real shells, an embedded AWS, and nothing shown where something is wrong."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Annotated

import pytest
import typer

from gmsa_doctor.cli.completion import FILES, fitting
from gmsa_doctor.cli.options import Many
from gmsa_doctor.clients.aws import ecs
from tests import shells
from tests.command import COMMAND, doctor, environ, quick_command
from tests.lab.aws import EmbeddedAws
from tests.test_startup import HEAVY, loaded

SHELLS = ("bash", "zsh", "fish")
SCRIPTS = Path(__file__).parents[1].parent / "gmsa_doctor" / "cli"


def require(program: str) -> None:
    """Skips where a shell is not installed, or fails with `GMSA_LAB=required`."""
    if shutil.which(program):
        return
    if os.environ.get("GMSA_LAB") == "required":
        pytest.fail(f"{program} is required: install it", pytrace=False)
    pytest.skip(f"no {program} here")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """An environment with gmsa-doctor on PATH, without any AWS configuration, and with some files at HOME."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "out.json").touch()
    (home / "two words.json").touch()
    return environ(home, **installed(quick_command()))


def installed(command: str) -> dict[str, str]:
    """The variables with which the shells find this command."""
    return {"PATH": f"{Path(command).parent}{os.pathsep}{os.environ['PATH']}", "GMSA_DOCTOR_COMMAND": command}


@pytest.fixture
def on_aws(aws: EmbeddedAws, env: dict[str, str]) -> dict[str, str]:
    """The same with two clusters, one of them with services."""
    client = aws.client("ecs")
    for cluster in ("production", "staging"):
        client.create_cluster(clusterName=cluster)
    client.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 128}])
    for service in ("web-front", "web-back", "reports"):
        client.create_service(cluster="production", serviceName=service, taskDefinition="web", desiredCount=0)
    return {**env, **aws.variables(), "GMSA_DOCTOR_COMPLETION_SECONDS": "60"}


def asked(line: str, env: dict[str, str]) -> list[str]:
    """The answer that the script of bash gets."""
    ended = doctor("completion", "bash", "--", line, env=env)
    assert (ended.code, ended.err) == (0, "")
    return ended.out.splitlines()


# In the shells -------------------------------------------------------------------------------------

ONE_FITS = [
    ("gmsa-doctor che", "gmsa-doctor check "),
    ("gmsa-doctor check --clu", "gmsa-doctor check --cluster "),
    ("gmsa-doctor check --live nev", "gmsa-doctor check --live never "),
    ("gmsa-doctor check --only dns.", "gmsa-doctor check --only dns.domain-controllers "),
    ("gmsa-doctor check --only=dns.", "gmsa-doctor check --only=dns.domain-controllers "),
    ("gmsa-doctor check --only secret,dns.", "gmsa-doctor check --only secret,dns.domain-controllers "),
    ("gmsa-doctor explain credspec.si", "gmsa-doctor explain credspec.size "),
    ("gmsa-doctor check --output ou", "gmsa-doctor check --output out.json "),
    ("gmsa-doctor check --output tw", "gmsa-doctor check --output two\\ words.json "),
    ("gmsa-doctor check --report ju", "gmsa-doctor check --report junit="),
    ("gmsa-doctor check --report json=ou", "gmsa-doctor check --report json=out.json "),
    ("gmsa-doctor check --report=json=ou", "gmsa-doctor check --report=json=out.json "),
    ("gmsa-doctor check ou", "gmsa-doctor check out.json "),
    ("gmsa-doctor check --region 'eu-west-1' --cont", "gmsa-doctor check --region 'eu-west-1' --container "),
    ("gmsa-doctor check --no-such", "gmsa-doctor check --no-such"),
]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_what_alone_fits(shell: str, env: dict[str, str]) -> None:
    require(shell)
    with getattr(shells, shell)(env, Path(env["HOME"])) as terminal:
        assert [terminal.after(f"{line}\t") for line, _ in ONE_FITS] == [completed for _, completed in ONE_FITS]


def test_fish_completes_what_alone_fits(env: dict[str, str]) -> None:
    require("fish")
    for line, completed in ONE_FITS[:-1]:
        last = completed.removesuffix(" ").removeprefix(line.rpartition(" ")[0] + " ")
        assert shells.fish_completes(line, env, Path(env["HOME"])) == [last.replace("\\", "")]
    assert shells.fish_completes(ONE_FITS[-1][0], env, Path(env["HOME"])) == []


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_completes_clusters_and_their_services(shell: str, on_aws: dict[str, str], aws: EmbeddedAws) -> None:
    require(shell)
    with getattr(shells, shell)(on_aws, Path(on_aws["HOME"])) as terminal:
        assert terminal.after("gmsa-doctor check --cluster pro\t") == "gmsa-doctor check --cluster production "
        assert terminal.after("gmsa-doctor run --cluster=st\t") == "gmsa-doctor run --cluster=staging "
        line = "gmsa-doctor check --cluster production --service "
        assert terminal.after(f"{line}re\t") == f"{line}reports "
        assert terminal.after(f"{line}w\t") == f"{line}web-"
    assert set(aws.calls) == {("ecs", "ListClusters"), ("ecs", "ListServices")}


def test_bash_offers_all_that_fit(on_aws: dict[str, str]) -> None:
    with shells.bash(on_aws, Path(on_aws["HOME"])) as terminal:
        line = "gmsa-doctor check --cluster production --service "
        assert terminal.after(f"{line}\x1b*") == f"{line}reports web-back web-front "


def test_what_starts_tasks_is_completed(on_aws: dict[str, str], aws: EmbeddedAws) -> None:
    aws.client("events").put_rule(Name="on-upload", ScheduleExpression="rate(1 day)")
    aws.client("scheduler").create_schedule_group(Name="jobs")
    target = {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::123456789012:role/r"}
    aws.client("scheduler").create_schedule(
        Name="nightly",
        GroupName="jobs",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    aws.client("stepfunctions").create_state_machine(
        name="exports", definition="{}", roleArn="arn:aws:iam::123456789012:role/r"
    )
    assert asked("gmsa-doctor check --rule on", on_aws) == ["words", "on-upload"]
    assert asked("gmsa-doctor check --schedule jobs/", on_aws) == ["words", "jobs/nightly"]
    assert asked("gmsa-doctor check --state-machine ex", on_aws) == ["words", "exports"]


def test_fish_offers_clusters_and_services(on_aws: dict[str, str]) -> None:
    require("fish")
    home = Path(on_aws["HOME"])
    assert shells.fish_completes("gmsa-doctor check --cluster ", on_aws, home) == ["production", "staging"]
    line = "gmsa-doctor check --cluster production --service web"
    assert shells.fish_completes(line, on_aws, home) == ["web-back", "web-front"]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_without_an_answer_of_aws_the_line_stays_as_it_is_and_nothing_is_shown(shell: str, env: dict[str, str]) -> None:
    require(shell)
    with getattr(shells, shell)(env, Path(env["HOME"])) as terminal:
        line = "gmsa-doctor check --cluster "
        assert terminal.after(f"{line}\t") == line
        for word in ("Error", "Traceback", "out.json", "command not found"):
            assert word not in terminal.shown


@pytest.mark.parametrize(
    ("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-f", "-n"]), ("fish", ["fish", "--no-execute"])]
)
def test_a_shell_can_read_its_script(shell: str, check: list[str], env: dict[str, str], tmp_path: Path) -> None:
    require(shell)
    printed = doctor("completion", shell, env=env)
    assert (printed.code, printed.err) == (0, "")
    (tmp_path / "script").write_text(printed.out)
    parsed = subprocess.run([*check, str(tmp_path / "script")], capture_output=True, text=True)
    assert (parsed.returncode, parsed.stdout, parsed.stderr) == (0, "", "")


def test_an_unknown_shell_is_refused_with_those_that_are_known(env: dict[str, str]) -> None:
    ended = doctor("completion", "tcsh", env=env)
    assert ended.code == 2
    assert all(shell in ended.err for shell in SHELLS)


# What fits -----------------------------------------------------------------------------------------


def test_an_option_is_offered_once_and_one_that_may_be_repeated_always(env: dict[str, str]) -> None:
    offered = asked("gmsa-doctor check --region eu-west-1 --only dns --", env)
    assert offered[0] == "words"
    assert "--region" not in offered
    assert {"--only", "--profile", "--help"} < set(offered)


def test_areas_are_offered_beside_the_ids(env: dict[str, str]) -> None:
    offered = asked("gmsa-doctor check --skip cred", env)
    assert {"credspec", "credspec.object"} < set(offered)
    assert not [one for one in offered[1:] if not one.startswith("cred")]


def test_a_command_without_arguments_is_offered_its_options(env: dict[str, str]) -> None:
    assert "--principal" in asked("gmsa-doctor ticket ", env)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "gmsa-doctor no-such-command ",
        "gmsa-doctor no-such-command --",
        "gmsa-doctor check --no-such=",
        "gmsa-doctor check --verbose=",
        "gmsa-doctor check --timeout ",
        "gmsa-doctor check --region \x01\udcff",
        'gmsa-doctor explain "',
        "gmsa-doctor explain $(touch made) `touch made` ; touch made #",
    ],
)
def test_odd_lines_have_an_answer_without_an_error(line: str, env: dict[str, str], tmp_path: Path) -> None:
    ended = doctor("completion", "bash", "--", line, env=env, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "made" not in os.listdir(tmp_path)
    assert "made" not in ended.out


def test_a_report_is_offered_by_its_kind_and_then_by_its_file() -> None:
    sample = typer.Typer()

    @sample.callback()
    def main() -> None: ...

    @sample.command()
    def check(report: Annotated[Many, typer.Option(metavar="FORMAT=FILE")] = None) -> None: ...

    def fits(*words: str) -> list[str] | None:
        found = fitting(typer.main.get_command(sample), ["check", *words])
        return found if found is FILES else [word.text for word in found]

    assert fits("--report", "j") == ["json=", "junit="]
    assert fits("--report=s") == ["--report=sarif="]
    assert fits("--report", "junit=ou") is FILES
    assert fits("--report=junit=ou") is FILES


def test_words_and_help_go_to_zsh_and_fish(env: dict[str, str]) -> None:
    title = "DNS lists the domain controllers"
    assert f"dns.domain-controllers:{title}" in doctor("completion", "zsh", "--", "explain", "dns", env=env).out
    assert f"dns.domain-controllers\t{title}" in doctor("completion", "fish", "--", "explain", "dns", env=env).out


# What is asked of AWS -------------------------------------------------------------------------------


def test_the_cluster_region_and_profile_of_the_line_count(on_aws: dict[str, str], aws: EmbeddedAws) -> None:
    aws.client("ecs", "eu-west-1").create_cluster(clusterName="elsewhere")
    config = Path(on_aws["HOME"]) / "config"
    keys = "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = none\n"
    config.write_text(f"[profile west]\nregion = eu-west-1\n{keys}")
    on_aws = {**on_aws, "AWS_CONFIG_FILE": str(config)}
    assert asked("gmsa-doctor check --region eu-west-1 --cluster ", on_aws) == ["words", "elsewhere"]
    del on_aws["AWS_DEFAULT_REGION"]
    assert asked("gmsa-doctor check --profile=west --cluster ", on_aws) == ["words", "elsewhere"]


def test_more_names_than_a_page_holds_are_all_offered(on_aws: dict[str, str], aws: EmbeddedAws) -> None:
    for number in range(120):
        aws.client("ecs").create_cluster(clusterName=f"many-{number:03}")
    offered = asked("gmsa-doctor check --cluster many-", on_aws)
    assert offered == ["words", *(f"many-{number:03}" for number in range(120))]


def test_a_denied_call_offers_nothing(on_aws: dict[str, str], aws: EmbeddedAws) -> None:
    aws.deny("ecs", "ListClusters")
    assert asked("gmsa-doctor check --cluster ", on_aws) == ["words"]
    assert aws.calls == [("ecs", "ListClusters")]


def test_an_aws_that_hangs_offers_nothing(on_aws: dict[str, str], aws: EmbeddedAws) -> None:
    aws.hang("ecs", "ListClusters")
    for seconds in ("0.5", "soon"):
        env = {**on_aws, "GMSA_DOCTOR_COMPLETION_SECONDS": seconds}
        assert asked("gmsa-doctor check --cluster ", env) == ["words"]


@pytest.mark.parametrize("what", [{"AWS_PROFILE": "nobody"}, {"AWS_DEFAULT_REGION": "the east"}])
def test_a_configuration_that_cannot_be_used_offers_nothing(what: dict[str, str], on_aws: dict[str, str]) -> None:
    assert asked("gmsa-doctor check --cluster ", {**on_aws, **what}) == ["words"]


def test_a_program_that_prompts_has_no_terminal_and_ends_with_the_time(on_aws: dict[str, str], tmp_path: Path) -> None:
    program = tmp_path / "prompts"
    program.write_text('#!/bin/sh\necho $$ > "$0.pid"\n(echo MFA code: > /dev/tty) 2> "$0.error"\nexec sleep 600\n')
    program.chmod(0o755)
    config = tmp_path / "config"
    config.write_text(f"[profile mfa]\nregion = us-east-1\ncredential_process = {program}\n")
    env = {name: value for name, value in on_aws.items() if "KEY" not in name}
    env |= {"AWS_CONFIG_FILE": str(config), "GMSA_DOCTOR_COMPLETION_SECONDS": "8", **installed(COMMAND)}
    with shells.bash(env, Path(env["HOME"])) as terminal:
        line = "gmsa-doctor check --profile mfa --cluster "
        assert terminal.after(f"{line}\t") == line
        assert "MFA code" not in terminal.shown
    assert "/dev/tty" in Path(f"{program}.error").read_text()
    assert not is_running(int(Path(f"{program}.pid").read_text()))


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_names_that_ecs_cannot_have_given_are_dropped() -> None:
    arns = [f"arn:aws:ecs:us-east-1:123456789012:cluster/{name}" for name in ("fine_1", "$(touch x)", "a b", "é", "")]
    assert ecs._names(arns) == ("fine_1",)


def test_it_leaves_no_file_behind(on_aws: dict[str, str]) -> None:
    home = Path(on_aws["HOME"])
    before = sorted(home.rglob("*"))
    assert asked("gmsa-doctor check --cluster st", on_aws) == ["words", "staging"]
    assert sorted(home.rglob("*")) == before


def test_options_and_ids_are_completed_without_loading_what_is_heavy(tmp_path: Path) -> None:
    for line in ("gmsa-doctor check --clu", "gmsa-doctor check --only dns", "gmsa-doctor check --live "):
        modules = loaded(tmp_path, "completion", "bash", "--", line)
        assert not modules & HEAVY
        assert ("gmsa_doctor_checks" in modules) == ("--only" in line)
