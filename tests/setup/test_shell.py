"""The commands for a shell, run by bash: they stop where they must, and a password is in none of them."""

import json
import os
import pty
import re
import subprocess
import termios
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from gmsa_doctor.given.subject import Controller
from gmsa_doctor.setup import parts, shell
from gmsa_doctor.setup.plan import EXISTS
from tests.aws_cli_model import calls_in, require_known
from tests.setup.plans import ANSWERS, NOTHING, plan
from tests.setup.test_forms import blocks, document


def test_the_shell_has_the_profile_and_says_if_the_account_is_another(tmp_path: Path) -> None:
    assert "AWS_PROFILE" not in document()
    text = document(answers=replace(ANSWERS, profile="my prod"))
    beginning = shell.beginning("111122223333", "my prod")
    assert text.count(beginning) == 2  # of the AWS administrator, and of the developer
    assert beginning.startswith("export AWS_PROFILE='my prod'\n")
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/sh\necho "$ACCOUNT"\n')
    aws.chmod(0o755)
    for account, says in (("111122223333", ""), ("444455556666", "STOP: these are not credentials of the account")):
        env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "ACCOUNT": account}
        ended = subprocess.run(["bash"], input=beginning, capture_output=True, text=True, timeout=30, env=env)
        assert (ended.stderr.startswith(says), bool(ended.stderr)) == (True, bool(says))


def test_a_task_definition_that_a_service_runs_is_edited_and_deployed() -> None:
    found = replace(NOTHING, known={**NOTHING.known, parts.Service: EXISTS}, revision="web:3")
    part = next(item.part for item in plan(survey=found).items if isinstance(item.part, parts.TaskDefinition))
    save, register, deploy = shell.steps(part, "eu-west-1").commands
    assert "--task-definition web:3 " in save
    assert register.startswith("revision=$(aws ecs register-task-definition ")
    assert deploy.startswith("aws ecs update-service --region eu-west-1 --cluster prod --service web ")
    assert deploy.endswith('--task-definition "${revision:?}"')
    for call in calls_in((save, register, deploy)):
        require_known(call)
    alone = next(
        item.part for item in plan(survey=replace(NOTHING, revision="web:3")).items if item.part.title == part.title
    )
    assert "update-service" not in " ".join(shell.steps(alone, "eu-west-1").commands)


@pytest.mark.parametrize(
    ("controller", "deployment", "says", "command"),
    [
        (Controller.CODE_DEPLOY, "d-1", "CodeDeploy deploys web", "aws deploy create-deployment --region eu-west-1 "),
        (Controller.EXTERNAL, "", "An external controller deploys web", "aws ecs create-task-set --region eu-west-1 "),
    ],
)
def test_a_service_that_ecs_does_not_deploy_gets_the_commands_of_what_does(
    controller: Controller, deployment: str, says: str, command: str
) -> None:
    known = {**NOTHING.known, parts.Service: EXISTS}
    found = replace(NOTHING, known=known, revision="web:3", controller=controller, deployment=deployment)
    part = next(item.part for item in plan(survey=found).items if isinstance(item.part, parts.TaskDefinition))
    fix = shell.steps(part, "eu-west-1")
    assert says in fix.text
    assert any(own.startswith(command) for own in fix.commands)
    assert not any("update-service " in own for own in fix.commands)
    for call in calls_in(fix.commands):
        require_known(call)


def test_each_vpc_has_a_forward_rule_of_its_own() -> None:
    here, there = (
        next(item.part for item in plan(answers).items if isinstance(item.part, parts.ForwardRule))
        for answers in (
            ANSWERS,
            replace(ANSWERS, vpc="vpc-1f2e3d4c5b6a79880", domain="a-long-name." * 5 + "corp.example"),
        )
    )
    names = [
        set(
            re.findall(r"(?:--creator-request-id|--name|--group-name) (\S+)", " ".join(shell.steps(part, "x").commands))
        )
        for part in (here, there)
    ]
    assert names[0] == {"gmsa-corp-example-vpc-0a1b2c3d"}
    (name,) = names[1]
    assert len(name) == 64
    assert name.endswith("-vpc-1f2e3d4c5b6a79880")


@pytest.mark.parametrize(
    ("state", "found", "calls"),
    [
        ("OPERATIONAL", "None", ["create-security-group", "create-resolver-endpoint", "create-resolver-rule"]),
        ("OPERATIONAL", "id-1", []),
        ("ACTION_NEEDED", "None", ["create-security-group", "create-resolver-endpoint"]),
        ("OPERATIONAL", "", []),
    ],
    ids=["nothing exists", "all exists", "the endpoint is broken", "AWS does not answer"],
)
def test_the_commands_of_the_forward_rule_find_what_exists_and_stop(
    state: str, found: str, calls: list[str], tmp_path: Path
) -> None:
    aws = tmp_path / "aws"
    aws.write_text(
        '#!/bin/sh\necho "$2" >> "$LOG"\ncase "$2" in\n'
        'list-*|describe-*) test -n "$FOUND" && echo "$FOUND";;\nget-*) echo "$STATE";;\ncreate-*) echo id-2;;\nesac\n'
    )
    aws.chmod(0o755)
    part = next(item.part for item in plan().items if isinstance(item.part, parts.ForwardRule))
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(tmp_path / "log"), "STATE": state, "FOUND": found}
    script = "\n".join(shell.steps(part, "x").commands)
    subprocess.run(
        ["bash", "--norc", "-i"],
        input=script,
        capture_output=True,
        text=True,
        timeout=60,
        env=env,
        start_new_session=True,
    )
    log = (tmp_path / "log").read_text().split()
    assert [call for call in log if call.startswith("create-")] == calls
    assert ("associate-resolver-rule" in log) is (state == "OPERATIONAL" and bool(found))
    assert ("update-resolver-rule" in log) is (found == "id-1")


def test_a_password_that_is_pasted_after_the_block_is_typed_at_its_prompt(tmp_path: Path) -> None:
    """In a terminal without bracketed paste, where `read` takes the next line of what was pasted."""
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/sh\necho "$@" > "$LOG"\ncat >> "$LOG"\n')
    aws.chmod(0o755)
    log = tmp_path / "log"
    (block,) = (found for found in blocks(document(), "bash") if "read -rsp" in found)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "TERM": "dumb", "PS1": "$ ", "PS2": "> "}
    assert "nothing is stored" in typed(block, "", env).lower()
    assert not log.exists()
    shown = typed(block, "S3cret!", env)
    assert "S3cret!" not in shown
    call, value = log.read_text().split("\n", 1)
    assert call.startswith("secretsmanager create-secret --region eu-west-1 --name gmsa/webapp01 ")
    assert json.loads(value) == {"username": "svc-webapp01", "password": "S3cret!", "domainName": "corp.example"}


def typed(block: str, password: str, env: dict[str, str]) -> str:
    """Paste the block into bash on a terminal, and type the password when it no longer echoes; give what is shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["timeout", "--foreground", "60", "bash", "--norc", "--noprofile", "-i"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        start_new_session=True,
    ) as shell_:
        os.close(theirs)
        shown = b""
        os.write(ours, block.encode())
        while not re.search(rb"Password of [\w-]+: $", shown):
            shown += os.read(ours, 4096)
        while termios.tcgetattr(ours)[3] & termios.ECHO and shell_.poll() is None:
            os.sched_yield()
        os.write(ours, f"{password}\nexit\n".encode())
        with suppress(OSError):  # the end of a terminal
            while read := os.read(ours, 4096):
                shown += read
        shell_.wait(30)
    os.close(ours)
    return shown.decode()
