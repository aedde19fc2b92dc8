"""The Terraform modules, as far as they can be tested without a provider."""

import re
import shutil
import subprocess
from pathlib import Path

import hcl2
import pytest

from tests.deploy.templates import NIGHTLY, TERRAFORM, Template

MODULES = [TERRAFORM / name for name in ("run-role", "nightly", "fleet", "fleet-member")]
WITH_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)


def text_of(module: Path) -> str:
    """All that is written in a module, without comments."""
    files = sorted(module.glob("*.tf"))
    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= {one.name for one in files}
    return "\n".join(re.sub(r"^\s*#.*$", "", one.read_text(), flags=re.MULTILINE) for one in files)


@WITH_MODULE
def test_each_file_is_valid_hcl(module: Path) -> None:
    for file in module.glob("*.tf"):
        assert hcl2.loads(file.read_text()), file.name


@WITH_MODULE
def test_each_variable_is_declared_once_described_and_used(module: Path) -> None:
    text = text_of(module)
    declared = re.findall(r'^variable "(\w+)" \{\n  description = ".+"\n  type ', text, re.MULTILINE)
    assert len(declared) == len(re.findall(r"^variable ", text, re.MULTILINE))
    assert sorted(declared) == sorted(set(re.findall(r"\bvar\.(\w+)", text)))


@WITH_MODULE
def test_each_local_is_declared_and_used(module: Path) -> None:
    text = text_of(module)
    blocks = re.findall(r"^locals \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    declared = {name for block in blocks for name in re.findall(r"^  (\w+)\s+=", block, re.MULTILINE)}
    assert declared == set(re.findall(r"\blocal\.(\w+)", text))


@WITH_MODULE
def test_each_resource_that_is_referred_to_is_there(module: Path) -> None:
    text = text_of(module)
    made = {f"{kind}.{name}" for kind, name in re.findall(r'^(?:resource) "(\w+)" "(\w+)"', text, re.MULTILINE)}
    read = {f"data.{kind}.{name}" for kind, name in re.findall(r'^data "(\w+)" "(\w+)"', text, re.MULTILINE)}
    used = set(re.findall(r"(?<![\w.\"])((?:data\.)?aws_\w+\.\w+)", text))
    assert used <= made | read
    assert read <= used


@WITH_MODULE
def test_each_policy_template_gets_the_values_that_it_asks_for(module: Path) -> None:
    calls = re.findall(
        r'templatefile\("\$\{path\.module\}/policies/([\w.]+)", \{\n(.*?)\n *\}\)', text_of(module), re.DOTALL
    )
    assert {name for name, _ in calls} == {one.name for one in (module / "policies").iterdir()}
    for name, arguments in calls:
        given = re.findall(r"^ +(\w+)\s+=", arguments, re.MULTILINE)
        asked = re.findall(r"\$\{(\w+)\}", (module / "policies" / name).read_text())
        assert set(given) == set(asked), name


def test_the_command_and_the_alarms_are_those_of_cloudformation() -> None:
    text = text_of(TERRAFORM / "nightly")
    (block,) = re.findall(r"command = \[(.*?)\]", text, re.DOTALL)
    (container,) = Template(NIGHTLY).properties("TaskDefinition")["ContainerDefinitions"]
    fixed = [one for one in container["Command"] if one in ("check", "always", "300") or str(one).startswith("--")]
    assert re.findall(r'"([^"]*)"', block) == fixed
    for alarm in ("FailAlarm", "UnprovenAlarm", "IncompleteAlarm", "NoRunAlarm"):
        properties = Template(NIGHTLY).properties(alarm)
        names = ("MetricName", "Statistic", "ComparisonOperator", "TreatMissingData")
        metric, statistic, comparison, missing = (properties[one] for one in names)
        wanted = [("metric", metric), ("statistic", statistic), ("comparison", comparison), ("missing", missing)]
        pattern = r"\n(?:.*\n)?".join(rf' +{name} +\= "{value}"' for name, value in wanted)
        assert re.search(pattern, text), alarm


def test_the_rule_takes_the_verdicts_of_cloudformation() -> None:
    (verdicts,) = re.findall(r"verdict +\= \[(.*?)\]", text_of(TERRAFORM / "nightly"))
    rule = Template(NIGHTLY).properties("VerdictRule")
    assert re.findall(r'"(\w+)"', verdicts) == rule["EventPattern"]["detail"]["verdict"]


def test_the_variables_defaults_are_those_of_cloudformation() -> None:
    text = (TERRAFORM / "nightly" / "variables.tf").read_text()
    parameters = Template(NIGHTLY).source["Parameters"]
    for parameter, variable in {
        "Schedule": "schedule",
        "TimeZone": "time_zone",
        "HoursWithoutRun": "hours_without_run",
        "MetricsNamespace": "metrics_namespace",
        "EventBusName": "event_bus_name",
        "CpuArchitecture": "cpu_architecture",
    }.items():
        (default,) = re.findall(rf'^variable "{variable}" \{{.*?^  default +\= (.*?)$', text, re.MULTILINE | re.DOTALL)
        assert default.strip('"') == str(parameters[parameter]["Default"])


@pytest.mark.skipif(not shutil.which("terraform"), reason="no terraform here: it would parse the modules")
def test_terraform_can_parse_the_modules_and_has_no_other_wish_for_their_form() -> None:
    command = ["terraform", "fmt", "-check", "-diff", "-recursive", str(TERRAFORM)]
    ended = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/local/bin:/usr/bin:/bin"})
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


@WITH_MODULE
def test_the_readmes_example_gives_the_variables_that_have_no_default_and_no_others(module: Path) -> None:
    readme = (TERRAFORM / "README.md").read_text()
    (example,) = re.findall(rf"/{module.name}\"\n(.*?)\n\}}", readme, re.DOTALL)
    given = set(re.findall(r"^  (\w+)\s+=", example, re.MULTILINE))
    blocks = re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text_of(module), re.MULTILINE | re.DOTALL)
    assert {name for name, block in blocks if "default" not in block} <= given <= {name for name, _ in blocks}
