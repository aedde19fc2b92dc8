from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gmsa_doctor.clients.files import large_file, source_files
from gmsa_doctor.clients.files.file_bytes import FILE_LIMIT
from gmsa_doctor.clients.files.file_search import Broken, Candidate, find
from gmsa_doctor.clients.files.source_files import FileKind, SourceFile, read, sources
from gmsa_doctor.core.limits import RunLimit
from gmsa_doctor.formats.documents.located import Position

SAMPLES = Path(__file__).parents[2] / "samples"
REGISTER = (SAMPLES / "task_definition" / "register.json").read_text()
DESCRIBE = (SAMPLES / "task_definition" / "describe.json").read_text()
PLAN = (SAMPLES / "terraform" / "plan.json").read_text()
COMPOSE = (SAMPLES / "compose" / "ecs-integration.yaml").read_text()
TEMPLATE = """\
Parameters:
  Bucket:
    Type: String
    Default: corp-credspecs
Resources:
  Web:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: web
      ContainerDefinitions:
        - Name: web
          Image: web:1
          CredentialSpecs:
            - !Sub credentialspecdomainless:arn:aws:s3:::${Bucket}/web.json
"""
CREDSPEC = """\
{
  "CmsPlugins": ["ActiveDirectory"],
  "DomainJoinConfig": {"DnsName": "corp.example.com"},
  "ActiveDirectoryConfig": {"GroupManagedServiceAccounts": [{"Name": "web"}]}
}
"""
OURS = {
    "register.json": (REGISTER, FileKind.TASK_DEFINITION),
    "describe.json": (DESCRIBE, FileKind.TASK_DEFINITION),
    "template.yaml": (TEMPLATE, FileKind.TEMPLATE),
    "plan.json": (PLAN, FileKind.PLAN),
    "compose.yaml": (COMPOSE, FileKind.COMPOSE),
    "credspec.json": (CREDSPEC, FileKind.CREDSPEC),
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(root: Path, *patterns: str) -> list[str]:
    return [file.path for file in find(patterns, str(root))]


def the_one(root: Path, *patterns: str) -> SourceFile | Broken:
    (found,) = sources(patterns, {}, str(root))
    return found


def broken(root: Path, *patterns: str) -> Broken:
    found = the_one(root, *patterns)
    assert isinstance(found, Broken)
    assert "\n" not in str(found)
    return found


@contextmanager
def nobody() -> Iterator[None]:
    """Run as a user without access to locked files: root can read everything."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that every user can get to."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


# What a file is


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("named", [True, False])
def test_each_kind_of_file_is_recognized(tmp_path: Path, name: str, named: bool) -> None:
    text, kind = OURS[name]
    write(tmp_path, {name: text})
    found = the_one(tmp_path, name if named else ".")
    assert isinstance(found, SourceFile)
    assert (found.path, found.kind) == (name, kind)
    assert bool(found.definitions) is (kind is not FileKind.CREDSPEC)
    assert found.body == (text.encode() if kind is FileKind.CREDSPEC else None)


def test_both_forms_of_a_task_definition_have_their_own_positions(tmp_path: Path) -> None:
    write(tmp_path, {"describe.json": DESCRIBE, "register.json": REGISTER})
    for found, text in zip(sources(["."], {}, str(tmp_path)), (DESCRIBE, REGISTER), strict=True):
        assert isinstance(found, SourceFile)
        (definition,) = found.definitions
        assert definition.name == "web"
        place = definition.located.at(("containerDefinitions", 0, "credentialSpecs", 0))
        assert place
        assert "credentialspecdomainless:" in text.splitlines()[place.line - 1]


def test_a_task_definition_may_be_yaml(tmp_path: Path) -> None:
    write(tmp_path, {"web.yml": "containerDefinitions:\n  - name: web\n    credentialSpecs: []\n"})
    found = the_one(tmp_path, "web.yml")
    assert isinstance(found, SourceFile)
    assert (found.kind, found.definitions[0].name) == (FileKind.TASK_DEFINITION, "web.yml")


@pytest.mark.parametrize("name", ["stack.template", "stack.template.json", "stack"])
def test_a_template_in_json_is_read_whatever_its_suffix(tmp_path: Path, name: str) -> None:
    properties = {"ContainerDefinitions": [{"Name": "web", "Image": "web:1"}]}
    resource = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    write(tmp_path, {name: json.dumps({"Resources": {"Web": resource}})})
    found = the_one(tmp_path, name)
    assert isinstance(found, SourceFile)
    assert found.kind is FileKind.TEMPLATE


def test_parameters_reach_the_templates(tmp_path: Path) -> None:
    write(tmp_path, {"template.yaml": TEMPLATE})
    (found,) = sources(["template.yaml"], {"Bucket": "other"}, str(tmp_path))
    assert isinstance(found, SourceFile)
    assert "arn:aws:s3:::other/web.json" in repr(found.definitions[0].located.value)


def test_task_definitions_known_only_at_deployment_are_named(tmp_path: Path) -> None:
    properties = {"Family": "web", "ContainerDefinitions": {"Ref": "Containers"}}
    resource = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    parameters = {"Containers": {"Type": "CommaDelimitedList"}}
    write(tmp_path, {"template.json": json.dumps({"Parameters": parameters, "Resources": {"Web": resource}})})
    write(tmp_path, {"plan.json": PLAN})
    plan, template = sources(["."], {}, str(tmp_path))
    assert isinstance(plan, SourceFile)
    assert isinstance(template, SourceFile)
    assert (len(plan.definitions), len(template.definitions)) == (2, 0)
    (later,), (web,) = plan.left_out, template.left_out
    assert later.name == 'module.batch["eu"].module.later.aws_ecs_task_definition.later'
    assert "${aws_s3_object.credspec.arn}" in later.reason
    assert later.position
    assert (web.name, bool(web.position)) == ("Web", True)


def test_a_utf_8_byte_order_mark_is_removed(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_bytes(b"\xef\xbb\xbf" + REGISTER.encode())
    assert isinstance(the_one(tmp_path, "web.json"), SourceFile)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", [CREDSPEC, CREDSPEC[:60]])
def test_a_defective_credspec_is_left_to_its_checks(tmp_path: Path, encoding: str, text: str) -> None:
    (tmp_path / "web.json").write_bytes(text.encode(encoding))
    found = the_one(tmp_path, ".")
    assert isinstance(found, SourceFile)
    assert (found.kind, found.body) == (FileKind.CREDSPEC, text.encode(encoding))


def test_a_credspec_is_recognized_by_any_of_its_keys(tmp_path: Path) -> None:
    write(tmp_path, {"web.json": '{"$schema": "x", "DomainJoinConfig": {}}'})
    found = the_one(tmp_path, ".")
    assert isinstance(found, SourceFile)
    assert found.kind is FileKind.CREDSPEC


def test_the_content_of_a_credspec_is_not_in_its_repr(tmp_path: Path) -> None:
    write(tmp_path, {"web.json": CREDSPEC})
    assert "corp.example.com" not in repr(the_one(tmp_path, "web.json"))


NOT_OURS = {
    "package.json": '{"name": "web", "scripts": {}}',
    "list.json": '["containerDefinitions"]',
    "text.yaml": "- the words container_definitions alone",
    "docker.yaml": (SAMPLES / "compose" / "docker.yaml").read_text(),
    "state.json": '{"format_version": "1.0", "values": {"x": "container_definitions"}}',
    "network.yaml": "Resources:\n  Vpc: {Type: AWS::EC2::VPC}  # for AWS::ECS::TaskDefinition\n",
    "empty.json": "",
    "broken.json": "{",
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_a_file_without_gmsa_is_ignored_in_a_directory_and_reported_if_named(tmp_path: Path, name: str) -> None:
    write(tmp_path, {name: NOT_OURS[name]})
    assert list(sources([".", "*", "*.*"], {}, str(tmp_path))) == []
    found = broken(tmp_path, name)
    assert found.path == name
    if name not in ("empty.json", "broken.json"):
        assert "contains no task definition" in found.reason


# Broken input


TRUNCATED = {name: text[: len(text) // 2] for name, (text, _) in OURS.items() if name.endswith(".json")}
TRUNCATED["template.yaml"] = TEMPLATE + "  Other: {"
TRUNCATED["compose.yaml"] = COMPOSE + "  other: ["
del TRUNCATED["credspec.json"]


@pytest.mark.parametrize(
    ("name", "named"),
    [(name, named) for name in TRUNCATED for named in (True, False) if named or name != "compose.yaml"],
)
def test_a_truncated_file_is_reported_with_its_position(tmp_path: Path, name: str, named: bool) -> None:
    write(tmp_path, {name: TRUNCATED[name]})
    found = broken(tmp_path, name if named else ".")
    assert found.path == name
    assert found.position
    assert str(found).startswith(f"{name}:{found.position.line}:{found.position.column}: ")


@pytest.mark.parametrize(
    ("change", "words", "line"),
    [
        ('"containerDefinitions": {}', "an object, not an array", 2),
        ('"containerDefinitions": [\n{"name": 5}]', "containerDefinitions[0].name is a number", 3),
        ('"containerDefinitions": [\n{}]', "containerDefinitions[0].name is missing", 3),
        ('"ContainerDefinitions": []', "CloudFormation's spelling", 2),
        ('"containerDefinitions": [],\n"family": []', "family is an array", 3),
    ],
)
def test_a_wrong_type_is_reported_with_its_position(tmp_path: Path, change: str, words: str, line: int) -> None:
    for around in ("{\n%s}", '{"taskDefinition": {\n%s}}'):
        write(tmp_path, {"web.json": around % change})
        found = broken(tmp_path, ".")
        assert words in found.reason
        assert found.position
        assert found.position.line == line


def test_containers_of_a_plan_that_are_not_json_are_reported_with_their_position(tmp_path: Path) -> None:
    write(tmp_path, {"plan.json": PLAN.replace('[{\\"name\\"', "[{{")})
    found = broken(tmp_path, ".")
    assert "container_definitions" in found.reason
    assert found.position


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_huge_file_is_reported_if_it_is_named_or_about_a_gmsa(tmp_path: Path, suffix: str) -> None:
    filler = "x" * FILE_LIMIT
    write(
        tmp_path,
        {
            f"defined{suffix}": f'{{"containerDefinitions": "{filler}"}}',
            f"other{suffix}": f'"{filler}"',
            f"with-gmsa{suffix}": f'{{"containerDefinitions": "{filler}", "credentialSpecs": []}}',
        },
    )
    assert broken(tmp_path, ".").path == f"with-gmsa{suffix}"
    for name in ("defined", "other", "with-gmsa"):
        assert broken(tmp_path, f"{name}{suffix}").reason == "is larger than 4 MB; only a Terraform plan may be longer"


def padded(plan: str, prior_state: str) -> str:
    """The plan with a prior state, which nothing reads, before its other parts."""
    return plan.replace("{", f'{{"prior_state": {prior_state},', 1)


STATE = json.dumps([{"address": f"aws_iam_policy.{number}", "values": {"name": "é" * 50}} for number in range(30_000)])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_plan_of_any_length_gives_the_same_as_its_short_form(tmp_path: Path, encoding: str) -> None:
    assert len(STATE) > FILE_LIMIT
    (tmp_path / "plan.json").write_text(PLAN)
    short = read(Candidate("plan.json", named=True), {}, str(tmp_path))
    (tmp_path / "plan.json").write_text(padded(PLAN, STATE), encoding=encoding)
    for named in (True, False):
        long = read(Candidate("plan.json"), {}, str(tmp_path))
        assert isinstance(short, SourceFile)
        assert isinstance(long, SourceFile)
        long, same = replace(long, named=named), replace(short, named=named)
        assert [one.located.value for one in long.definitions] == [one.located.value for one in same.definitions]
        assert [one.located.positions for one in long.definitions[1:]] == [
            one.located.positions for one in same.definitions[1:]
        ]
        assert long.left_out == same.left_out


def test_a_long_plan_is_read_in_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    policy = json.dumps({"address": "aws_iam_policy.p", "values": {"policy": "x" * 20_000}})
    file.write_text(padded(PLAN, f"[{', '.join([policy] * 2_000)}]"))
    assert file.stat().st_size > 40_000_000
    tracemalloc.start()
    try:
        found = read(Candidate("plan.json", named=True), {}, str(tmp_path))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(found, SourceFile)
    assert len(found.definitions) == 2
    assert peak < 12_000_000


def test_a_long_plan_that_is_not_json_is_reported_with_its_line(tmp_path: Path) -> None:
    text = padded(PLAN, STATE)
    (tmp_path / "plan.json").write_text(text.rstrip()[:-1] + "\n}\n]")
    found = broken(tmp_path, "plan.json")
    assert found.reason == "there is more text after the end of the JSON value"
    assert found.position == Position(text.rstrip().count("\n") + 3, 1)


def test_a_plan_over_the_limit_is_reported_with_a_shorter_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_file, "PLAN_LIMIT", FILE_LIMIT + 1000)
    (tmp_path / "plan.json").write_text(padded(PLAN, STATE))
    for name in ("plan.json", "."):
        found = broken(tmp_path, name)
        assert re.search(r"is larger than 4 MB; without its prior state the plan is shorter: .*jq -c", found.reason)
        assert not found.is_late


class Clock:
    """A clock that goes on by a second each time that it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_a_long_file_is_read_until_the_time_is_over(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(padded(PLAN, STATE))
    late = read(Candidate("plan.json", named=True), {}, str(tmp_path), limit=RunLimit(3, Clock()))
    assert isinstance(late, Broken)
    assert late.is_late
    assert late.reason == "the time for the whole run was over (--timeout)"
    assert isinstance(read(Candidate("plan.json"), {}, str(tmp_path), limit=RunLimit(1000, Clock())), SourceFile)


KUBERNETES = "apiVersion: windows.k8s.io/v1\nkind: GMSACredentialSpec\n---\nkind: Pod\n"
HELM = "{{- if .Values.gmsa }}\nsecurityContext:\n  gmsaCredentialSpecName: {{ .Values.name }}\n{{- end }}\n"


@pytest.mark.parametrize("text", [KUBERNETES, HELM], ids=["Kubernetes", "Helm"])
def test_other_uses_of_the_word_credential_spec_are_ignored(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"deployment.yaml": text, "template.yaml": TEMPLATE})
    (found,) = sources(["."], {}, str(tmp_path))
    assert isinstance(found, SourceFile)
    assert list(sources(["deployment.yaml"], {}, str(tmp_path), pass_over=True)) == []


def test_the_documents_of_a_yaml_file_are_read(tmp_path: Path) -> None:
    credspec = "kind: GMSACredentialSpec\ncredspec: {DomainJoinConfig: {DnsName: corp.example}}\n"
    two = "".join(
        f"---\nfamily: {name}\ncontainerDefinitions: [{{name: web, credentialSpecs: ['x']}}]\n" for name in ("a", "b")
    )
    write(tmp_path, {"one.yaml": f"kind: ClusterRole\n---\n{credspec}", "two.yaml": two, "mixed.yaml": credspec + two})
    (one,) = sources(["one.yaml"], {}, str(tmp_path))
    assert isinstance(one, SourceFile)
    assert (one.kind, one.located and one.located.at(("DomainJoinConfig",))) == (FileKind.CREDSPEC, Position(4, 12))
    (found,) = sources(["two.yaml"], {}, str(tmp_path))
    assert isinstance(found, SourceFile)
    assert [definition.name for definition in found.definitions] == ["a", "b"]
    assert "a second document with" in broken(tmp_path, "mixed.yaml").reason


CYCLE = "containerDefinitions: &all\n  - name: web\n    again: *all\n"
BOMB = "containerDefinitions: [a]\na0: &a0 [x, x]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 30)
)


