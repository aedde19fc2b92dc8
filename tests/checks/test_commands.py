"""A command copied from a fix names exactly the thing, whatever characters its name has, and does nothing else."""

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest

from gmsa_doctor.checking.aws_commands import in_region
from gmsa_doctor.clients.aws import s3
from gmsa_doctor.clients.aws.s3 import S3, S3Object
from gmsa_doctor.clients.aws.secrets_manager import SecretsManager
from gmsa_doctor.clients.aws.ssm import Parameter, Ssm
from gmsa_doctor.clients.dns.resolver import Dns
from gmsa_doctor.clients.kerberos.client import Kerberos
from gmsa_doctor.clients.kerberos.kdc_errors import KdcReason, KdcRefusal
from gmsa_doctor.clients.ldap.client import Attributes, Directory, Entry
from gmsa_doctor.core.errors import ClientError, NotFound
from gmsa_doctor.core.hidden import Hidden
from gmsa_doctor.core.model import Finding, Given, Outcome, Result, failed, skipped
from gmsa_doctor.formats.aws.ecs_config import EcsConfig
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.request import Intended
from gmsa_doctor.given.shared_values import CredSpecLocation, CredSpecObject, LinkedSecret
from gmsa_doctor.given.subject import AwsPlace, ChosenContainer, Launch, Platform, Subject
from gmsa_doctor.given.vantage import Caller, ServiceNames, Vantage
from gmsa_doctor_checks.active_directory.administrator import Administrator
from gmsa_doctor_checks.commands import (
    START_SERVICE,
    STOP_SERVICE,
    edit_credspec,
    edit_secret,
    posix,
    powershell,
    secret_changed,
)
from gmsa_doctor_checks.credspec.object import credspec_object
from gmsa_doctor_checks.credspec.secret import secret_value
from gmsa_doctor_checks.credspec.size import credspec_size
from gmsa_doctor_checks.directory.gmsa_account import gmsa_account
from gmsa_doctor_checks.directory.managed_password import retrieve_password
from gmsa_doctor_checks.domain import AdDomain
from gmsa_doctor_checks.kerberos.refusals import _NO_SUCH_USER, explain_gmsa_refusal, explain_user_refusal
from gmsa_doctor_checks.kerberos.service_ticket import service_ticket
from gmsa_doctor_checks.silence import judge_silence
from gmsa_doctor_checks.sql_server.values import ServiceTickets
from gmsa_doctor_checks.task.revisions import register_again
from gmsa_doctor_checks.task.task_definition.credentialspecs import credential_specs
from gmsa_doctor_checks.values import (
    Account,
    BoundDirectory,
    DhcpOptions,
    DomainName,
    Endpoint,
    GmsaAccount,
    GmsaName,
    GmsaNames,
    GmsaTicket,
)
from gmsa_doctor_checks.vpc_dns.dhcp_options.options import domain_name

HOSTILE = [
    "two words",
    "it's",
    '"; touch pwned; "',
    "$(touch pwned)",
    "`touch pwned`",
    "a;b&c|d>e<f",
    "<placeholder>",
    "Gödel Straße",
    "\u2019; Remove-Item x; \u2018",
    "'\u201a\u201b'",
    "~/*?[a]{b,c}!#%^",
    "back\\slash\\",
    "line\nbreak",
    "webapp01$",
    "-Option",
    "@splat",
    "1e3",
    "",
]
PLAIN = ["webapp01", "s3://bucket/path/key.json", "dc1.corp.example", "MSSQLSvc/db.corp.example:1433", "us-east-1"]


def refused(ticket: GmsaTicket, kerberos: Kerberos, *spns: str) -> Result[ServiceTickets]:
    """The finding if SPNs are given and the directory is not available."""
    nothing = skipped("not asked")
    return service_ticket(ticket, ServiceNames(spns), kerberos, Outcome(None, nothing), Outcome(None, nothing), Dns())


hostile = pytest.mark.parametrize("name", HOSTILE)


def powershell_words(command: str) -> list[str]:
    """The words of a PowerShell command that holds texts in single quotes and bare words only.

    A text ends at any single quote, typographic ones too; two in a row stand for the second.
    """
    quotes = "'\u2018\u2019\u201a\u201b"
    words: list[str] = []
    rest = command.lstrip(" ")
    while rest:
        word = ""
        if rest[0] in quotes:
            at = 1
            while rest[at] not in quotes or rest[at + 1 : at + 2] in tuple(quotes):
                at += rest[at] in quotes
                word += rest[at]
                at += 1
            rest = rest[at + 1 :]
            assert rest[:1] in ("", " "), f"a text goes on behind its quote: {command}"
        else:
            word, _, rest = rest.partition(" ")
            assert not set(word) & set(quotes + ';&`"()<>{}#'), f"not inert in PowerShell: {command}"
        words.append(word)
        rest = rest.lstrip(" ")
    return words


