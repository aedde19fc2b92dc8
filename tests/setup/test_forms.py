"""The plan in its forms: each passes what checks that language, and none holds a password."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]
from cfnlint.config import ManualArgs  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
from pygments.token import Error, Token  # type: ignore[import-untyped]

from gmsa_doctor.core.model import Owner, Report, Verdict
from gmsa_doctor.setup import parts, powershell, shell
from gmsa_doctor.setup.answers import Answers, Form
from gmsa_doctor.setup.document import render, render_json
from gmsa_doctor.setup.forms import task_definition, written
from gmsa_doctor.setup.plan import EXISTS, MISSING, NOT_CHECKED, Known, State
from tests.aws_cli_model import calls_in, names_its_region, require_known
from tests.command import doctor, environ
from tests.setup.plans import ANSWERS, BY_DHCP, NOTHING, plan

FORMS = (Form.CLOUDFORMATION, Form.TERRAFORM, Form.CDK)
BOTH = pytest.mark.parametrize("answers", [ANSWERS, BY_DHCP], ids=["resolver-rule", "dhcp-options"])


def blocks(text: str, language: str) -> list[str]:
    """Give the blocks of the Markdown document in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def document(form: Form = Form.CLI, answers: Answers = ANSWERS) -> str:
    return render(plan(answers), form, "gmsa-doctor setup")


@BOTH
def test_cfn_lint_finds_nothing_in_the_templates(answers: Answers) -> None:
    for template in blocks(document(Form.CLOUDFORMATION, answers), "yaml"):
        assert lint(template, config=ManualArgs(regions=["eu-west-1"], include_checks=["I"])) == []


