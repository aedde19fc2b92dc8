"""How findings decide which parts exist, and which of them stay in the plan with their own fix."""

import json
from dataclasses import replace

from gmsa_doctor.core.model import Finding, Fix, Report, Status, Step, SubjectReport, Verdict
from gmsa_doctor.setup import parts
from gmsa_doctor.setup.answers import IN_SECRET, Form
from gmsa_doctor.setup.document import render, render_json
from gmsa_doctor.setup.existing import Existing
from gmsa_doctor.setup.plan import EXISTS, MISSING, Known, State, Survey, plan_of
from gmsa_doctor.setup.survey import with_findings
from tests.setup.plans import ANSWERS

NONE = Existing({}, {parts.Service: MISSING, parts.TaskDefinition: MISSING})
ALLOW = Fix("Allow it.", ("aws iam put-role-policy --role-name web",))


def finding(check: str, status: Status, fix: Fix | None = None, *, root: bool = True) -> Finding:
    return Finding(status, f"{check} is {status}", fix=fix, check=check, step=Step.TASK, root=root)


def surveyed(*findings: Finding, known: dict[type[parts.Part], Known] | None = None) -> Survey:
    subject = SubjectReport("web", (), findings)
    report = Report("1", Verdict.FAIL, (subject,), (), ())
    return with_findings(Survey(known or {}), report, NONE)


def test_a_part_exists_if_its_check_passes() -> None:
    found = surveyed(finding("directory.managed-password", Status.PASS), finding("log-group.present", Status.WARN))
    for kind in (parts.RootKey, parts.Group, parts.Member, parts.Permission, parts.LogGroup):
        assert found.of(kind) == EXISTS
    assert found.of(parts.Gmsa).state is State.UNKNOWN


def test_a_root_cause_that_a_missing_part_explains_is_not_repeated() -> None:
    cause = finding("secret.value", Status.FAIL)
    assert surveyed(cause, known={parts.Secret: MISSING}).repairs == ()
    assert surveyed(cause, known={parts.Secret: EXISTS}).repairs == (cause,)


def test_only_root_causes_of_the_steps_stay_in_the_plan() -> None:
    found = surveyed(
        finding("network-path.s3", Status.FAIL, root=False),
        replace(finding("evidence.logs", Status.UNKNOWN), step=None),
        finding("network-path.ecr", Status.UNKNOWN),
        finding("user.kind", Status.WARN),
    )
    assert [kept.check for kept in found.repairs] == ["network-path.ecr"]


def test_a_rule_with_other_targets_than_the_plan_stays_with_the_command_that_sets_them() -> None:
    update = Fix("Set the targets.", ("aws route53resolver update-resolver-rule",))
    other = finding("resolver-rule.targets", Status.WARN, update, root=False)
    exists = finding("dhcp-options.domain-name-servers", Status.PASS)
    assert surveyed(exists, other).repairs == (other,)
    assert surveyed(replace(exists, status=Status.FAIL), other).repairs == ()  # the plan creates a rule
    assert surveyed(exists, replace(other, fix=Fix("Ask the account that shares the rule."))).repairs == ()


def test_permissions_that_a_policy_would_allow_are_a_missing_policy() -> None:
    denied = finding("execution-role.secret", Status.FAIL, ALLOW)
    found = surveyed(finding("execution-role.credspec", Status.PASS), denied)
    assert (found.of(parts.RolePolicy).state, found.repairs) == (State.MISSING, ())


def test_a_deny_keeps_the_fix_of_its_check() -> None:
    denied = finding("execution-role.secret", Status.FAIL, Fix("Remove the Deny.", ("aws iam get-role-policy",)))
    found = surveyed(denied)
    assert (found.of(parts.RolePolicy).state, found.repairs) == (State.UNKNOWN, (denied,))


def test_a_role_that_is_missing_has_no_permissions() -> None:
    found = surveyed(finding("execution-role.trust", Status.FAIL), known={parts.Role: MISSING})
    assert (found.of(parts.RolePolicy), found.repairs) == (MISSING, ())


def test_a_failure_in_the_ad_does_not_overrule_what_the_ad_answered() -> None:
    refused = finding("kerberos.user-ticket", Status.FAIL, Fix("Put the right password into the secret."))
    found = surveyed(refused, known={parts.User: EXISTS})
    assert (found.of(parts.User), found.repairs) == (EXISTS, (refused,))


def test_the_fix_of_a_check_is_in_the_document() -> None:
    refused = finding("kerberos.user-ticket", Status.FAIL, Fix("Put it there.", ("aws sts get-caller-identity",)))
    text = render(plan_of(ANSWERS, surveyed(refused)), Form.CLI, "again")
    assert "### kerberos.user-ticket" in text
    assert "aws sts get-caller-identity" in text


def test_root_keys_that_nobody_saw_do_not_explain_a_password_that_the_ad_refuses() -> None:
    refused = finding("directory.managed-password", Status.FAIL)
    unseen = Known(State.UNKNOWN, "only administrators of the forest see KDS root keys")
    found = surveyed(refused, known={parts.RootKey: unseen})
    assert (found.of(parts.RootKey), found.repairs) == (unseen, (refused,))


def test_a_user_that_only_the_secret_names_gets_no_commands() -> None:
    plan = plan_of(replace(ANSWERS, user=IN_SECRET), Survey({}))
    document = json.loads(render_json(plan))
    found = {part["kind"]: part for part in document["parts"]}
    for kind in ("User", "Member"):
        assert (found[kind]["commands"], found[kind]["text"]) == (
            [],
            "The secret has another user: name it with --user.",
        )
    assert found["Group"]["commands"]


def test_a_denied_question_is_not_a_missing_part() -> None:
    found = surveyed(known={parts.Secret: Known(State.UNKNOWN, "access denied: secretsmanager:DescribeSecret")})
    item = next(item for item in plan_of(ANSWERS, found).items if isinstance(item.part, parts.Secret))
    assert item.known.state is State.UNKNOWN
    assert "secretsmanager:DescribeSecret" in render(plan_of(ANSWERS, found), Form.CLI, "again")
