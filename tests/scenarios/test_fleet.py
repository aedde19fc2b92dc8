"""Accounts and regions in one run: each fault is found just there, and what cannot be checked is in the report."""

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gmsa_doctor.report import schema
from tests.command import COMMAND, Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.creation import create_in
from tests.lab.environment import healthy, task_definition

NO_AD = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))
"""Nothing is sent to it: a fleet has no live flow."""
MEMBERS = ("222222222222", "333333333333")
STRANGER = "444444444444"
REGIONS = ("eu-west-1", "us-east-1")
PLACES = ("--accounts", ",".join((*MEMBERS, STRANGER)), "--regions", ",".join(REGIONS))
FAULTS: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {
    (MEMBERS[0], "eu-west-1"): (
        "task-definition.prefix",
        {"credentialSpecs": ["credentialspec:arn:aws:s3:::x/y.json"]},
    ),
    (MEMBERS[0], "us-east-1"): ("task-definition.arn", {"credentialSpecs": ["credentialspecdomainless:nothing"]}),
    (MEMBERS[1], "eu-west-1"): (
        "credspec.object",
        {"credentialSpecs": [f"credentialspecdomainless:arn:aws:s3:::specs-{MEMBERS[1]}-eu-west-1/no.json"]},
    ),
    (MEMBERS[1], "us-east-1"): ("execution-role.trust", {}),
}
"""The check that finds it, and what it changes in a container. The last one is a role that does not exist."""


def make(aws: EmbeddedAws, id: str, region: str) -> None:
    """A healthy service, and one with the fault of this account and region."""
    account = aws.account(id)
    environment = replace(
        healthy(NO_AD),
        region=region,
        bucket=f"specs-{id}-{region}",
        secret_name=f"gmsa/{region}",
        directory=None,
        task_definition=task_definition("web"),
    )
    created = create_in(account, environment)
    ecs = account.client("ecs", region)
    known = ecs.describe_task_definition(taskDefinition=created.task_definition_arn)["taskDefinition"]
    changes = FAULTS[id, region][1]
    changed = {key: known[key] for key in environment.task_definition} | {"family": "bad"}
    changed["containerDefinitions"] = [{**known["containerDefinitions"][0], **changes}]
    if not changes:
        changed["executionRoleArn"] = f"arn:aws:iam::{id}:role/nobody"
    definition = ecs.register_task_definition(**changed)["taskDefinition"]["taskDefinitionArn"]
    network = {"subnets": [created.subnets[0]], "securityGroups": [created.security_group]}
    ecs.create_service(
        cluster="demo",
        serviceName="bad",
        taskDefinition=definition,
        desiredCount=0,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": network},
    )


@pytest.fixture(scope="module")
def aws(aws_server: EmbeddedAws) -> Iterator[EmbeddedAws]:
    """Two accounts with two regions each, and one that cannot be entered; made once."""
    aws_server.reset()
    for account, region in FAULTS:
        make(aws_server, account, region)
    aws_server.client("s3").create_bucket(Bucket="fleet-runs")
    aws_server.deny("sts", "AssumeRole", f"{STRANGER}:role/gmsa-doctor")
    yield aws_server
    aws_server.reset()


def fleet(aws: EmbeddedAws, *arguments: str) -> Ended:
    return doctor("fleet", *arguments, env=aws.environ())


def document(ended: Ended) -> dict[str, Any]:
    assert ended.out, ended.err
    jsonschema.validate(ended.document, json.loads(schema.of_fleet()))
    return ended.document