@pytest.mark.parametrize("text", [CYCLE, BOMB, "containerDefinitions: *none", "containerDefinitions: " + "[" * 50_000])
def test_yaml_that_never_ends_is_reported(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"web.yaml": text})
    assert broken(tmp_path, ".").path == "web.yaml"


def test_deeply_nested_json_is_reported(tmp_path: Path) -> None:
    write(tmp_path, {"web.json": '{"containerDefinitions": ' + "[" * 100_000})
    assert broken(tmp_path, ".").path == "web.json"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x7fELF\x00\x00containerDefinitions\xff\xfe", "is not text"),
        (b'{"containerDefinitions":\n "caf\xe9"}', "is not UTF-8"),
        (REGISTER.encode("utf-16"), "is UTF-16"),
        (REGISTER.encode("utf-16-le"), "is UTF-16"),
        (REGISTER.encode("utf-32"), "or UTF-32"),
        (b"PK\x03\x04 containerDefinitions", "terraform show -json"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_file_that_is_not_utf_8_is_reported(tmp_path: Path, body: bytes, words: str, named: bool) -> None:
    (tmp_path / "web.json").write_bytes(body)
    assert words in broken(tmp_path, "web.json" if named else ".").reason


def test_a_byte_that_is_not_utf_8_is_reported_with_its_position(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_bytes(b'{"containerDefinitions":\n "caf\xe9"}')
    assert broken(tmp_path, ".").position == Position(2, 6)


def test_an_unreadable_file_is_reported(open_path: Path) -> None:
    write(open_path, {"web.json": REGISTER})
    (open_path / "web.json").chmod(0)
    with nobody():
        assert broken(open_path, "web.json").reason == "cannot be read: Permission denied"
        assert broken(open_path, ".").path == "web.json"


def test_an_unreadable_directory_is_reported_and_the_others_are_read(open_path: Path) -> None:
    write(open_path, {"locked/web.json": REGISTER, "web.json": REGISTER})
    (open_path / "locked").chmod(0)
    with nobody():
        found = list(sources(["."], {}, str(open_path)))
    (open_path / "locked").chmod(0o755)
    assert [(type(file), file.path) for file in found] == [(SourceFile, "web.json"), (Broken, "locked")]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    assert broken(tmp_path, "web.json") == Broken("web.json", "cannot be read: No such file or directory")
    assert "NUL" in broken(tmp_path, "web\0.json").reason
    assert "NUL" in broken(tmp_path, "web\0*.json").reason
    assert "cannot be read" in broken(tmp_path, "x" * 5000).reason


def test_a_file_that_vanished_after_it_was_found_is_reported(tmp_path: Path) -> None:
    write(tmp_path, {"web.json": REGISTER})
    (candidate,) = find(["."], str(tmp_path))
    (tmp_path / "web.json").unlink()
    assert isinstance(candidate, Candidate)
    assert read(candidate, {}, str(tmp_path)) == Broken("web.json", "cannot be read: No such file or directory")


def test_a_directory_in_place_of_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "web.json").mkdir()
    assert read(Candidate("web.json"), {}, str(tmp_path)) == Broken("web.json", "is a directory, not a file")


def test_pipes_sockets_and_devices_are_reported_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.json"))
    assert broken(tmp_path, "pipe.json").reason == "is a pipe, not a file"
    assert broken(tmp_path, "s.json").reason == "is a socket, not a file"
    assert broken(tmp_path, "/dev/zero").reason == "is a device, not a file"
    assert list(sources(["."], {}, str(tmp_path))) == []


SNIPPETS = st.sampled_from([b"[", b"}", b"null", b"5", b": &a *a", b"<<"])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_bytes_give_at_most_one_result(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(OURS)))
    body = bytearray(OURS[name][0].encode())
    for _ in range(data.draw(st.integers(0, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 40)))
        body[start:end] = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"[", b"}", b"null", b"5", b": &a *a", b"<<"])
        )
    for named in (True, False):
        found = source_files.classify(Candidate(name, named), bytes(body), {})
        assert found is None or found.path == name
        assert found is not None or not named


