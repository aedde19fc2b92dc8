"""Files before AWS: the shapes of sample stacks, each whole and broken, and each finding at its file and line."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import Ended, doctor, environ

SAMPLES = Path(__file__).parents[1] / "samples"
FARGATE = "cloudformation/fargate-s3.yaml"
SSM = "cloudformation/ec2-ssm.json"
JOINED = "cloudformation/ec2-joined.yaml"
ENTRY = '- !Sub "credentialspecdomainless:${CredSpecBucket.Arn}/${CredSpecKey}"'
JOINED_ENTRY = "- - Fn::Sub: credentialspec:arn:aws:s3:::${Bucket}/batch.json"
SPECS = "credentialSpecs"
PREFIX, ARN = "task-definition.prefix", "task-definition.arn"
MODE, DNS = "task-definition.network-mode", "task-definition.dns-settings"
PRESENT, ROLE = "task-definition.credentialspecs", "execution-role.present"


def check(directory: Path, *arguments: str, **options: Any) -> Ended:
    return doctor(
        "check", "--offline", "--format", "json", *arguments, env=environ(directory), cwd=directory, **options
    )


def told(ended: Ended, *statuses: str) -> list[dict[str, Any]]:
    findings = (one for each in ended.document["subjects"] for one in each["findings"])
    return [one for one in findings if one["status"] in (statuses or ("fail", "warn", "unknown", "error"))]


@pytest.mark.parametrize(
    ("sample", "arguments"),
    [
        (FARGATE, []),
        (SSM, []),
        (JOINED, ["--parameter", "UseGmsa=yes"]),
        ("task_definition/register.json", []),
        ("task_definition/describe.json", []),
    ],
)
def test_a_sample_that_is_right_has_no_failure(sample: str, arguments: list[str], tmp_path: Path) -> None:
    ended = check(tmp_path, str(SAMPLES / sample), *arguments)
    assert (ended.code, told(ended, "fail", "unknown", "error")) == (0, []), ended.out + ended.err


@pytest.mark.parametrize(
    ("sample", "check_id"),
    [(JOINED, PREFIX), ("cloudformation/sam.yaml", ARN), ("cloudformation/cdk.out", ARN)],
)
def test_a_value_that_the_deployment_gives_is_not_checked(sample: str, check_id: str, tmp_path: Path) -> None:
    ended = check(tmp_path, str(SAMPLES / sample))
    finding = ended.finding(check_id)
    assert (ended.code, ended.document["verdict"]) == (0, "unproven")
    assert finding["status"] in ("skipped", "pass")
    assert "${" in finding["summary"]


def test_it_can_be_required(tmp_path: Path) -> None:
    ended = check(tmp_path, str(SAMPLES / JOINED), "--require", PREFIX)
    assert (ended.code, ended.document["missing"]) == (3, [PREFIX])


def test_containers_that_are_unknown_in_a_plan_with_gmsa_are_unknown(tmp_path: Path) -> None:
    ended = check(tmp_path, str(SAMPLES / "terraform/plan.json"))
    assert (ended.code, ended.roots) == (3, ["task-definition.registered"])
    assert "${" in told(ended)[0]["summary"]


BROKEN = [
    # sample, what is written in place of what, the root cause, and a text on the line that it is told at
    (FARGATE, ENTRY, ENTRY.replace("credentialspecdomainless:", "credentialspec:"), PREFIX, "credentialspec:"),
    (FARGATE, ENTRY, ENTRY.replace("credentialspecdomainless", "CredentialSpecDomainless"), PREFIX, "CredentialSpec"),
    (FARGATE, ENTRY, ENTRY.replace("credentialspecdomainless:", ""), PREFIX, "${CredSpecBucket.Arn}"),
    (FARGATE, ENTRY, ENTRY.replace("domainless:", "domainless"), PREFIX, "credentialspecdomainless"),
    (FARGATE, ENTRY, ENTRY.replace("credentialspecdomainless:", "credentialspecdomainles:"), PREFIX, "domainles:"),
    (FARGATE, ENTRY, ENTRY.replace("${CredSpecKey}", "a#b.json"), ARN, "a#b.json"),
    (FARGATE, ENTRY, ENTRY.replace("/${CredSpecKey}", ""), ARN, "CredSpecBucket.Arn"),
    (FARGATE, ENTRY, ENTRY.replace("${CredSpecKey}", "functionaltestcfspec.json"), ARN, "functionaltest"),
    (FARGATE, ENTRY, "- credentialspecdomainless:arn:aws:ssm:us-east-1:123456789012:parameter/web", ARN, "ssm"),
    (FARGATE, ENTRY, "- credentialspecdomainless:s3://acme-credspecs/web.json", ARN, "s3://acme"),
    (FARGATE, ENTRY, "- credentialspecdomainless:https://acme-credspecs.s3.amazonaws.com/web.json", ARN, "https://"),
    (
        FARGATE,
        ENTRY,
        f"{ENTRY}\n            - credentialspecdomainless:arn:aws:s3:::a/b.json",
        PRESENT,
        "CredentialSpecs",
    ),
    (FARGATE, f"          CredentialSpecs:\n            {ENTRY}\n", "", PRESENT, "- Name: web"),
    (FARGATE, f"CredentialSpecs:\n            {ENTRY}", "CredentialSpecs: []", PRESENT, "CredentialSpecs: []"),
    (
        FARGATE,
        f"CredentialSpecs:\n            {ENTRY}",
        "DockerSecurityOptions:\n            - credentialspec:file://web.json",
        PRESENT,
        "credentialspec:file",
    ),
    (FARGATE, "      ExecutionRoleArn: !GetAtt ExecutionRole.Arn\n", "", ROLE, "Type: AWS::ECS::TaskDefinition"),
    (FARGATE, "NetworkMode: awsvpc", "NetworkMode: bridge", MODE, "NetworkMode: bridge"),
    (FARGATE, "      NetworkMode: awsvpc\n", "", MODE, "Type: AWS::ECS::TaskDefinition"),
    (FARGATE, '"8080"', '"8080"\n          DnsServers: [10.0.0.2]', DNS, "DnsServers: [10.0.0.2]"),
    (FARGATE, '"8080"', '"8080"\n          DnsSearchDomains: [corp.example]', DNS, "DnsSearchDomains"),
    (FARGATE, '"8080"', '"8080"\n          ExtraHosts: [{Hostname: dc1, IpAddress: 10.0.0.2}]', DNS, "ExtraHosts"),
    (SSM, "credentialspecdomainless:arn:", "credentialspec domainless:arn:", PREFIX, "Fn::Join"),
    (SSM, '":ssm:"', '":dynamodb:"', ARN, "Fn::Join"),
    (SSM, '":parameter"', '":document"', ARN, "Fn::Join"),
    (JOINED, JOINED_ENTRY, JOINED_ENTRY.replace("credentialspec:", "credspec:"), PREFIX, "credspec:"),
    (JOINED, JOINED_ENTRY, JOINED_ENTRY.replace("${Bucket}/batch.json", "${Bucket}"), ARN, "credentialspec:arn"),
    (JOINED, JOINED_ENTRY, JOINED_ENTRY.replace("arn:aws:s3:::", "arn:aws:s3::"), ARN, "arn:aws:s3::$"),
]


@pytest.mark.parametrize(("sample", "right", "wrong", "root", "line"), BROKEN, ids=range(len(BROKEN)))
def test_a_broken_variant_is_told_at_its_line(
    sample: str, right: str, wrong: str, root: str, line: str, tmp_path: Path
) -> None:
    text = (SAMPLES / sample).read_text()
    assert text.count(right) == 1
    file = tmp_path / Path(sample).name
    file.write_text(text.replace(right, wrong))
    parameter = ("--parameter", "UseGmsa=yes") if "UseGmsa" in text else ()
    ended = check(tmp_path, file.name, *parameter)
    assert ended.roots == [root], ended.out
    assert ended.code in (1, 3)
    (finding,) = [one for one in told(ended, "fail", "unknown") if one["root"]]
    place = finding["location"]
    assert place["file"] == file.name
    lines = file.read_text().splitlines()
    around = lines[place["line"] - 1 : place["line"] + 1]
    assert any(line in one for one in around), (place, around)


# A CredSpec ----------------------------------------------------------------------------------------------------


def credspec(**changes: Any) -> str:
    document: dict[str, Any] = {
        "CmsPlugins": ["ActiveDirectory"],
        "DomainJoinConfig": {"DnsName": "corp.example", "MachineAccountName": "webapp01"},
        "ActiveDirectoryConfig": {
            "GroupManagedServiceAccounts": [{"Name": "webapp01", "Scope": "corp.example"}],
            "HostAccountConfig": {
                "PluginInput": {"CredentialArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:web-AbCdEf"}
            },
        },
        **changes,
    }
    return json.dumps(document, indent=2)


def test_a_credspec_alone_is_checked(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text(credspec())
    ended = check(tmp_path, "web.json")
    assert (ended.code, told(ended)) == (0, []), ended.out
    assert ended.statuses()["credspec.names"] == "pass"


def test_a_credspec_is_judged_with_the_task_definition_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text(credspec(DomainJoinConfig={"DnsTreeName": "corp.example"}))
    ended = check(tmp_path, str(SAMPLES / FARGATE), "--credspec-file", "web.json")
    assert (ended.code, ended.roots) == (1, ["credspec.document"])
    assert ended.statuses()["task-definition.arn"] == "pass"
    assert ended.finding("credspec.document")["location"]["file"] == "web.json"


def test_a_wrong_link_in_a_credspec_is_told_at_its_line(tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text(credspec().replace("secretsmanager", "ssm"))
    ended = check(tmp_path, "web.json")
    finding = ended.finding("credspec.secret-link")
    assert finding["status"] == "fail"
    assert "CredentialArn" in (tmp_path / "web.json").read_text().splitlines()[finding["location"]["line"] - 1]


# Several files, and broken ones ----------------------------------------------------------------------------------


def test_directories_and_globs_give_one_report(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "template.yaml").write_text((SAMPLES / FARGATE).read_text())
    (tmp_path / "notes.txt").write_text("containerDefinitions are fun")
    ended = check(tmp_path, "a", "b/*.yaml")
    assert ended.code == 0, ended.out + ended.err
    assert [one["name"] for one in ended.document["subjects"]] == [
        "a/template.yaml#TaskDefinition/web",
        "b/template.yaml#TaskDefinition/web",
    ]


PLAIN = {"family": "plain", "containerDefinitions": [{"name": "nginx", "image": "nginx"}]}


def test_task_definitions_without_gmsa_are_passed_over_and_counted(tmp_path: Path) -> None:
    """A repository has many, and a compose file, and charts."""
    (tmp_path / "plain.json").write_text(json.dumps(PLAIN))
    (tmp_path / "docker-compose.yml").write_text("services: {web: {image: nginx}}\n")
    (tmp_path / "template.yaml").write_text((SAMPLES / FARGATE).read_text())
    ended = check(tmp_path, ".")
    assert ended.code == 0, ended.out + ended.err
    assert (len(ended.document["subjects"]), ended.document["passed_over"]) == (1, 1)
    text = doctor("check", "--offline", ".", env=environ(tmp_path), cwd=tmp_path)
    assert "1 task definition does not use a gMSA" in text.out
    strict = check(tmp_path, ".", "--require", "task-definition.credentialspecs")
    assert strict.roots == ["task-definition.credentialspecs"]


def test_a_task_definition_that_is_named_is_judged_without_gmsa_too(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text(json.dumps(PLAIN))
    ended = check(tmp_path, "plain.json")
    assert "task-definition.credentialspecs" in ended.roots


def test_a_container_is_looked_for_in_all_files(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text(json.dumps(PLAIN))
    (tmp_path / "template.yaml").write_text((SAMPLES / FARGATE).read_text())
    ended = check(tmp_path, "plain.json", "template.yaml", "--container", "web")
    assert (ended.code, len(ended.document["subjects"])) == (0, 1), ended.err
    none = check(tmp_path, "plain.json", "--container", "web")
    assert (none.code, none.out) == (2, "")
    assert "no container web in plain.json" in none.err


def test_files_of_others_that_are_named_can_be_passed_over(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("services: {web: {image: nginx}}\n")
    assert check(tmp_path, "docker-compose.yml").code == 2
    ended = check(tmp_path, "docker-compose.yml", "--pass-over")
    assert (ended.code, ended.document["subjects"]) == (0, [])


def test_offline_wins_over_an_event_bus(tmp_path: Path) -> None:
    ended = check(tmp_path, str(SAMPLES / FARGATE), "--event-bus", "default")
    assert (ended.code, ended.out) == (2, "")
    assert "--event-bus has no effect with --offline" in ended.err


def test_a_file_s_name_cannot_command_a_terminal_or_a_ci_system(tmp_path: Path) -> None:
    (tmp_path / "bad\x1b[31m\n::error::y.json").write_text('{"containerDefinitions": [')
    ended = check(tmp_path, ".")
    assert ended.code == 2
    assert "\x1b" not in ended.err
    assert all(line.startswith("gmsa-doctor: ") for line in ended.err.strip().splitlines())


def bomb() -> str:
    """YAML whose aliases would make it a billion texts."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    return "\n".join([*lines, "Resources: {T: {Type: 'AWS::ECS::TaskDefinition', Properties: *a9}}"])


