"""`gmsa-doctor setup`: from options, a file or a service to answers, and what it refuses."""

import json
import re
from pathlib import Path

import pytest

from tests.command import doctor, environ
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.lab.keytab import keytab

PLACE = ("--offline", "--region", "eu-west-1", "--account", "111122223333", "--vpc", "vpc-0a")
NAMES = ("--cluster", "prod", "--service", "web", "--gmsa", "webapp01", "--domain", "corp.example")
REST = ("--image", "web:1", "--bucket", "credspecs", "--subnets", "subnet-0a", "--security-groups", "sg-0a")
ALL = (*PLACE, *NAMES, *REST, "--ad-dns", "10.0.0.10")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environ(tmp_path)


def test_offline_everything_is_planned_from_the_options(env: dict[str, str]) -> None:
    ended = doctor("setup", *ALL, env=env)
    assert ended.code == 0, ended.err
    assert "0 of 17 parts missing, 17 not known" in ended.err
    for text in ("New-ADUser -Name svc-webapp01", "create-secret", "web-execution", "krb5.conf"):
        assert text in ended.out


def test_the_command_of_the_check_asks_aws(tmp_path: Path, env: dict[str, str]) -> None:
    ended = doctor("setup", *ALL, env=env)
    last = ended.out[ended.out.index("## 4. Check") :]
    assert "--cluster prod" in last
    assert "--offline" not in last
    assert "--account" not in last
    file = tmp_path / "web.toml"
    file.write_text("offline = true\naccount = '111122223333'\n")
    rest = [word for word in ALL if word not in ("--offline", "--account", "111122223333")]
    ended = doctor("setup", "--from", str(file), *rest, env=env)
    assert f"Remove `offline` and `account` from {file}." in ended.out


def test_a_file_has_the_options_and_the_command_line_wins(tmp_path: Path, env: dict[str, str]) -> None:
    file = tmp_path / "web.toml"
    file.write_text(
        'offline = true\nregion = "eu-west-1"\naccount = "111122223333"\nvpc = "vpc-0a"\ncluster = "prod"\n'
        'service = "web"\ngmsa = "webapp01"\ndomain = "corp.example"\nimage = "web:1"\nbucket = "credspecs"\n'
        'subnets = ["subnet-0a", "subnet-0b"]\nsecurity-groups = ["sg-0a"]\nad-dns = ["10.0.0.10"]\nas = "terraform"\n'
    )
    ended = doctor("setup", "--from", str(file), "--user", "svc-other", env=env)
    assert ended.code == 0, ended.err
    assert 'resource "aws_iam_role"' in ended.out
    assert "svc-other" in ended.out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("clutser = 'a'", "unknown key 'clutser'. Did you mean cluster?"),
        ("offline = 'yes'", "offline must be true or false"),
        ("cluster = 1", "cluster must be one text"),
        ("cluster = ['a', 'b']", "cluster must be one text"),
        ("subnets = [1]", "subnets must be a list of texts"),
        ("output = 'x'", "unknown key 'output'"),
        ("as = 'ansible'", "'ansible' is not one of"),
        ("= 1", "is not valid TOML"),
        (f"# {'x' * 1024 * 1024}", "is larger than 1 MiB; not read"),
    ],
)
def test_what_is_wrong_in_the_file_is_a_usage_error(line: str, says: str, tmp_path: Path, env: dict[str, str]) -> None:
    file = tmp_path / "web.toml"
    file.write_text(line)
    ended = doctor("setup", "--from", str(file), *ALL, env=env)
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("profile = 'a'\noffline = true", "--profile has no effect with --offline"),
        ("from-service = 'a/b'\ncluster = 'a'", "--cluster has no effect with --from-service"),
        ("json = true\nas = 'cdk'", "--as has no effect with --json"),
    ],
)
def test_a_file_that_contradicts_itself_is_a_usage_error(
    lines: str, says: str, tmp_path: Path, env: dict[str, str]
) -> None:
    file = tmp_path / "web.toml"
    file.write_text(lines)
    ended = doctor("setup", "--from", str(file), env=env)
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert says in ended.err