# Which files there are


def test_a_repository_is_searched_in_a_stable_order(tmp_path: Path) -> None:
    write(
        tmp_path,
        dict.fromkeys(
            (
                *("b.json", "a.yml", "README.md", "services/web/task.json", "services/api/task.yaml"),
                *("services/api.template", "main.tf.json", ".github/workflows/ci.yml", ".git/config.json"),
                *("web/node_modules/x/package.json", ".venv/lib/x.json", "infra/.terraform/modules.json"),
            ),
            "{}",
        ),
    )
    assert paths(tmp_path, ".") == [
        "a.yml",
        "b.json",
        "main.tf.json",
        ".github/workflows/ci.yml",
        "services/api.template",
        "services/api/task.yaml",
        "services/web/task.json",
    ]
    assert paths(tmp_path, "services/", "./b.json") == [*paths(tmp_path, "services"), "b.json"]


def test_a_skipped_directory_is_searched_if_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"infra/.terraform/a.json": "{}"})
    assert paths(tmp_path, ".") == []
    assert paths(tmp_path, "infra/.terraform") == ["infra/.terraform/a.json"]
    assert paths(tmp_path, "infra/.terraform/*.json") == ["infra/.terraform/a.json"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.json", ["a.json"]),
        ("**/*.json", ["a.json", "x/b.json", "x/y/c.json"]),
        ("**", ["a.json", "x/b.json", "x/d.yaml", "x/y/c.json"]),
        ("x/**", ["x/b.json", "x/d.yaml", "x/y/c.json"]),
        ("x/**/c.json", ["x/y/c.json"]),
        ("x/*/c.json", ["x/y/c.json"]),
        ("**/**/c.json", ["x/y/c.json"]),
        ("*", ["a.json", "x/b.json", "x/d.yaml", "x/y/c.json"]),
        ("x/?.json", ["x/b.json"]),
        ("x/[!b].*", ["x/d.yaml"]),
        ("**/y", ["x/y/c.json"]),
        ("./x/*.tpl", ["x/e.tpl"]),
    ],
)
def test_globs_match_files_and_files_below_directories(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    write(tmp_path, dict.fromkeys(("a.json", "x/b.json", "x/y/c.json", "x/d.yaml", "x/e.tpl"), "{}"))
    assert paths(tmp_path, pattern) == expected
    assert paths(tmp_path, str(tmp_path / pattern)) == [str(tmp_path / name) for name in expected]


def test_a_glob_searches_only_directories_that_may_match(open_path: Path) -> None:
    write(open_path, {"a.json": "{}", "locked/a.json": "{}", "x/a.json": "{}", "x/node_modules/b.json": "{}"})
    (open_path / "locked").chmod(0)
    with nobody():
        for pattern in ("*.json", "x/*.json", "*/a.json"):
            found = find([pattern], str(open_path))
            assert (Broken("locked", "cannot be read: Permission denied") in found) is (pattern == "*/a.json")
    (open_path / "locked").chmod(0o755)
    assert paths(open_path, "*/node_modules/*.json") == ["x/node_modules/b.json"]


def test_a_glob_that_matches_nothing_is_reported(tmp_path: Path) -> None:
    assert broken(tmp_path, "*/../*.json").reason == "matches no file"
    assert broken(tmp_path, "*.json") == Broken("*.json", "matches no file")
    assert broken(tmp_path, "none/*.json").path == "none"


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path: Path) -> None:
    write(tmp_path, {"a[1].json": "{}", "a1.json": "{}"})
    assert find(["a[1].json"], str(tmp_path)) == (Candidate("a[1].json", named=True),)