CANNOT_BE_READ: dict[str, bytes] = {
    "truncated.json": b'{"containerDefinitions": [{"name": "web"',
    "truncated.yaml": b"Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties: {ContainerDefinitions: [",
    "wrong-type.json": b'{"family": "a", "containerDefinitions": "none"}',
    "huge.json": b'{"containerDefinitions": [' + b" " * (17 * 1024 * 1024) + b"]}",
    "cyclic.yaml": b"a: &a [*a]\nResources: {T: {Type: 'AWS::ECS::TaskDefinition'}}",
    "bomb.yaml": bomb().encode(),
    "binary.json": b"\x00\x01\x02containerDefinitions\xff",
    "empty.json": b"",
    "latin.json": '{"containerDefinitions": [{"name": "\u00fc"}]}'.encode("latin-1"),
}


@pytest.mark.parametrize("name", CANNOT_BE_READ)
def test_what_cannot_be_read_gives_one_line_and_the_rest_is_checked(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(CANNOT_BE_READ[name])
    (tmp_path / "template.yaml").write_text((SAMPLES / FARGATE).read_text())
    ended = check(tmp_path, name, "template.yaml")
    assert ended.code == 2
    assert len(ended.err.strip().splitlines()) == 1, ended.err
    assert name in ended.err
    assert ended.document["unread"][0]["file"].startswith(name)
    assert ended.document["verdict"] == "incomplete"
    assert ended.statuses()["task-definition.arn"] == "pass"


@pytest.mark.parametrize("name", ["missing.json", ".", "unreadable"])
def test_what_is_not_there_or_nothing_of_ours_gives_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "unreadable").symlink_to("unreadable")
    ended = doctor("check", "--offline", name, env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.strip().splitlines()) == 1, ended.err


