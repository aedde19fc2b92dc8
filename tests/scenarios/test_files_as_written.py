"""Files as people write them: ordinary ones, the console's and CDK's output, placeholders, and near misses."""

from pathlib import Path

import pytest

from gmsa_doctor.core.exit_code import ExitCode
from gmsa_doctor.core.model import Status
from gmsa_doctor.formats.fetcher import Fetcher
from tests.offline import offline, problems, roots
from tests.scenarios.mutants import CREDSPEC, TASK_DEFINITION

AS_WRITTEN = Path(__file__).parents[1] / "samples" / "as_written"
SPECS, ARN, PREFIX = "task-definition.credentialspecs", "task-definition.arn", "task-definition.prefix"


@pytest.fixture(autouse=True)
def in_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(AS_WRITTEN)


@pytest.mark.parametrize("name", ["a1-ordinary-td.json", "./a1-ordinary-td.json", "a2-console-export-td.json"])
def test_an_ordinary_file_is_passed_over(name: str) -> None:
    report = offline(name, pass_over=True)
    assert (report.exit_code, report.passed_over, report.subjects) == (ExitCode.PASS, 1, ())


def test_a_name_means_the_same_with_a_dot_in_front_and_as_a_whole_path() -> None:
    names = ("a1-ordinary-td.json", "./a1-ordinary-td.json", str(AS_WRITTEN / "a1-ordinary-td.json"))
    assert [roots(offline(name)) for name in names] == [[(Status.FAIL, SPECS, 6)]] * 3


def test_a_domain_joined_host_needs_no_host_account_config() -> None:
    report = offline("b1-ec2-joined-td.json", credspec_file="b1-joined-credspec.json")
    assert (report.exit_code, problems(report)) == (ExitCode.PASS, [])


def test_a_credspec_alone_without_host_account_config_is_a_warning() -> None:
    (finding,) = problems(offline("b1-joined-credspec.json"))
    assert (finding.status, finding.check) == (Status.WARN, "credspec.document")


ROOTS = [
    ("c1-placeholder-bucket.json", Status.UNKNOWN, ARN, 16),
    ("c3-envsubst-arn.json", Status.UNKNOWN, ARN, 16),
    ("c7-region-placeholder-credspec.json", Status.FAIL, "credspec.secret-link", 24),
    ("d1-swapped-prefix.json", Status.FAIL, PREFIX, 16),
    ("d3-task-level.json", Status.FAIL, SPECS, 20),
    ("e5-include.yaml", Status.UNKNOWN, "task-definition.registered", 8),
    ("f1-plugininput-string.json", Status.FAIL, "credspec.document", 23),
    ("f5-smart-quotes.json", Status.FAIL, "credspec.document", 11),
    ("f7-dns-of-sidecar.json", Status.FAIL, "task-definition.dns-settings", 22),
    ("g1-plan-setup-terraform-wrapper.json", Status.FAIL, PREFIX, 2),
]


@pytest.mark.parametrize(("name", "status", "check", "line"), ROOTS, ids=[name for name, *_ in ROOTS])
def test_a_fault_is_found_at_its_line(name: str, status: Status, check: str, line: int) -> None:
    assert roots(offline(name)) == [(status, check, line)]


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ("arn:aws:iam::111122223333:role/exec", "${EXECUTION_ROLE}", "execution-role.present"),
        ("awsvpc", "{{ network_mode }}", "task-definition.network-mode"),
        ("/var/credentials-fetcher/krbdir/krb5cc", "<ccache>", "task-definition.krb5ccname"),
        ('"image": "web:1"', '"image": "web:1", "user": "$USER"', "task-definition.user"),
        ("example-credspecs/web.json", "example-credspecs/__KEY__", ARN),
    ],
)
def test_a_placeholder_in_any_setting_is_unknown(old: str, new: str, check: str, tmp_path: Path) -> None:
    file = tmp_path / "td.json"
    file.write_text(TASK_DEFINITION.replace(old, new))
    assert [(status, id) for status, id, _ in roots(offline(str(file)))] == [(Status.UNKNOWN, check)]


@pytest.mark.parametrize(
    "text", ["arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa-AbCdEf", "<ARN>", "{{ arn }}"]
)
def test_a_placeholder_in_a_credspec_is_unknown(text: str, tmp_path: Path) -> None:
    file = tmp_path / "credspec.json"
    file.write_text(CREDSPEC.replace("arn:aws:secretsmanager:us-east-1:111122223333:secret:gmsa-AbCdEf", text))
    assert roots(offline(str(file))) == [(Status.UNKNOWN, "credspec.secret-link", 22)]


def test_a_prefix_in_another_order_is_fixed_without_repeating_it() -> None:
    (finding,) = problems(offline("d1-swapped-prefix.json"))
    assert finding.expected == "credentialspecdomainless:arn:aws:s3:::example-credspecs/webapp01.json"


def test_the_windows_form_of_plugin_input_has_the_fix_for_an_object() -> None:
    (finding,) = problems(offline("f1-plugininput-string.json"))
    assert finding.fix
    assert '"PluginInput": {"CredentialArn"' in finding.fix.text


@pytest.mark.parametrize("name", ["e1-bucket-arn.yaml", "e6-cdk.out", "g3-container-definitions.json"])
def test_a_value_of_the_deployment_does_not_fail_the_gate(name: str) -> None:
    report = offline(name)
    arns = [finding.status for subject in report.subjects if (finding := subject.finding(ARN))]
    assert (report.exit_code, arns) == (ExitCode.PASS, [Status.PASS])


def test_the_agent_of_an_ec2_host_parses_the_credspec_before_the_daemon() -> None:
    report = offline("f4-ec2-domainless-td.json", credspec_file="f4-trailing-comma-credspec.json", fetcher=Fetcher.V1_3)
    assert roots(report) == [(Status.FAIL, "credspec.document", 11)]
