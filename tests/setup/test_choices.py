"""From options and what exists to answers: what contradicts, and which names would break a command."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import pytest

from gmsa_doctor.core.errors import UsageError
from gmsa_doctor.setup import parts, shell
from gmsa_doctor.setup.answers import Answers, Form
from gmsa_doctor.setup.choices import answers_of
from gmsa_doctor.setup.cloudformation import deploy
from gmsa_doctor.setup.document import render
from gmsa_doctor.setup.plan import Survey, plan_of
from tests.setup.plans import ANSWERS

GIVEN = asdict(ANSWERS)
FOUND = {
    name: GIVEN[name]
    for name in (
        "family",
        "container",
        "execution_role",
        "image",
        "log_group",
        "subnets",
        "security_groups",
        "vpc",
        "account",
    )
}


def answered(found: Mapping[str, Any] | None = None, **changed: object) -> Answers:
    return answers_of({**GIVEN, **changed}, found or {})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"execution_role": "other"}, "--execution-role other: the service, or its task definition, has web-execution"),
        ({"image": "web:2"}, "--image web:2: the service, or its task definition, has 111122223333.dkr.ecr"),
        ({"security_groups": ("sg-0b",)}, "--security-groups sg-0b: the service, or its task definition, has sg-0a1b"),
        ({"subnets": ("subnet-0b",)}, "drop --subnets"),
        ({"family": "api"}, "--family api: the service, or its task definition, has web; drop --family"),
        ({"log_group": "/other"}, "drop --log-group"),
        ({"vpc": "vpc-0b"}, "--vpc vpc-0b: the subnets are in vpc-0a1b2c3d; drop --vpc"),
        ({"account": "999988887777"}, "--account 999988887777: the AWS credentials are for 111122223333"),
    ],
)
def test_what_exists_cannot_be_named_otherwise(changed: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        answered(FOUND, **changed)
    assert says in str(raised.value)
    assert answered({}, **changed)  # nothing exists: every name is free


def test_the_same_names_in_another_order_are_no_contradiction() -> None:
    assert answered(FOUND, subnets=ANSWERS.subnets[::-1], security_groups=ANSWERS.security_groups[::-1])


def test_a_container_that_writes_no_log_gets_no_log_group() -> None:
    with pytest.raises(UsageError, match="has none; drop --log-group"):
        answered({**FOUND, "log_group": ""})
    assert answered({**FOUND, "log_group": ""}, log_group=None).log_group == ""


def test_a_flag_that_was_not_given_does_not_overrule_the_service() -> None:
    assert answered({"public_address": True}, public_address=False).public_address
    with pytest.raises(UsageError, match="the service assigns no public IP address"):
        answered({"public_address": False}, public_address=True)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"gmsa": "webapp01-in-production"}, "the name of a gMSA has at most 15 characters"),
        ({"region": "eu west"}, "--region eu west: AWS accepts no such name"),
        ({"key": "dir/"}, "--key dir/: AWS accepts no such name"),
        ({"resolver_endpoint": "rslvr-in-1"}, "--resolver-endpoint rslvr-in-1"),
        ({"ad_security_group": "domain controllers"}, "--ad-security-group domain controllers"),
    ],
)
def test_a_name_that_breaks_a_command_is_a_usage_error(changed: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        answered({}, **changed)
    assert says in str(raised.value)


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "ap-southeast-7", "us-iso-east-1", "eusc-de-east-1"])
def test_every_region_is_one(region: str) -> None:
    assert answered(region=region).region == region


def test_a_gmsa_of_an_existing_credspec_may_have_a_longer_name() -> None:
    assert answered({"gmsa": "webapp01-in-production"}, gmsa=None).gmsa == "webapp01-in-production"


def test_the_policy_has_a_name_that_iam_accepts() -> None:
    answers = answered(gmsa="a(b)", secret="s1", key="k.json")
    (policy,) = (item.part for item in plan_of(answers, Survey()).items if isinstance(item.part, parts.RolePolicy))
    assert "--policy-name gmsa-a-b- " in shell.steps(policy, "eu-west-1").commands[0]


def test_a_stack_has_a_name_that_cloudformation_accepts() -> None:
    (command,) = deploy(f"gmsa-my_web-{'x' * 200}-abc123", "")
    name = command.split("--stack-name ")[1].split()[0]
    assert name.startswith("gmsa-my-web-x")
    assert name.endswith("x-abc123")
    assert len(name) == 128
    assert "--stack-name gmsa-web-abc123 " in deploy("gmsa-web-abc123", "")[0]


@pytest.mark.parametrize(
    ("form", "by_address", "kind"),
    [
        (Form.CLI, "Ipv6=fd00::1,Port=53", "--resolver-endpoint-type DUALSTACK"),
        (Form.CLOUDFORMATION, "Ipv6: fd00::1", "ResolverEndpointType: DUALSTACK"),
        (Form.CDK, 'ipv6: "fd00::1"', 'resolverEndpointType: "DUALSTACK"'),
        (Form.TERRAFORM, 'ipv6 = "fd00::1"', '"DUALSTACK"'),
    ],
)
def test_a_dns_server_with_an_ipv6_address_is_a_target_of_its_kind(form: Form, by_address: str, kind: str) -> None:
    mixed = render(plan_of(replace(ANSWERS, ad_dns=("10.0.0.10", "fd00::1")), Survey()), form, "again")
    assert by_address in mixed
    assert kind in mixed
    assert "DUALSTACK" not in render(plan_of(ANSWERS, Survey()), form, "again")
