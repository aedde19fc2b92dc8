"""IAM, against the embedded AWS, and in the other form that its answers have."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest
from botocore.stub import Stubber

from gmsa_doctor.clients.aws.iam import ContextEntry, Iam, SimulatedDecision
from gmsa_doctor.clients.aws.session import Aws
from gmsa_doctor.core.errors import Denied, NotFound
from tests.lab.aws import ACCOUNT, EmbeddedAws
from tests.lab.environment import trust

ROLE = f"arn:aws:iam::{ACCOUNT}:role/services/web"
OBJECT = "arn:aws:s3:::credspecs/web.json"
TRUST = trust("ecs-tasks.amazonaws.com")


@pytest.fixture(autouse=True)
def variables(aws: EmbeddedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in aws.variables().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def iam(aws: EmbeddedAws) -> Iam:
    """With the role of ROLE, which may read objects of the bucket, over TLS."""
    ours = aws.client("iam")
    ours.create_role(RoleName="web", Path="/services/", AssumeRolePolicyDocument=json.dumps(TRUST))
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::credspecs/*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ours.put_role_policy(RoleName="web", PolicyName="read", PolicyDocument=document)
    return Iam(Aws())


def test_a_role_is_returned_with_its_trust_policy(iam: Iam) -> None:
    role = iam.role(ROLE)
    assert (role.arn, json.loads(role.trust), role.boundary) == (ROLE, TRUST, None)


def test_a_roles_boundary_is_returned(iam: Iam, aws: EmbeddedAws) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    arn = aws.client("iam").create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    aws.client("iam").put_role_permissions_boundary(RoleName="web", PermissionsBoundary=arn)
    assert iam.role(ROLE).boundary == arn


def test_the_role_of_an_instance_profile_is_returned_if_any(iam: Iam, aws: EmbeddedAws) -> None:
    made = aws.client("iam").create_instance_profile(InstanceProfileName="host", Path="/ecs/")
    empty = aws.client("iam").create_instance_profile(InstanceProfileName="empty")
    aws.client("iam").add_role_to_instance_profile(InstanceProfileName="host", RoleName="web")
    assert iam.role_of_profile(made["InstanceProfile"]["Arn"]) == ROLE
    assert iam.role_of_profile(empty["InstanceProfile"]["Arn"]) is None
    with pytest.raises(NotFound):
        iam.role_of_profile(f"arn:aws:iam::{ACCOUNT}:instance-profile/gone")


def test_a_simulation_gives_a_decision_for_each_action_on_each_resource(iam: Iam) -> None:
    tls = ContextEntry("aws:SecureTransport", "boolean", ("true",))
    other = "arn:aws:s3:::others/web.json"
    found = iam.simulate(ROLE, ("s3:GetObject", "s3:PutObject"), (OBJECT, other), (tls,))
    assert {(decision.action, decision.resource): decision.decision for decision in found} == {
        ("s3:GetObject", OBJECT): "allowed",
        ("s3:GetObject", other): "implicitDeny",
        ("s3:PutObject", OBJECT): "implicitDeny",
        ("s3:PutObject", other): "implicitDeny",
    }
    assert found[0].allowed
    assert found[0].policies == ("read",)


def together(iam: Iam, aws: EmbeddedAws, *objects: str) -> list[tuple[SimulatedDecision, ...]]:
    """Simulations for objects, each in a thread of its own, while another one of their kind is under way."""
    aws.calls.clear()
    kind = (ROLE, ("s3:GetObject",), ())
    turn = iam._simulations._under_way.setdefault(kind, Lock())
    with ThreadPoolExecutor(len(objects)) as pool:
        with turn:
            found = [pool.submit(iam.simulate, ROLE, ("s3:GetObject",), (name,), ()) for name in objects]
            while len(iam._simulations._open[kind].items if kind in iam._simulations._open else ()) < len(objects):
                time.sleep(0.001)
        return [one.result() for one in found]


def test_simulations_that_differ_in_their_resource_only_go_together(iam: Iam, aws: EmbeddedAws) -> None:
    other = "arn:aws:s3:::others/web.json"
    (allowed,), (denied,) = together(iam, aws, OBJECT, other)
    assert aws.calls == [("iam", "SimulatePrincipalPolicy")]
    assert (allowed.resource, allowed.missing) == (OBJECT, ("aws:SecureTransport",))
    assert (denied.resource, denied.decision) == (other, "implicitDeny")


def test_an_invalid_resource_of_another_simulation_is_no_error(iam: Iam, aws: EmbeddedAws) -> None:
    aws.fail_with("iam", "SimulatePrincipalPolicy", "InvalidInput", times=1)
    (allowed,), (other,) = together(iam, aws, OBJECT, f"{OBJECT}.old")
    assert (allowed.resource, other.resource) == (OBJECT, f"{OBJECT}.old")
    assert len(aws.calls) == 3


def test_context_keys_missing_in_the_simulation_are_listed(iam: Iam) -> None:
    (found,) = iam.simulate(ROLE, ("s3:GetObject",), (OBJECT,), ())
    assert found.missing == ("aws:SecureTransport",)
    assert not found.allowed


def test_the_organizations_decision_is_returned(iam: Iam, aws: EmbeddedAws) -> None:
    aws.organization_policy = [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]
    (found,) = iam.simulate(ROLE, ("s3:ListBucket",), (OBJECT,), ())
    assert (found.organizations, found.boundary) == (False, None)


def test_an_unknown_role_is_not_found(aws: EmbeddedAws) -> None:
    with pytest.raises(NotFound):
        Iam(Aws()).role(ROLE)
    with pytest.raises(NotFound):
        Iam(Aws()).simulate(ROLE, ("s3:GetObject",), (OBJECT,), ())


def test_a_denied_simulation_names_its_action_and_the_role(iam: Iam, aws: EmbeddedAws) -> None:
    aws.deny("iam", "SimulatePrincipalPolicy")
    with pytest.raises(Denied) as caught:
        iam.simulate(ROLE, ("s3:GetObject",), (OBJECT,), ())
    assert (caught.value.action, caught.value.resource) == ("iam:SimulatePrincipalPolicy", ROLE)


def test_decisions_about_several_resources_may_be_nested() -> None:
    iam = Iam(Aws())
    second = f"{OBJECT}.old"
    answer = {
        "IsTruncated": False,
        "EvaluationResults": [
            {
                "EvalActionName": "s3:GetObject",
                "EvalResourceName": "*",
                "EvalDecision": "implicitDeny",
                "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
                "ResourceSpecificResults": [
                    {"EvalResourceName": OBJECT, "EvalResourceDecision": "allowed"},
                    {
                        "EvalResourceName": second,
                        "EvalResourceDecision": "implicitDeny",
                        "MissingContextValues": ["aws:SourceVpce"],
                        "PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False},
                    },
                ],
            }
        ],
    }
    with Stubber(iam.api) as stubber:
        stubber.add_response("simulate_principal_policy", answer)
        found = iam.simulate(ROLE, ("s3:GetObject",), (OBJECT, second), ())
    assert found == (
        SimulatedDecision("s3:GetObject", OBJECT, "allowed", organizations=True),
        SimulatedDecision(
            "s3:GetObject", second, "implicitDeny", ("aws:SourceVpce",), boundary=False, organizations=True
        ),
    )


def test_inline_and_attached_policies_are_returned_as_text(iam: Iam, aws: EmbeddedAws) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    arn = aws.client("iam").create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    aws.client("iam").attach_role_policy(RoleName="web", PolicyArn=arn)
    found = iam.policies(ROLE)
    assert list(found) == ["read", arn]
    assert json.loads(found[arn]) == json.loads(document)


def test_a_roles_id_and_tags_are_returned(iam: Iam, aws: EmbeddedAws) -> None:
    aws.client("iam").tag_role(RoleName="web", Tags=[{"Key": "app", "Value": "web"}])
    role = iam.role(ROLE)
    assert (role.tags, role.id.startswith("AROA")) == ((("app", "web"),), True)