def test_each_file_comes_once_and_counts_as_named_if_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"x/a.json": "{}", "x/b.json": "{}"})
    (tmp_path / "x" / "c.json").symlink_to("b.json")
    found = find([".", "x/*.json", "x/b.json", str(tmp_path / "x")], str(tmp_path))
    assert found == (Candidate("x/a.json"), Candidate("x/b.json", named=True))


def test_links_do_not_cause_a_loop(tmp_path: Path) -> None:
    write(tmp_path, {"x/a.json": "{}"})
    for number in range(5):
        (tmp_path / "x" / f"again{number}").symlink_to("..")
    (tmp_path / "x" / "itself.json").symlink_to("itself.json")
    (tmp_path / "x" / "gone.json").symlink_to("nowhere.json")
    (tmp_path / "link").symlink_to("x")
    for pattern in (".", "**", "**/*.json"):
        assert paths(tmp_path, pattern) == ["x/a.json"]
    assert paths(tmp_path, "link") == ["link/a.json"]


CDK_TEMPLATE = json.dumps(
    {
        "Resources": {
            "Web": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"ContainerDefinitions": [{"Name": "web", "Image": {"Fn::Sub": "web.${AWS::Region}"}}]},
            }
        }
    }
)
CDK_STACK = {
    "type": "aws:cloudformation:stack",
    "environment": "aws://123456789012/eu-west-1",
    "properties": {"templateFile": "Web.template.json"},
}