# The functions --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE + PLAIN)
def test_a_posix_shell_reads_the_name_as_one_word(name: str) -> None:
    done = subprocess.run(
        f"printf '[%s]' {posix(name)}", shell=True, executable="/bin/sh", capture_output=True, text=True, check=True
    )
    assert done.stdout == f"[{name}]"
    assert done.stderr == ""


@pytest.mark.parametrize("name", HOSTILE + PLAIN)
def test_powershell_reads_the_name_as_one_argument(name: str) -> None:
    assert powershell_words(f"Get-ADUser {powershell(name)} -Properties Enabled") == [
        "Get-ADUser",
        name,
        "-Properties",
        "Enabled",
    ]


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert posix(name) == powershell(name) == name


@pytest.mark.parametrize(
    ("name", "quoted"),
    [
        ("webapp01$", "'webapp01$'"),
        ("O'Neil", "'O''Neil'"),
        ("a\u2019b", "'a\u2019\u2019b'"),
        ("CN=Web App,DC=corp", "'CN=Web App,DC=corp'"),
        ("007", "'007'"),
        ("-Force", "'-Force'"),
        ("@args", "'@args'"),
        ("name\n", "'name\n'"),
        ("", "''"),
    ],
)
def test_powershell_quotes_with_single_quotes_doubled(name: str, quoted: str) -> None:
    assert powershell(name) == quoted


def test_a_known_region_becomes_an_option() -> None:
    assert AwsPlace("us-east-1", None).region_option == " --region us-east-1"
    assert AwsPlace("x; y", None).region_option == " --region 'x; y'"
    assert AwsPlace(None, None).region_option == ""


# What checks make of them ---------------------------------------------------------------------------

FARGATE = Platform(Launch.FARGATE)
PLACE = AwsPlace("us-east-1", "123456789012")
NO_CALLER: Outcome[Caller] = Outcome(None, skipped("not asked"))
LAPTOP = Vantage(inside=False)
NO_ACCOUNT: Outcome[Account] = Outcome(None, skipped("not read"))
NO_DEFINITION: Outcome[TaskDefinition] = Outcome(None, skipped("not read"))
NOT_COMPARED: Outcome[Intended] = Outcome(None, skipped("no file"))
CORP = DomainName("corp.example")
TOO_MUCH = 5000


def commands(result: Finding | Given[Any]) -> tuple[str, ...]:
    finding = result.finding if isinstance(result, Given) else result
    assert finding.fix is not None
    assert finding.fix.commands
    return finding.fix.commands


def words_of_each(result: Finding | Given[Any]) -> list[list[str]]:
    """The words of each command as a POSIX shell reads them."""
    return [shlex.split(command) for command in commands(result)]


class Bucket:
    """A bucket in a region; without a size, the object is missing, or what ``missing`` names."""

    def __init__(self, region: str, size: int | None = None, missing: str = "NoSuchKey") -> None:
        self.region, self.size, self.missing = region, size, missing

    def get(self, bucket: str, key: str) -> S3Object:
        if self.size is None:
            raise NotFound("none", self.missing)
        return S3Object(self.size, b"")

    def bucket(self, bucket: str, owner: str | None) -> s3.Bucket:
        return s3.Bucket(self.region, owned=True)


class NoParameter:
    def parameter(self, name: str) -> Parameter:
        raise NotFound("none", "ParameterNotFound")


class Encrypted:
    def parameter(self, name: str) -> Parameter:
        return Parameter("SecureString", "AQICAHh")


def read(
    location: CredSpecLocation, bucket: Bucket | None = None, parameter: object = None
) -> Finding | Given[CredSpecObject]:
    return credspec_object(location, PLACE, FARGATE, cast("S3", bucket), cast("Ssm", parameter), NO_CALLER, LAPTOP)


@hostile
def test_a_missing_object_is_named_by_its_bucket_and_key(name: str) -> None:
    found = words_of_each(read(CredSpecLocation("arn:x", True, f"b{name}", f"dir/{name}"), Bucket("us-east-1")))
    assert found[0] == ["aws", "s3", "ls", f"s3://b{name}/", "--recursive"]
    assert found[1][:2] == ["gmsa-doctor", "credspec"]
    assert found[2] == ["aws", "s3", "cp", "credspec.json", f"s3://b{name}/dir/{name}"]


