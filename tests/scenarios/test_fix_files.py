"""`check --fix` and the fixes in SARIF: what is mechanical is changed in the file, and nothing else."""

import json
from pathlib import Path

import jsonschema
import pytest

from gmsa_doctor.checking.file_changes import changed_files
from gmsa_doctor.core.changes import Change, replaced
from gmsa_doctor.core.model import Status
from gmsa_doctor.core.registry import load
from gmsa_doctor.formats.documents.text_edits import applied, located
from gmsa_doctor.report import sarif
from tests.command import doctor, environ
from tests.offline import offline, problems
from tests.scenarios.mutants import CREDSPEC, SPECS, TASK_DEFINITION, TEMPLATE

SARIF = Path(__file__).parents[1] / "report/schemas/sarif-schema-2.1.0.json"
LIST = '["credentialspecdomainless:arn:aws:s3:::example-credspecs/web.json"]'
MOVED = TASK_DEFINITION.replace(SPECS, '"memory": 512').replace(
    '"family": "web",', f'"family": "web",\n  "CredentialSpecs": {LIST},'
)
BACK = TASK_DEFINITION.replace(SPECS, '"memory": 512').replace(
    '    {\n      "name": "web"', f'    {{\n      "credentialSpecs": {LIST},\n      "name": "web"'
)

FIXED: list[tuple[str, str | bytes, str]] = [
    *(
        ("td.json", TASK_DEFINITION.replace("credentialspecdomainless:", wrong), TASK_DEFINITION)
        for wrong in ("credentialspec:", "", "CredentialSpecDomainless:", "domainlesscredentialspec:", "credspec=")
    ),
    ("td.json", TASK_DEFINITION.replace("credentialSpecs", "credential_specs"), TASK_DEFINITION),
    ("td.json", MOVED, BACK),
    ("template.yaml", TEMPLATE.replace("CredentialSpecs", "credentialSpecs"), TEMPLATE),
    ("template.yaml", TEMPLATE.replace("credentialspecdomainless:", "credentialspec:"), TEMPLATE),
    ("credspec.json", CREDSPEC.replace("CORP\"", "CORP\","), CREDSPEC),
    ("credspec.json", CREDSPEC.replace("HostAccountConfig", "hostAccountConfig"), CREDSPEC),
    ("credspec.json", CREDSPEC.replace("arn:aws:", "arn:aws-us-gov:"), CREDSPEC),
    ("credspec.json", CREDSPEC.encode("utf-16"), CREDSPEC),
    ("credspec.json", CREDSPEC.encode("utf-16-be"), CREDSPEC),
    ("credspec.json", CREDSPEC.encode("utf-8-sig"), CREDSPEC),
    ("credspec.json", CREDSPEC.replace("\n", "\r\n").replace("CORP\"", "CORP\","), CREDSPEC.replace("\n", "\r\n")),
]  # fmt: skip


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "wrong", "right"), FIXED, ids=range(len(FIXED)))
def test_a_mechanical_fault_is_corrected_and_the_rest_stays(name: str, wrong: str | bytes, right: str) -> None:
    Path(name).write_bytes(wrong if isinstance(wrong, bytes) else wrong.encode())
    report = offline(name)
    assert problems(report)
    ((_, after),) = changed_files(report).values()
    assert after.decode() == right
    Path(name).write_bytes(after)
    assert not problems(offline(name), Status.FAIL, Status.UNKNOWN)
    document = json.loads(sarif.render(report, {check.id: check for check in load().checks}))
    jsonschema.validate(document, json.loads(SARIF.read_text()))
    encoding_only = isinstance(wrong, bytes)
    assert any("fixes" in result for result in document["runs"][0]["results"]) is not encoding_only


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("td.json", TASK_DEFINITION.replace("arn:aws:s3:::example-credspecs", "<bucket>")),
        ("td.json", TASK_DEFINITION.replace('"awsvpc"', '"bridge"')),
        ("td.json", TASK_DEFINITION.replace('["FARGATE"]', '["FARGATE", "EC2"]').replace("domainless:", ":")),
        ("credspec.json", CREDSPEC.replace('"Name": "webapp01"', '"Name": "CORP\\\\webapp01"')),
    ],
)
def test_what_needs_a_decision_is_left_alone(name: str, text: str) -> None:
    Path(name).write_text(text)
    report = offline(name)
    assert problems(report)
    assert changed_files(report) == {}


def test_the_command_shows_a_diff_and_writes_the_file(tmp_path: Path) -> None:
    Path("td.json").write_text(TASK_DEFINITION.replace("credentialspecdomainless:", "credentialspec:"))
    ended = doctor("check", "--offline", "td.json", "--fix", "--yes", env=environ(tmp_path), cwd=tmp_path)
    assert ended.code == 1
    assert '-        "credentialspec:arn' in ended.err
    assert '+        "credentialspecdomainless:arn' in ended.err
    assert Path("td.json").read_text() == TASK_DEFINITION
    again = doctor("check", "--offline", "td.json", "--fix", "--yes", env=environ(tmp_path), cwd=tmp_path)
    assert (again.code, "nothing that can be changed" in again.err) == (0, True)


@pytest.mark.parametrize("arguments", [["td.json", "--fix"], ["td.json", "--yes"]])
def test_without_a_terminal_or_an_effect_it_is_an_error(arguments: list[str], tmp_path: Path) -> None:
    Path("td.json").write_text(TASK_DEFINITION)
    ended = doctor("check", "--offline", *arguments, env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")


def test_a_text_that_is_not_at_its_place_is_not_changed() -> None:
    assert located(b"abc", Change("x", "y"), 1, 1) is None
    assert located(b"\xff", Change("x", "y"), 1, 1) is None
    edits = located(b"a\nbx\nx", Change("x", "y"), 2, 1)
    assert edits
    assert applied(b"a\nbx\nx", edits) == b"a\nby\nx"


def test_only_what_differs_is_replaced() -> None:
    assert (
        replaced("credentialspec:arn:aws:s3:::b/k", "credentialspecdomainless:arn:aws:s3:::b/k").old == "credentialspec"
    )
    assert replaced("b/k", "x:b/k").new.endswith("b/k")