def test_cdks_templates_are_read_and_its_assets_are_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "cdk.out/manifest.json": json.dumps({"version": "36.0.0", "artifacts": {"Web": CDK_STACK}}),
            "cdk.out/Web.template.json": CDK_TEMPLATE,
            "cdk.out/WebInner.nested.template.json": CDK_TEMPLATE,
            "cdk.out/asset.0123/template.json": CDK_TEMPLATE,
            "cdk.out/assembly-Prod/Api.template.json": CDK_TEMPLATE,
            "site/asset.0123/task.json": REGISTER,
            "site/manifest.json": '{"short_name": "Corp"}',
        },
    )
    found = list(sources(["."], {}, str(tmp_path)))
    assert [file.path for file in found] == [
        "cdk.out/Web.template.json",
        "cdk.out/WebInner.nested.template.json",
        "cdk.out/assembly-Prod/Api.template.json",
        "site/asset.0123/task.json",
    ]
    assert ["web.eu-west-1" in repr(file) for file in found] == [True, False, False, False]
    assert "web.us-east-1" in repr(next(sources(["cdk.out"], {"AWS::Region": "us-east-1"}, str(tmp_path))))
    assert "web.eu-west-1" in repr(next(sources(["cdk.out", "cdk.out/Web.template.json"], {}, str(tmp_path))))