def test_a_bucket_that_does_not_exist_is_not_listed() -> None:
    ours, made, written, upload, *_ = words_of_each(
        read(CredSpecLocation("arn:x", True, "b", "k"), Bucket("us-east-1", missing="NoSuchBucket"))
    )
    assert ours == ["aws", "s3", "ls"]
    assert made == ["aws", "s3", "mb", "s3://b"]
    assert written[:2] == ["gmsa-doctor", "credspec"]
    assert upload == ["aws", "s3", "cp", "credspec.json", "s3://b/k"]


@hostile
def test_an_object_of_another_region_is_copied_under_its_name(name: str) -> None:
    found = words_of_each(read(CredSpecLocation("arn:x", True, "b", f"k{name}"), Bucket("eu-west-1", 10)))
    source, target = f"s3://b/k{name}", f"s3://<bucket in us-east-1>/k{name}"
    regions = ["--source-region", "eu-west-1", "--region", "us-east-1"]
    assert found[0] == ["aws", "s3", "cp", source, target, *regions]
    assert [command[:3] for command in found[1:]] == [
        ["aws", "ecs", "describe-task-definition"],
        ["${EDITOR:-vi}", "td.json"],
        ["aws", "ecs", "register-task-definition"],
        ["aws", "ecs", "update-service"],
    ]


@hostile
def test_a_missing_parameter_is_put_under_its_name(name: str) -> None:
    (found,) = words_of_each(read(CredSpecLocation("arn:x", True, parameter=f"/{name}"), parameter=NoParameter()))
    assert found[:7] == ["aws", "ssm", "put-parameter", "--region", "us-east-1", "--name", f"/{name}"]
    assert found[7:] == ["--type", "String", "--value", "file://credspec.json"]


@hostile
def test_an_encrypted_parameter_is_created_again_under_its_name(name: str) -> None:
    kept, gone, made = words_of_each(read(CredSpecLocation("arn:x", True, parameter=f"/{name}"), parameter=Encrypted()))
    assert kept[2:7] == ["get-parameter", "--region", "us-east-1", "--name", f"/{name}"]
    assert kept[-2:] == [">", "credspec.json"]
    assert gone == ["aws", "ssm", "delete-parameter", "--region", "us-east-1", "--name", f"/{name}"]
    assert made[2:7] == ["put-parameter", "--region", "us-east-1", "--name", f"/{name}"]


@hostile
def test_an_object_that_is_too_large_is_put_again_under_its_name(name: str) -> None:
    obj = CredSpecObject(CredSpecLocation("arn:x", True, "b", f"k{name}"), TOO_MUCH, b"")
    download, shorten, upload = words_of_each(credspec_size(obj))
    assert download == ["aws", "s3", "cp", f"s3://b/k{name}", "credspec.json"]
    assert shorten[:4] == ["jq", "-c", ".", "credspec.json"]
    assert upload == ["aws", "s3", "cp", "credspec.json", f"s3://b/k{name}"]


@hostile
def test_a_parameter_is_edited_under_its_name(name: str) -> None:
    get, edit, put = map(shlex.split, edit_credspec(CredSpecLocation("arn:x", True, parameter=f"/{name}")))
    assert get[:5] == ["aws", "ssm", "get-parameter", "--name", f"/{name}"]
    assert edit == ["${EDITOR:-vi}", "credspec.json"]
    assert put == [
        *["aws", "ssm", "put-parameter", "--name", f"/{name}", "--type", "String"],
        *["--value", "file://credspec.json", "--overwrite"],
    ]


def test_a_secret_is_edited_in_a_private_file_that_is_removed(tmp_path: Path) -> None:
    aws, editor, file = tmp_path / "aws", tmp_path / "editor", tmp_path / "secret.json"
    aws.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\necho old\n')
    editor.write_text(f'#!/bin/sh\ncat "$1" > {tmp_path}/edited\nstat -c %a "$1" > {tmp_path}/mode\n')
    for program in (aws, editor):
        program.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "EDITOR": str(editor)}
    for command in edit_secret(ARN):
        subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=environment, check=True)
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[1] for call in calls] == ["get-secret-value", "put-secret-value"]
    assert all(ARN in call for call in calls)
    assert ((tmp_path / "edited").read_text(), (tmp_path / "mode").read_text()) == ("old\n", "600\n")
    assert not file.exists()