def test_what_is_typed_wins_over_what_it_contradicts_in_the_file(tmp_path: Path, env: dict[str, str]) -> None:
    file = tmp_path / "web.toml"
    file.write_text("profile = 'none'\nas = 'cdk'\n")
    ended = doctor("setup", "--from", str(file), *ALL, "--json", env=env)
    assert (ended.code, ended.document["complete"]) == (0, False), ended.err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (PLACE, "required, since there is no service that answers it: --gmsa (the gMSA's name)"),
        ((*ALL, "--user", "svc-webapp01-in-production"), "--user svc-webapp01-in-production: give a sAMAccountName"),
        ((*ALL, "--user", "CORP\\svc"), "--user CORP\\svc: give a sAMAccountName"),
        ((*ALL, "--group", "a*"), "--group a*: no group has such a name"),
        ((*ALL, "--bucket", "b"), "given 2 times"),
        ((*ALL, "--secret", "a b"), "--secret a b: AWS accepts no such name"),
        ((*ALL, "--as-user", "admin"), "--as-user has no effect with --offline"),
        ((*ALL, "--from-service", "a/b"), "--cluster and --service have no effect with --from-service"),
        ((*ALL, "--json", "--as", "cdk"), "--as has no effect with --json"),
        (NAMES, "no AWS region is configured"),
    ],
)
def test_what_cannot_be_is_a_usage_error(options: tuple[str, ...], says: str, env: dict[str, str]) -> None:
    ended = doctor("setup", *options, env=env)
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert says in ended.err