def test_a_manifest_of_cdk_that_is_broken_is_reported_and_its_templates_are_read(tmp_path: Path) -> None:
    manifest = json.dumps({"version": "36.0.0", "artifacts": {"Web": CDK_STACK}})
    write(tmp_path, {"cdk.out/manifest.json": manifest[:-1], "cdk.out/Web.template.json": CDK_TEMPLATE})
    found = list(sources(["."], {}, str(tmp_path)))
    assert [(type(file), file.path) for file in found] == [
        (Broken, "cdk.out/manifest.json"),
        (SourceFile, "cdk.out/Web.template.json"),
    ]


def test_a_defective_file_does_not_stop_the_others(tmp_path: Path) -> None:
    write(tmp_path, {name: text for name, (text, _) in OURS.items()})
    write(tmp_path, {"broken.json": REGISTER[:-100], "none.json": "{}"})
    found = list(sources([".", "gone.json", "none.json"], {}, str(tmp_path)))
    assert [file.path for file in found if isinstance(file, Broken)] == ["broken.json", "none.json", "gone.json"]
    assert {file.path for file in found if isinstance(file, SourceFile)} == set(OURS)


def test_a_deep_tree_is_searched(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(60):
        deep = deep / "directory"
    write(tmp_path, {str(deep.relative_to(tmp_path) / "web.json"): REGISTER})
    assert len(list(sources(["."], {}, str(tmp_path)))) == 1
    shutil.rmtree(tmp_path / "directory")