class NoSecrets:
    def get(self, arn: str) -> Any:
        raise NotFound("none", "ResourceNotFoundException")


def test_a_region_is_quoted_like_any_name() -> None:
    secrets = cast("SecretsManager", NoSecrets())
    (command,) = commands(secret_value(LinkedSecret("arn:x"), PLACE, FARGATE, secrets, NO_CALLER, LAPTOP))
    found = shlex.split(in_region(command, "a b; c"))
    assert found[:5] == ["aws", "secretsmanager", "list-secrets", "--region", "a b; c"]
    assert found[5:] == ["--query", "SecretList[].[Name,ARN]", "--output", "table"]


@hostile
def test_the_task_definition_and_the_service_are_named(name: str) -> None:
    subject = Subject("x", f"c{name}", f"s{name}", f"t{name}")
    listed, describe, edit, register, update = words_of_each(
        credential_specs(ChosenContainer(None), FARGATE, subject, NO_DEFINITION, NOT_COMPARED)
    )
    assert listed == ["aws", "s3", "ls", "s3://<bucket>/", "--recursive"]
    assert describe[:5] == ["aws", "ecs", "describe-task-definition", "--task-definition", f"t{name}"]
    assert describe[-2:] == [">", "td.json"]
    assert edit == ["${EDITOR:-vi}", "td.json"]
    assert register == ["aws", "ecs", "register-task-definition", "--cli-input-json", "file://td.json"]
    where = ["--cluster", f"c{name}", "--service", f"s{name}"]
    family = f"t{name}".rpartition("/")[2].partition(":")[0]
    assert update == ["aws", "ecs", "update-service", *where, "--task-definition", family]


@pytest.mark.parametrize("named", ["webapp", "webapp:7", "arn:aws:ecs:us-east-1:123456789012:task-definition/webapp:7"])
def test_the_service_is_updated_to_the_familys_newest_revision(named: str) -> None:
    fix = register_again("Change it", Subject("x", "demo", "web", named))
    assert fix.commands[-1].endswith("--service web --task-definition webapp")


def test_the_described_task_definition_can_be_registered_again() -> None:
    """The names are those of the AWS SDK's own description of ECS."""
    import botocore.session

    ecs = botocore.session.Session().get_service_model("ecs")
    described = ecs.operation_model("DescribeTaskDefinition").output_shape.members["taskDefinition"].members
    taken = ecs.operation_model("RegisterTaskDefinition").input_shape.members
    subject = Subject("x", None, None, "web:7")
    _, first, *_ = words_of_each(credential_specs(ChosenContainer(None), FARGATE, subject, NO_DEFINITION, NOT_COMPARED))
    (program,) = [word for word in first if "del(" in word]
    removed = program.partition("del(")[2].removesuffix(")")
    assert {field.strip(" .") for field in removed.split(",")} == set(described) - set(taken)


def test_a_placeholder_is_a_word_and_not_a_redirection() -> None:
    names = GmsaNames(CORP, GmsaName("webapp01"))
    for result in (
        domain_name(DhcpOptions("vpc-1", "default", (), None), AdDomain(names, NO_ACCOUNT), PLACE),
        judge_silence(failed("no answer"), LAPTOP),
        refused(cast("GmsaTicket", None), cast("Kerberos", None)),
    ):
        assert any("<" in command for command in commands(result))
        for command in commands(result):
            lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            assert not {"<", ">", "(", ")", ";", "&", "|"} & set(lexer)


# In the AD ------------------------------------------------------------------------------------------

ARN = "arn:aws:secretsmanager:us-east-1:1:secret:it's $(mine)-AbCdEf"


def account(user: str) -> Account:
    return Account(ARN, user, Hidden("canary-secret"), CORP)


def refusal(reason: KdcReason) -> KdcRefusal:
    return KdcRefusal(reason, -1, "KDC 127.0.0.1:88: no")


@hostile
@pytest.mark.parametrize("reason", sorted(set(KdcReason) - _NO_SUCH_USER - {KdcReason.ARMOR_REQUIRED}))
def test_each_refusal_of_a_logon_names_the_user_and_the_secret(reason: KdcReason, name: str) -> None:
    finding = explain_user_refusal(refusal(reason), account(f"u{name}"))
    assert finding.fix is not None
    for command in set(finding.fix.commands) - {START_SERVICE, STOP_SERVICE, *edit_secret(ARN), secret_changed(ARN)}:
        if "-LDAPFilter" not in command:
            assert f"u{name}" in powershell_words(command)