@pytest.fixture(scope="module")
def kept(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a whole run."""
    folder = tmp_path_factory.mktemp("runs")
    ended = fleet(aws, *PLACES, "--output-dir", str(folder), "--run", "first")
    assert ended.code == 1, ended.err
    return folder / "first"


def planned(aws: EmbeddedAws, *options: str) -> list[dict[str, str]]:
    ended = fleet(aws, "plan", *options)
    assert ended.code == 0, ended.err
    items: list[dict[str, str]] = json.loads(ended.out)
    return items


def causes(found: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    """Account, region, service and check of each failure."""
    return {
        (
            *(found["shards"][found["subjects"][number]["shard"]][key] for key in ("account", "region")),
            found["subjects"][number]["facts"]["service"],
            cause["check"],
        )
        for cause in found["causes"]
        if cause["status"] == "fail"
        for number in cause["subjects"]
    }


EXPECTED = {(*place, "demo/bad", check) for place, (check, _) in FAULTS.items()}


def test_a_fault_is_found_just_where_it_is(aws: EmbeddedAws, kept: Path) -> None:
    found = json.loads((kept / "fleet.json").read_text())
    jsonschema.validate(found, json.loads(schema.of_fleet()))
    assert causes(found) == EXPECTED
    assert (found["verdict"], found["exit_code"], found["services"], found["unchecked_shards"]) == ("fail", 1, 8, 2)


def test_an_account_that_cannot_be_entered_is_a_row_with_its_fix_and_makes_the_run_incomplete(
    aws: EmbeddedAws,
) -> None:
    ended = fleet(aws, "--accounts", STRANGER, "--regions", "eu-west-1", "--external-id", "x-7")
    assert ended.code == 3, ended.err
    assert f"Account not entered: {STRANGER} in eu-west-1" in ended.out
    assert f"sts:AssumeRole on arn:aws:iam::{STRANGER}:role/gmsa-doctor" in " ".join(ended.out.split())
    assert "with the external ID x-7" in " ".join(ended.out.split())
    assert fleet(aws, "--accounts", STRANGER, "--regions", "eu-west-1", "--tolerate", "100%").code == 0


def test_a_region_that_the_account_has_not_enabled_is_a_row_with_its_fix(aws: EmbeddedAws) -> None:
    message = "The security token included in the request is invalid."
    aws.fail_with("ecs", "ListClusters", "UnrecognizedClientException", message, times=1)
    ended = fleet(aws, "--accounts", MEMBERS[0], "--regions", "ap-east-1", "--json")
    (shard,) = document(ended)["shards"]
    assert (ended.code, shard["status"]) == (3, "region-disabled")
    assert shard["reason"] == f"account {MEMBERS[0]} has not enabled the region ap-east-1"
    aws.fail_with("ecs", "ListClusters", "UnrecognizedClientException", message, times=1)
    (other,) = document(fleet(aws, "--accounts", MEMBERS[0], "--regions", "eu-west-1", "--json"))["shards"]
    assert (other["status"], message in other["reason"]) == ("failed", True)


def test_the_text_names_causes_then_accounts_and_regions_then_what_was_not_checked(
    aws: EmbeddedAws, kept: Path
) -> None:
    ended = fleet(aws, "merge", str(kept))
    words = ("Root cause: ", "Account ", f"{MEMBERS[0]}  ✗ 1/2", "Account not entered", "✗ FAIL: 4 of 8 services")
    places = [ended.out.index(text) for text in words]
    assert (ended.code, places) == (1, sorted(places)), ended.out
    assert ended.out.count("Root cause: ") == 4


def test_what_was_merged_is_what_the_run_has_reported(aws: EmbeddedAws, kept: Path) -> None:
    (once, again) = (json.loads((kept / "fleet.json").read_text()), document(fleet(aws, "merge", str(kept), "--json")))
    for found in (once, again):
        for key in ("duration_ms", "started", "command"):
            del found[key]
    assert once == again


def test_a_run_that_is_resumed_checks_only_what_is_missing(aws: EmbeddedAws, kept: Path) -> None:
    (kept / MEMBERS[1] / "eu-west-1.json").unlink()
    aws.calls.clear()
    ended = fleet(aws, "--resume", "first", "--output-dir", str(kept.parent), "--json")
    assert causes(document(ended)) == EXPECTED
    assert aws.calls.count(("ecs", "ListClusters")) == 1
    again = fleet(aws, *PLACES, "--output-dir", str(kept.parent), "--run", "first")
    assert (again.code, "continue it with --resume first" in again.err) == (2, True)
    usage = fleet(aws, "--resume", "first", "--output-dir", str(kept.parent), "--accounts", MEMBERS[0])
    assert (usage.code, "--accounts has no effect with --resume" in usage.err) == (2, True)


def test_shards_in_tasks_of_their_own_give_the_same_report(aws: EmbeddedAws, kept: Path) -> None:
    place = ("--output-dir", "s3://fleet-runs/nightly", "--run", "r1")
    items = planned(aws, *PLACES, *place)
    assert [(item["account"], item["region"]) for item in items] == [
        (account, region) for account in (*MEMBERS, STRANGER) for region in REGIONS
    ]
    for item in items[:-1]:
        ended = fleet(aws, "shard", "--account", item["account"], "--region", item["region"], *place)
        assert (ended.code, ended.out) == (0, ""), ended.err
    aws.calls.clear()
    again = fleet(aws, "shard", "--account", MEMBERS[0], "--region", "eu-west-1", *place)
    assert (again.code, "checked already" in again.err, ("ecs", "ListClusters") in aws.calls) == (0, True, False)
    merged = document(fleet(aws, "merge", "s3://fleet-runs/nightly/r1", "--json"))
    assert causes(merged) == EXPECTED
    assert [shard["status"] for shard in merged["shards"]] == [*["checked"] * 4, "not-entered", "not-run"]
    expanded = fleet(aws, "expand", "s3://fleet-runs/nightly/r1", "--account", MEMBERS[0], "--region", "eu-west-1")
    assert [subject["name"] for subject in expanded.document["subjects"]] == ["demo/bad/web", "demo/healthy/web"]


def test_a_subject_expands_to_the_ordinary_report_of_check(aws: EmbeddedAws, kept: Path) -> None:
    place = ("--account", MEMBERS[0], "--region", "eu-west-1")
    ended = fleet(aws, "expand", str(kept / "fleet.json"), "--subject", "demo/bad/*", *place)
    jsonschema.validate(ended.document, json.loads(schema.text()))
    role = f"arn:aws:iam::{MEMBERS[0]}:role/gmsa-doctor"
    member = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="direct")["Credentials"]
    own = {
        "AWS_ACCESS_KEY_ID": member["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": member["SecretAccessKey"],
        "AWS_SESSION_TOKEN": member["SessionToken"],
    }
    env = {**aws.environ("eu-west-1"), **own}
    direct = doctor("check", "--cluster", "demo", "--service", "b*", "--live", "never", "--json", env=env).document
    assert [without_time(subject) for subject in ended.document["subjects"]] == [
        without_time(subject) for subject in direct["subjects"]
    ]
    assert fleet(aws, "expand", str(kept), "--subject", "demo/bald/web").code == 2


def without_time(subject: dict[str, Any]) -> dict[str, Any]:
    return {**subject, "findings": [{**finding, "duration_ms": 0} for finding in subject["findings"]]}


@pytest.mark.parametrize("kind", ["markdown", "junit", "sarif", "gitlab", "html", "json"])
def test_every_report_names_the_services_that_fail(kind: str, aws: EmbeddedAws, kept: Path) -> None:
    ended = fleet(aws, "merge", str(kept), "--report", f"{kind}=-")
    assert (ended.code, "demo/bad" in ended.out) == (1, True), ended.err


def test_github_gets_annotations_and_the_summary_of_the_step(aws: EmbeddedAws, kept: Path, tmp_path: Path) -> None:
    env = {**aws.environ(), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    ended = doctor("fleet", "merge", str(kept), "--report", "github", env=env)
    assert (ended.code, "::error" in ended.out) == (1, True), ended.err
    assert "demo/bad" in (tmp_path / "summary.md").read_text()


def test_two_runs_are_compared(aws: EmbeddedAws, kept: Path, tmp_path: Path) -> None:
    found = json.loads((kept / "fleet.json").read_text())
    roots = {cause["finding"] for cause in found["causes"] if cause["check"] == "credspec.object"}
    for number in roots:
        found["findings"][number] |= {"status": "pass"}
        del found["findings"][number]["root"]
    (tmp_path / "fleet.json").write_text(json.dumps(found))
    broke = fleet(aws, "diff", str(tmp_path), str(kept))
    assert (broke.code, f"{MEMBERS[1]} eu-west-1 demo/bad/web" in broke.out) == (1, True), broke.out
    assert "<" not in broke.out
    fixed = fleet(aws, "diff", str(kept), str(tmp_path), "--json")
    assert (fixed.code, [change["check"] for change in fixed.document["fixed"]]) == (0, ["credspec.object"])


def test_without_accounts_it_is_the_own_one_and_nothing_is_assumed(aws: EmbeddedAws) -> None:
    aws.calls.clear()
    ended = fleet(aws, "--json", "--metrics", "gmsa")
    assert (ended.code, ended.document["nothing_to_check"]) == (0, True), ended.err
    assert [(shard["account"], shard["region"]) for shard in ended.document["shards"]] == [(ACCOUNT, "us-east-1")]
    assert '"Account": "123456789012"' in ended.err
    assert ("sts", "AssumeRole") not in aws.calls


def test_all_regions_are_those_that_the_account_has_enabled(aws: EmbeddedAws) -> None:
    own = [item["region"] for item in planned(aws, "--regions", "all", "--excluded-regions", "us-*")]
    assert {"eu-west-1", "ap-south-1"} <= set(own)
    assert not [region for region in own if region.startswith("us-")]
    assert "ap-east-1" not in own
    some = planned(aws, "--regions", "eu-west-*", "--accounts", MEMBERS[0])
    assert [item["region"] for item in some] == ["eu-west-1", "eu-west-2", "eu-west-3"]
    wrong = fleet(aws, "plan", "--regions", "eu-wets-1")
    assert (wrong.code, "Did you mean eu-west-1" in wrong.err) == (2, True), wrong.err


def test_the_accounts_are_the_active_ones_of_the_organization_or_of_a_unit(aws: EmbeddedAws) -> None:
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = {
        name: organizations.create_account(AccountName=name, Email=f"{name}@corp.example")["CreateAccountStatus"][
            "AccountId"
        ]
        for name in ("web", "old", "deep")
    }
    organizations.close_account(AccountId=made["old"])
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="apps")["OrganizationalUnit"]["Id"]
    below = organizations.create_organizational_unit(ParentId=unit, Name="legacy")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=made["deep"], SourceParentId=root, DestinationParentId=below)
    found = planned(aws, "--organization", "--regions", "eu-west-1")
    assert {item["name"] for item in found} >= {"web", "deep"}
    assert "old" not in {item["name"] for item in found}
    of_unit = planned(aws, "--ou", unit, "--regions", "eu-west-1")
    assert [(item["account"], item["name"]) for item in of_unit] == [(made["deep"], "deep")]


def test_ctrl_c_reports_the_shards_that_have_ended_and_the_run_can_be_continued(
    aws: EmbeddedAws, tmp_path: Path
) -> None:
    started: list[subprocess.Popen[str]] = []

    def interrupt() -> None:
        started[0].send_signal(signal.SIGINT)
        started[0].wait(60)

    aws.at("ecs", "ListClusters", 2, interrupt)  # by the second shard
    place = ("--accounts", MEMBERS[0], "--regions", ",".join(REGIONS), "--output-dir", str(tmp_path))
    command = [COMMAND, "fleet", *place, "--run", "r", "--shards", "1"]
    started.append(
        subprocess.Popen(command, env=aws.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    )
    out, err = started[0].communicate(timeout=60)
    assert (started[0].returncode, "1 of 2 shards not checked" in " ".join(out.split())) == (130, True), out
    assert f"continue with: gmsa-doctor fleet --resume r --output-dir {tmp_path}" in err
    aws.calls.clear()
    ended = fleet(aws, "--resume", "r", "--output-dir", str(tmp_path), "--json")
    assert [shard["status"] for shard in ended.document["shards"]] == ["checked", "checked"]
    assert aws.calls.count(("ecs", "ListClusters")) == 1


def test_a_cluster_that_cannot_be_listed_makes_its_shard_incomplete(aws: EmbeddedAws) -> None:
    aws.deny("ecs", "ListServices", times=1)
    ended = fleet(aws, "--accounts", MEMBERS[0], "--regions", "eu-west-1")
    assert (ended.code, "Unknown: task-definition.registered" in ended.out) == (3, True), ended.out
    assert "ecs:ListServices" in ended.out
    assert f"{MEMBERS[0]}  ? incomplete" in ended.out


def test_what_is_required_and_was_skipped_is_named(aws: EmbeddedAws) -> None:
    place = ("--accounts", MEMBERS[1], "--regions", "us-east-1", "--skip", "task-definition,execution-role")
    ended = fleet(aws, *place, "--require", "kerberos.gmsa-ticket")
    assert (ended.code, f"Incomplete: {MEMBERS[1]} in us-east-1" in ended.out) == (3, True), ended.out
    assert "kerberos.gmsa-ticket was required, and was skipped" in ended.out


def test_waivers_apply_to_every_shard(aws: EmbeddedAws, tmp_path: Path) -> None:
    waiver = '[[waivers]]\ncheck = "task-definition.prefix"\nsubject = "demo/bad/*"\nreason = "known"\n'
    (tmp_path / "gmsa-doctor.toml").write_text(f"{waiver}expires = 2099-01-01\n")
    config = ("--config", str(tmp_path / "gmsa-doctor.toml"))
    ended = fleet(aws, "--accounts", MEMBERS[0], "--regions", ",".join(REGIONS), *config, "--json")
    assert [cause["check"] for cause in ended.document["causes"]] == ["task-definition.arn"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--account", STRANGER], "--account has no effect without an action"),
        (["shard", "--account", STRANGER], "give --account, --region, --run and --output-dir"),
        (["merge"], "give the directory of the run"),
        (["plan", "x"], "takes no FILES"),
        (["--resume", "x"], "--output-dir"),
        (["--tolerate", "half"], "give a percentage"),
        (["--only", "no.such"], "no.such"),
        (["--metrics", "AWS/x"], "--metrics AWS/x"),
        (["--accounts", "12"], "12 digits"),
        (["--accounts", STRANGER, "--organization"], "--accounts has no effect with --organization"),
        (["--output-dir", "s3://"], "give a directory, or s3://BUCKET/PREFIX"),
        (["merge", "/nonexistent"], "there is no report of a shard"),
        (["expand", "/nonexistent/x.json"], "there is no report"),
    ],
)
def test_what_cannot_be_done_is_one_clear_message(arguments: list[str], words: str, aws: EmbeddedAws) -> None:
    ended = fleet(aws, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1