@BOTH
def test_terraform_parses(answers: Answers) -> None:
    hcl2 = pytest.importorskip("hcl2")
    configuration, own = blocks(document(Form.TERRAFORM, answers), "hcl")
    made = {(kind, name) for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', configuration, re.MULTILINE)}
    assert len(made) == len(re.findall("^resource ", configuration, re.MULTILINE))
    referred = re.findall(r"(?<![\w.\"])(aws_\w+)\.(\w+)\.\w+", configuration)
    assert referred
    assert set(referred) <= made
    for text in (configuration, own):
        assert hcl2.loads(text)["resource"]


def test_terraform_writes_the_credspec_with_the_arn_of_the_new_secret() -> None:
    text = blocks(document(Form.TERRAFORM), "hcl")[0]
    assert '"CredentialArn": aws_secretsmanager_secret.gmsa.arn' in text
    unknown = render(plan(survey=replace(NOTHING, identity=None)), Form.TERRAFORM, "")
    assert "aws_s3_object" not in unknown
    assert "gmsa-doctor credspec " in unknown


def test_terraform_does_not_interpolate_a_policy() -> None:
    text = blocks(document(Form.TERRAFORM, replace(ANSWERS, key="a*${b}.json")), "hcl")[0]
    assert "$${" in text
    assert not re.search(r"(?<!\$)\$\{", text)


def test_the_cdk_has_a_construct_for_each_resource_of_cloudformation() -> None:
    stack, own = blocks(document(Form.CDK), "typescript")
    templates = "".join(blocks(document(Form.CLOUDFORMATION), "yaml"))
    kinds = sorted(kind.rpartition("::")[2] for kind in re.findall(r"Type: (AWS::\S+)", templates))
    assert sorted(re.findall(r"new \w+\.Cfn(\w+)\(", stack + own)) == kinds
    made = re.findall(r"const (\w+) = new ", stack)
    assert set(re.findall(r"(\w+)\.(?:ref|attr\w+|applyRemovalPolicy)\b", stack)) == set(made)
    assert "vpcId" in stack


_STUBS = """
const made = [];
const anything = () => new Proxy(function () {}, {
  get: (_, name) => (name === 'ref' || name.startsWith('attr')) ? String(name) : anything(),
  apply: () => undefined,
  construct: (_, [, id, properties]) => { made.push(id); return { ref: id, applyRemovalPolicy() {},
    attrGroupId: id, attrResolverEndpointId: id, attrResolverRuleId: id }; },
});
"""


@pytest.mark.skipif(not shutil.which("node"), reason="no node")
def test_the_cdk_stack_runs_in_node(tmp_path: Path) -> None:
    """Without its types and its library, of which each construct records its id: the language is that of node."""
    stack = blocks(document(Form.CDK), "typescript")[0]
    names = re.findall(r"aws_\w+ as (\w+)", stack)
    (name,) = re.findall(r"class (\w+) extends", stack)
    plain = re.sub(r"^import .*\n", "", stack, flags=re.MULTILINE)
    plain = re.sub(r"\((scope): Construct, (id): string, (props)\?: cdk\.StackProps\)", r"(\1, \2, \3)", plain)
    script = (
        f"{_STUBS}const cdk = {{ Stack: class {{}}, RemovalPolicy: {{}} }};\n"
        f"const [{', '.join(names)}] = Array.from({{ length: {len(names)} }}, anything);\n"
        f"{plain.replace('export ', '')}new {name}(null, 'x');\nconsole.log(JSON.stringify(made));\n"
    )
    ended = subprocess.run(["node", "-"], input=script, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == re.findall(r"new \w+\.Cfn\w+\(this, '(\w+)'", stack)


def test_each_plan_has_a_stack_of_the_cdk_of_its_own_in_one_account_and_region() -> None:
    one, other = document(Form.CDK), document(Form.CDK, replace(ANSWERS, log_group="/ecs/other"))
    (name,), (another,) = (re.findall(r"class (GmsaStack\w+) extends", text) for text in (one, other))
    assert name != another
    for text in (f"### gmsa-stack-{name[-6:]}.ts", f"npx cdk deploy {name}\n", f"`new {name}(app, '{name}');`"):
        assert text in one
    assert "env: { account: '111122223333', region: 'eu-west-1' }" in one


def test_terraform_has_one_account_and_no_name_of_a_service() -> None:
    text = document(Form.TERRAFORM, replace(ANSWERS, service="shop", family="shop", container="shop"))
    assert 'allowed_account_ids = ["111122223333"]' in text
    assert '"web"' not in text


@pytest.mark.parametrize("form", FORMS)
def test_what_a_form_cannot_express_remains_as_commands(form: Form) -> None:
    open_parts = [item.part for item in plan().open_of(Owner.AWS)]
    found = written(form, open_parts, ANSWERS)
    assert found
    left = {type(part).__name__ for part in open_parts if part not in found.parts}
    assert left == (set() if form is Form.TERRAFORM else {"CredSpecObject"})
    text = document(form)
    assert "put-secret-value" in text
    assert "create-secret" not in text


@pytest.mark.parametrize("form", FORMS)
def test_an_existing_task_definition_gets_lines(form: Form) -> None:
    part = next(item.part for item in plan().items if isinstance(item.part, parts.TaskDefinition))
    found = task_definition(form, replace(part, revision="web:3"))
    assert found
    assert "prod-credspecs" in found.text
    assert "KRB5CCNAME" in found.text
    assert "web-execution" not in found.text


def test_the_template_of_the_task_definition_is_one_that_check_accepts(tmp_path: Path) -> None:
    file = tmp_path / "task.yaml"
    file.write_text(blocks(document(Form.CLOUDFORMATION), "yaml")[1])
    ended = doctor("check", "--offline", str(file), "--json", env=environ(tmp_path))
    assert (ended.code, ended.statuses()["task-definition.prefix"]) == (0, "pass"), ended.out


# The shells -------------------------------------------------------------------------------------------


def ad_commands() -> list[str]:
    everything = plan(survey=replace(NOTHING, known={**NOTHING.known, parts.Gmsa: NOT_CHECKED}))
    found = [item.part for item in everything.items if isinstance(item.part, parts.InAd)]
    assert {type(part) for part in found} == set(parts.InAd.__subclasses__())
    return [command for part in found for command in powershell.steps(part).commands]


@pytest.mark.parametrize("command", ad_commands())
def test_powershell_has_no_token_that_is_none_and_its_brackets_close(command: str) -> None:
    tokens = list(get_lexer_by_name("powershell").get_tokens(command))
    assert not [text for kind, text in tokens if kind is Error]
    outside = "".join(text for kind, text in tokens if kind not in Token.Literal.String)
    unclosed: list[str] = []
    for char in outside:
        if char in "({[":
            unclosed.append(")}]"["({[".index(char)])
        elif char in ")}]":
            assert unclosed.pop() == char
    assert not unclosed
    assert command.count("'") % 2 == 0


def test_the_cmdlets_ask_the_domain_of_the_plan() -> None:
    assert blocks(document(), "powershell")[0] == "$PSDefaultParameterValues['*-AD*:Server'] = 'corp.example'\n"


def test_powershell_names_stay_names() -> None:
    odd = replace(ANSWERS, group="O'Brien $(calc)", gmsa="web(1)")
    (command,) = powershell.steps(parts.Group(odd.group)).commands
    assert "'(sAMAccountName=O''Brien $\\28calc\\29)'" in command
    assert "-Name 'O''Brien $(calc)'" in command


def test_the_list_of_principals_is_appended_to_and_not_replaced() -> None:
    commands = powershell.steps(parts.Permission("webapp01", "readers")).commands
    assert "($list + $group)" in commands[-1]
    assert commands[-1].startswith("if ($list -notcontains $group)")


def test_only_a_lab_gets_a_root_key_without_ten_hours() -> None:
    real, lab = (powershell.steps(parts.RootKey(lab)) for lab in (False, True))
    assert "ten hours" in real.text
    assert "AddHours" not in " ".join(real.commands)
    assert "AddHours(-10)" in " ".join(lab.commands)


@BOTH
def test_the_commands_of_the_aws_cli_exist_and_name_their_region(answers: Answers) -> None:
    found = [item.part for item in plan(answers).items if not isinstance(item.part, parts.InAd | parts.Image)]
    commands = [command for part in found for command in shell.steps(part, "eu-west-1").commands]
    calls = calls_in(commands)
    assert len(calls) > 12
    for call in calls:
        require_known(call)
        assert names_its_region(call), call


@pytest.mark.parametrize("form", Form)
def test_each_block_of_bash_is_bash(form: Form) -> None:
    for block in blocks(document(form), "bash"):
        ended = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, timeout=30)
        assert ended.returncode == 0, ended.stderr


def test_a_password_is_prompted_for_and_goes_through_a_pipe() -> None:
    (command,) = shell.store_password(parts.Secret("gmsa/web", "svc-web", "corp.example"), "").commands
    assert "/dev/stdin" in command
    for form in Form:
        assert "Passw" not in document(form).replace("Password", "")


# What remains -----------------------------------------------------------------------------------------


def test_only_what_is_missing_remains() -> None:
    known = {**dict.fromkeys(NOTHING.known, EXISTS), parts.LogGroup: NOTHING.of(parts.LogGroup)}
    found = plan(survey=replace(NOTHING, known=known))
    assert [type(item.part) for item in found.open] == [parts.LogGroup]
    text = render(found, Form.CLI, "again")
    assert blocks(text, "bash")[1:] == [
        "aws logs create-log-group --region eu-west-1 --log-group-name /ecs/web\n",
        "again\n",
    ]


def test_nothing_is_left_but_the_image_which_nobody_sees() -> None:
    known = {**dict.fromkeys(NOTHING.known, EXISTS), parts.Image: NOT_CHECKED}
    found = plan(survey=replace(NOTHING, known=known))
    assert not found.open


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, True),
        ({parts.User: NOT_CHECKED}, True),
        ({parts.User: MISSING}, False),
    ],
)
def test_what_is_not_known_does_not_keep_it_from_the_check(
    changes: dict[type[parts.Part], Known], complete: bool
) -> None:
    known = {**dict.fromkeys(NOTHING.known, EXISTS), **changes}
    report = Report("1", Verdict.UNPROVEN, (), (), ())
    assert plan(survey=replace(NOTHING, known=known, report=report)).is_complete is complete
    assert not plan(survey=replace(NOTHING, known=known)).is_complete


def test_the_plan_as_json_has_the_typed_parts() -> None:
    document: dict[str, Any] = json.loads(render_json(plan()))
    group = next(part for part in document["parts"] if part["kind"] == "Group")
    assert group["fields"] == {"name": "webapp01-readers"}
    assert (group["owner"], group["step"], group["state"]) == ("ad", "gmsa-password", State.MISSING)
    assert group["commands"]
    assert document["complete"] is False