def test_the_filter_for_a_user_that_the_ad_does_not_know_has_a_placeholder() -> None:
    finding = explain_user_refusal(refusal(KdcReason.UNKNOWN_CLIENT), account("a'b*(c)"))
    assert finding.fix is not None
    wanted = "(|(sAMAccountName=<username>)(userPrincipalName=<username>@*)(displayName=<username>))"
    shows = "-Properties DisplayName,CanonicalName"
    assert finding.fix.commands[0] == f"Get-ADUser -LDAPFilter '{wanted}' {shows} -Server corp.example"


@hostile
@pytest.mark.parametrize("reason", [KdcReason.DISABLED, KdcReason.WRONG_PASSWORD, KdcReason.NO_ENCTYPE])
def test_each_refusal_of_the_gmsas_logon_names_the_gmsa(reason: KdcReason, name: str) -> None:
    found = commands(explain_gmsa_refusal(refusal(reason), f"g{name}$@CORP.EXAMPLE"))
    assert f"g{name}" in powershell_words(found[-1])


DESCRIPTOR = bytes.fromhex(
    "0100048000000000000000000000000014000000"  # self-relative, with a DACL at 20
    "04002c0001000000"  # with one entry
    "00002400ff010f00010500000000000515000000010000000200000003000000"
    "4f040000"  # that allows S-1-5-21-1-2-3-1103
)


class Objects:
    """A directory that answers by filter: the first of its objects whose key the filter starts with."""

    host = "dc1.corp.example"

    def __init__(self, **objects: Entry) -> None:
        self.objects = objects

    def search(self, base: str, query: str, attributes: tuple[str, ...], scope: str = "subtree") -> tuple[Entry, ...]:
        return tuple(one for start, one in self.objects.items() if query.startswith(f"({start}"))


def entry(dn: str, **texts: str) -> Entry:
    return Entry(dn, Attributes({name: (text.encode(),) for name, text in texts.items()}))


NOBODY: Outcome[Administrator] = Outcome(None, skipped("no --as"))


def bound(**objects: Entry) -> BoundDirectory:
    return BoundDirectory("dc1.corp.example", cast("Directory", Objects(**objects)))


@hostile
def test_a_gmsa_under_another_cn_is_renamed_by_its_dn(name: str) -> None:
    dn = f"CN={name},OU=Sérvices 'n more,DC=corp,DC=example"
    gmsa = GmsaName(f"g{name.removesuffix('$')}")
    result = gmsa_account(
        bound(sAMAccountName=entry(dn)), GmsaNames(CORP, gmsa), account("reader"), NOBODY, FARGATE, EcsConfig()
    )
    (command,) = commands(result)
    assert powershell_words(command) == ["Rename-ADObject", "-Identity", dn, "-NewName", gmsa.text]


@hostile
def test_a_user_who_may_not_read_the_password_is_put_into_the_group_by_name(name: str) -> None:
    gmsa = GmsaAccount("CN=x", f"g{name}$", membership=DESCRIPTOR)
    sids = {"CN=group": DESCRIPTOR[-28:], "CN=user": DESCRIPTOR[-28:-4] + bytes(4)}
    group, user = (Entry(dn, Attributes({"objectSid": (one,)})) for dn, one in sids.items())
    named = {"sAMAccountName": (f"group {name}".encode(),), "objectClass": (b"group",)}
    group = Entry(group.dn, Attributes({**group.attributes, **named}))
    directory = bound(objectClass=user, **{"&": user, "|": group})
    result = retrieve_password(directory, gmsa, account(f"u{name}"), FARGATE, NOBODY)
    show, add = commands(result)
    assert powershell_words(show)[:2] == ["Get-ADServiceAccount", f"g{name}"]
    assert powershell_words(add) == ["Add-ADGroupMember", "-Identity", f"group {name}", "-Members", f"u{name}"]


@hostile
def test_an_spn_is_asked_for_as_it_was_given(name: str) -> None:
    class Refusing:
        def service_ticket(self, *_: object) -> ClientError:
            raise refusal(KdcReason.NOT_UNIQUE)

    ticket = GmsaTicket("g$@CORP.EXAMPLE", cast("Any", None), Endpoint("dc1.corp.example", "127.0.0.1", 88))
    spn = f"MSSQLSvc/{name}"
    query, _ = commands(refused(ticket, cast("Kerberos", Refusing()), spn))
    assert powershell_words(query) == ["setspn", "-Q", spn]
