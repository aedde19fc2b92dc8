"""`gmsa-doctor credspec`: what it reads from a real AD, what it writes, and what it refuses."""

import json
import stat
from pathlib import Path

import pytest

from tests.command import Ended, doctor, environ
from tests.lab import accounts
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import Environment, credspec, fill, healthy
from tests.lab.keytab import keytab

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:gmsa/webapp01-AbCdEf"
SID = "S-1-5-21-1004336348-1177238915-682003330"
GUID = "5c0d2e9b-8f43-4e0c-9d55-6b1f0f5b7c11"
NAMES = ("--gmsa", "webapp01", "--domain", "corp.example")
OFFLINE = ("--offline", "--sid", SID, "--guid", GUID, "--netbios-name", "CORP")


def replaced(option: str, value: str) -> tuple[str, ...]:
    """The options without the AD, one of them with another value."""
    at = OFFLINE.index(option) + 1
    return (*OFFLINE[:at], value, *OFFLINE[at + 1 :])


def asked(
    dc: DomainController, aws: EmbeddedAws, *options: str, environment: Environment | None = None
) -> tuple[Ended, str]:
    """Run it for the healthy domain; also give the secret's ARN."""
    environment = environment or healthy(dc)
    created = create(environment, aws)
    command = ("credspec", "--dns-server", dc.ip, *options)
    if "ec2-joined" not in options:
        command = (*command, "--secret", created.secret_arn)
    return doctor(*command, env=aws.environ(environment.region)), created.secret_arn


def test_the_secrets_user_reads_what_the_documented_form_holds(dc: DomainController, aws: EmbeddedAws) -> None:
    ended, secret_arn = asked(dc, aws, *NAMES)
    assert ended.code == 0, ended.err
    assert ended.out == json.dumps(fill(credspec(dc), {"secret_arn": secret_arn}), indent=2) + "\n"
    assert f"{dc.host} answered as {accounts.READER}" in ended.err
    assert "aws s3 cp webapp01_CredSpec.json 's3://<bucket>/webapp01_CredSpec.json'" in ended.err
    assert accounts.PASSWORD not in ended.out + ended.err


def test_it_writes_a_file_that_check_accepts(dc: DomainController, aws: EmbeddedAws, tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    ended, _ = asked(dc, aws, *NAMES, "--output", str(path))
    assert (ended.code, ended.out) == (0, ""), ended.err
    assert f"aws s3 cp {path} 's3://<bucket>/web.json'" in ended.err
    path.write_text(path.read_text().replace("123456789012", "111122223333"))  # the lab's account is that of examples
    checked = doctor("check", "--credspec-file", str(path), "--offline", "--json", env=environ(tmp_path))
    assert (checked.code, checked.document["verdict"]) == (0, "unproven"), checked.out


def test_the_name_has_the_case_that_the_ad_has(dc: DomainController, aws: EmbeddedAws) -> None:
    ended, _ = asked(dc, aws, "--gmsa", "WEBAPP01", "--domain", "CORP.EXAMPLE")
    document = json.loads(ended.out)
    assert document["DomainJoinConfig"]["MachineAccountName"] == "webapp01"
    assert document["DomainJoinConfig"]["DnsName"] == "corp.example"


def test_a_keytab_of_another_user_is_enough_for_joined_instances(
    dc: DomainController, aws: EmbeddedAws, tmp_path: Path
) -> None:
    file = tmp_path / "admin.keytab"
    file.write_bytes(keytab(accounts.ADMINISTRATOR, dc.realm, accounts.ADMINISTRATOR_PASSWORD))
    file.chmod(stat.S_IRUSR)
    options = ("--for", "ec2-joined", "--as", accounts.ADMINISTRATOR, "--as-keytab", str(file))
    ended, _ = asked(dc, aws, *NAMES, *options)
    assert ended.code == 0, ended.err
    assert "HostAccountConfig" not in json.loads(ended.out)["ActiveDirectoryConfig"]
    assert not [call for call in aws.calls if "GetSecretValue" in str(call)]


def test_a_gmsa_that_does_not_exist_is_a_failure_that_names_similar_ones(
    dc: DomainController, aws: EmbeddedAws
) -> None:
    ended, _ = asked(dc, aws, "--gmsa", "webap01", "--domain", "corp.example")
    assert (ended.code, ended.out) == (1, "")
    assert "there is no gMSA webap01 in corp.example; gMSAs that this user can see: webapp01" in ended.err


def test_a_wrong_password_is_tried_once(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    assert isinstance(environment.secret, dict)
    environment.secret["password"] = "not the password"
    ended, _ = asked(dc, aws, *NAMES, environment=environment)
    assert (ended.code, ended.out) == (1, "")
    assert "Preauthentication failed" in ended.err
    assert "not the password" not in ended.err


def test_without_an_answer_nothing_is_written(dc: DomainController, aws: EmbeddedAws) -> None:
    ended, _ = asked(dc, aws, "--gmsa", "webapp01", "--domain", "other.example")
    assert (ended.code, ended.out) == (3, "")
    assert "no CredSpec written" in ended.err


def test_a_secret_without_a_user_is_a_usage_error(dc: DomainController, aws: EmbeddedAws) -> None:
    environment = healthy(dc)
    environment.secret = {"password": "x"}
    ended, _ = asked(dc, aws, *NAMES, environment=environment)
    assert (ended.code, ended.out) == (2, "")
    assert "correct it, or give --as USER" in ended.err


def test_offline_it_sends_nothing_and_takes_the_values_as_options(tmp_path: Path) -> None:
    ended = doctor("credspec", *NAMES, "--secret", ARN, *OFFLINE, env=environ(tmp_path))
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    assert document["DomainJoinConfig"] == {
        "Sid": SID,
        "MachineAccountName": "webapp01",
        "Guid": GUID,
        "DnsTreeName": "corp.example",
        "DnsName": "corp.example",
        "NetBiosName": "CORP",
    }
    assert document["ActiveDirectoryConfig"]["HostAccountConfig"]["PluginInput"] == {"CredentialArn": ARN}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--gmsa and --domain required"),
        (("--gmsa", "webapp01$", "--domain", "corp.example"), "give the gMSA's name without $"),
        (("--gmsa", "webapp01", "--domain", "corp"), "--domain corp: it has no dot"),
        (NAMES, "--secret is required"),
        ((*NAMES, "--secret", "gmsa/webapp01"), "--secret gmsa/webapp01: it does not start with arn:"),
        ((*NAMES, "--secret", ARN, "--sid", SID), "--sid has no effect without --offline"),
        ((*NAMES, "--secret", ARN, *OFFLINE, "--as", "admin"), "--as has no effect with --offline"),
        ((*NAMES, "--secret", ARN, "--for", "ec2-joined"), "--secret has no effect with --for ec2-joined"),
        ((*NAMES, "--for", "ec2-joined"), "--for ec2-joined has no secret with a user"),
        ((*NAMES, "--secret", ARN, "--offline"), "--offline requires --sid, --guid, --netbios-name"),
        ((*NAMES, "--secret", ARN, *replaced("--guid", "1")), "--guid 1: not a GUID"),
        ((*NAMES, "--secret", ARN, *replaced("--sid", "S-1-5-18")), "--sid S-1-5-18: not the SID of a domain"),
        ((*NAMES, "--secret", ARN, "--dns-server", "dc1"), "--dns-server dc1: give the IP address"),
    ],
)
def test_what_cannot_be_is_a_usage_error(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    ended = doctor("credspec", *options, env=environ(tmp_path))
    assert (ended.code, ended.out) == (2, ""), ended.err
    assert says in ended.err