def test_an_existing_service_answers_and_is_checked(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    create(healthy(dc), aws)
    options = ("--from-service", "demo/healthy", "--ad-dns", dc.ip, "--dns-server", dc.ip)
    plan = tmp_path / "plan.md"
    plan.write_text("an earlier plan")
    ended = doctor("setup", *options, "--output", str(plan), env=aws.environ())
    assert (ended.code, ended.out) == (0, ""), ended.out + ended.err
    assert "nothing is missing" in ended.err
    assert "pass" in plan.read_text()
    assert "an earlier plan" not in plan.read_text()


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--container", "none"), "--container none: the task definition"),
        (("--image", "web:2"), "--image web:2: the service, or its task definition, has"),
        (("--assign-public-ip",), "the service assigns no public IP address"),
    ],
)
def test_options_that_contradict_the_service_are_refused(
    option: tuple[str, ...], says: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    create(healthy(dc), aws)
    ended = doctor("setup", "--from-service", "demo/healthy", "--ad-dns", dc.ip, *option, env=aws.environ())
    assert (ended.code, ended.out) == (2, ""), ended.out
    assert says in ended.err


def test_the_file_of_the_tutorial_is_one_that_it_reads(tmp_path: Path, env: dict[str, str]) -> None:
    page = (Path(__file__).parents[2] / "docs/tutorials/setup.md").read_text(encoding="utf-8")
    file = tmp_path / "web.toml"
    file.write_text("\n".join(line for line in page.splitlines() if re.match(r" {8}([\w-]+ = |# )", line)))
    ended = doctor("setup", "--from", str(file), *PLACE, env=env)
    assert ended.code == 0, ended.err
    assert "sg-2a2b3c4d" in ended.out


def test_the_json_of_a_complete_plan_says_so(dc: DomainController, aws: EmbeddedAws) -> None:
    create(healthy(dc), aws)
    options = ("--from-service", "demo/healthy", "--ad-dns", dc.ip, "--dns-server", dc.ip, "--json")
    ended = doctor("setup", *options, env=aws.environ())
    assert (ended.code, ended.document["complete"]) == (0, True), ended.err
    assert {part["state"] for part in ended.document["parts"] if part["kind"] != "Image"} == {"exists"}


def test_options_that_contradict_the_credspec_of_the_service_are_refused(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    create(healthy(dc), aws)
    options = ("--from-service", "demo/healthy", "--ad-dns", dc.ip, "--gmsa", "webapp02")
    ended = doctor("setup", *options, env=aws.environ())
    assert (ended.code, ended.out) == (2, "")
    assert "--gmsa webapp02: the service's CredSpec, or its ARN, names webapp01; drop --gmsa" in ended.err


def test_the_name_of_another_user_in_the_secret_is_not_shown(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    environment.secret = {"username": "Pass-in-the-wrong-field", "password": "gmsa-reader", "domainName": dc.domain}
    create(environment, aws)
    options = ("--from-service", "demo/healthy", "--ad-dns", dc.ip, "--dns-server", dc.ip)
    ended = doctor("setup", *options, env=aws.environ())
    assert ended.code == 1
    assert "not known: the secret has another user: name it with --user" in ended.out
    assert "The secret has another user: name it with --user." in ended.out
    assert "'<user in the secret>'" not in ended.out
    assert "Pass-in-the-wrong-field" not in ended.out + ended.err


def test_a_wrong_password_of_who_asks_the_ad_is_tried_once(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    create(healthy(dc), aws)
    file = tmp_path / "other.keytab"
    file.write_bytes(keytab(accounts.OUTSIDER, dc.realm, "not the password"))
    ad.reset_bad_password_count(dc, accounts.OUTSIDER)
    options = ("--from-service", "demo/healthy", "--ad-dns", dc.ip, "--dns-server", dc.ip)
    ended = doctor(
        "setup", *options, "--as-user", accounts.OUTSIDER, "--as-keytab", str(file), "--json", env=aws.environ()
    )
    assert ended.code in (0, 1, 3), ended.err
    assert ad.bad_password_count(dc, accounts.OUTSIDER) == 1
    ad.reset_bad_password_count(dc, accounts.OUTSIDER)


def test_what_an_existing_service_lacks_remains(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    environment.container.pop("credentialSpecs")
    environment.credspec = None
    create(environment, aws)
    names = ("--gmsa", "webapp01", "--domain", dc.domain, "--user", "gmsa-reader")
    more = ("--bucket", environment.bucket, "--secret", environment.secret_name, "--ad-dns", dc.ip)
    ended = doctor(
        "setup", "--from-service", "demo/healthy", *names, *more, "--dns-server", dc.ip, "--json", env=aws.environ()
    )
    assert ended.code == 1, ended.err
    parts = {part["kind"]: part for part in ended.document["parts"]}
    lacking = {kind for kind, part in parts.items() if part["state"] == "missing"}
    assert lacking == {"CredSpecObject", "TaskDefinition"}, json.dumps(ended.document["parts"], indent=1)
    revision = parts["TaskDefinition"]["fields"]["revision"]
    save, _, deploy = parts["TaskDefinition"]["commands"]
    assert f"aws ecs describe-task-definition --region us-east-1 --task-definition {revision} " in save
    assert "update-service --region us-east-1 --cluster demo --service healthy " in deploy
    assert {parts[kind]["state"] for kind in ("User", "Gmsa", "Permission", "RootKey")} == {"exists"}


def test_a_service_on_ec2_is_checked_as_one(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    environment.container.pop("credentialSpecs")
    environment.container["dnsServers"] = [dc.ip]  # not valid on Fargate
    environment.task_definition["requiresCompatibilities"] = ["EC2"]
    assert environment.service is not None
    environment.service["launchType"] = "EC2"
    del environment.service["platformVersion"]
    create(environment, aws)
    names = ("--gmsa", "webapp01", "--domain", dc.domain, "--user", "gmsa-reader", "--bucket", environment.bucket)
    more = ("--key", environment.key, "--secret", environment.secret_name, "--ad-dns", dc.ip, "--dns-server", dc.ip)
    ended = doctor("setup", "--from-service", "demo/healthy", *names, *more, "--json", env=aws.environ())
    parts = {part["kind"]: part for part in ended.document["parts"]}
    assert (ended.code, parts["TaskDefinition"]["state"]) == (1, "missing"), ended.err
    assert (
        "update-service --region us-east-1 --cluster demo --service healthy " in parts["TaskDefinition"]["commands"][-1]
    )
    assert not ended.document["findings"]


def test_what_aws_denies_is_not_known_with_the_missing_action(dc: DomainController, aws: EmbeddedAws) -> None:
    create(healthy(dc), aws)
    aws.deny("iam", "GetRole")
    aws.deny("secretsmanager", "DescribeSecret")
    options = ("--from-service", "demo/healthy", "--ad-dns", dc.ip, "--dns-server", dc.ip, "--json")
    ended = doctor("setup", *options, env=aws.environ())
    reasons = {part["kind"]: part["reason"] for part in ended.document["parts"] if part["state"] == "not known"}
    assert ended.code == 3, ended.err
    assert "iam:GetRole" in reasons["Role"]
    assert "secretsmanager:DescribeSecret" in reasons["Secret"]


def test_a_service_that_does_not_exist_is_a_usage_error(aws: EmbeddedAws) -> None:
    ended = doctor("setup", "--from-service", "demo/none", "--ad-dns", "10.0.0.10", env=aws.environ())
    assert (ended.code, ended.out) == (2, "")
    assert "--from-service demo/none: there is no such service in us-east-1" in ended.err