def test_offline_reads_no_configuration_of_aws_and_needs_files(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = /nonexistent/would-be-told\nregion = no region\n")
    env = {**environ(tmp_path), "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "none"}
    arguments = ("check", "--offline", "--format", "json", str(SAMPLES / FARGATE))
    assert doctor(*arguments, env=env, cwd=tmp_path).code == 0
    without = doctor("check", "--offline", "--cluster", "a", "--service", "b", env=env)
    assert (without.code, without.out) == (2, "")
    assert "--offline checks files" in without.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--parameter", "Key"], "--parameter Key: give NAME=VALUE"),
        (["--report", "pdf=a.pdf"], "--report pdf=a.pdf: give one of"),
        (["--report", "junit"], "--report junit: give the file"),
        (["--report", "junit=nowhere/out.xml"], "nowhere/out.xml cannot be written"),
        (["--report", "junit=a", "--report", "json=./a"], "its own file"),
        (["--format", "json", "--report", "github"], "all write to standard output"),
        (["--task-definition-file", "x.json"], "give the file once"),
        (["--credspec-file", "missing.json"], "missing.json cannot be read"),
    ],
)
def test_bad_options_are_told_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    ended = doctor("check", "--offline", str(SAMPLES / FARGATE), *arguments, env=environ(tmp_path), cwd=tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert len(ended.err.strip().splitlines()) == 1


def test_reports_of_every_kind_stand_beside_the_text(tmp_path: Path) -> None:
    kinds = ("json", "junit", "sarif", "gitlab", "markdown", "html")
    wanted = [part for kind in kinds for part in ("--report", f"{kind}={kind}.out")]
    summary = tmp_path / "summary.md"
    env = {**environ(tmp_path), "GITHUB_STEP_SUMMARY": str(summary)}
    template = tmp_path / "template.yaml"
    template.write_text((SAMPLES / FARGATE).read_text().replace(ENTRY, ENTRY.replace("domainless:", ":")))
    ended = doctor("check", "--offline", "template.yaml", "--report", "github", *wanted, env=env, cwd=tmp_path)
    assert ended.code == 1, ended.err
    assert "✗ FAIL" in ended.out
    assert "::error file=template.yaml,line=" in ended.out
    assert "task-definition.prefix" in summary.read_text()
    for kind in kinds:
        text = (tmp_path / f"{kind}.out").read_text()
        assert "task-definition.prefix" in text, kind


def test_an_assembly_whose_stacks_import_from_each_other_is_not_red(tmp_path: Path) -> None:
    """The shape of AWS's sample: a bucket, a secret, a parameter and a task definition are imported by other stacks."""
    ended = check(tmp_path, str(SAMPLES / "cloudformation/cdk-sample.out"))
    assert (ended.code, ended.document["verdict"], told(ended)) == (0, "unproven", []), ended.out
    names = {subject["facts"]["task_definition"]: number for number, subject in enumerate(ended.document["subjects"])}
    assert names.keys() == {"web-site", "batch", "report"}
    assert ended.finding(ARN, names["web-site"])["status"] == "pass"
    assert "parameter/gmsa-sample/credspec" in ended.finding(ARN, names["batch"])["summary"]
    assert "${Fn::ImportValue of-another-account}" in ended.finding(ARN, names["report"])["summary"]


def test_what_needs_aws_is_one_line(tmp_path: Path) -> None:
    arguments = ("check", "--offline", "--verbose", str(SAMPLES / FARGATE))
    ended = doctor(*arguments, env=environ(tmp_path), cwd=tmp_path)
    assert [line for line in ended.out.splitlines() if "no network requests are sent" in line and "checks" in line]
    assert "secret.value" not in ended.out


WINDOWS = {"family": "iis", "requiresCompatibilities": ["EC2"]}


@pytest.mark.parametrize(
    "container",
    [
        {"image": "mcr.microsoft.com/windows/servercore/iis:latest"},
        {"image": "iis", "entryPoint": ["powershell", "-Command"]},
        {"image": "iis", "command": ["C:\\ServiceMonitor.exe", "w3svc"]},
    ],
)
def test_a_windows_container_without_a_platform_is_not_judged_as_linux(container: Any, tmp_path: Path) -> None:
    container = {"name": "iis", SPECS: ["credentialspec:file://web.json"], **container}
    (tmp_path / "td.json").write_text(json.dumps({**WINDOWS, "containerDefinitions": [container]}))
    ended = check(tmp_path, "td.json")
    assert (ended.code, ended.statuses()[PREFIX]) == (0, "skipped"), ended.out
    linux = {**WINDOWS, "runtimePlatform": {"operatingSystemFamily": "LINUX"}, "containerDefinitions": [container]}
    (tmp_path / "td.json").write_text(json.dumps(linux))
    assert check(tmp_path, "td.json").statuses()[ARN] == "fail"
