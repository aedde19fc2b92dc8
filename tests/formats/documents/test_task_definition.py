from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import (
    Container,
    CredentialSpecEntry,
    NearMiss,
    Prefix,
    Reference,
    TaskDefinition,
    TaskDefinitionError,
    read_task_definition,
    split_credential_spec,
)

ARN = "arn:aws:s3:::bucket/credspec.json"
DOMAINLESS = "credentialspecdomainless:"


def registered() -> dict[str, Any]:
    return {
        "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
        "family": "web",
        "revision": 7,
        "status": "ACTIVE",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "executionRoleArn": "arn:aws:iam::123456789012:role/exec",
        "taskRoleArn": "arn:aws:iam::123456789012:role/task",
        "runtimePlatform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "X86_64"},
        "containerDefinitions": [
            {
                "name": "web",
                "image": "web:1",
                "essential": True,
                "user": "1654",
                "credentialSpecs": [DOMAINLESS + ARN],
                "environment": [
                    {"name": "DB_PASSWORD", "value": "hunter2"},
                    {"name": "KRB5CCNAME", "value": "/var/credentials-fetcher/krbdir/krb5cc"},
                ],
            },
            {"name": "side", "essential": False, "dockerSecurityOptions": ["credentialspec:" + ARN]},
        ],
    }


def error(value: object) -> TaskDefinitionError:
    with pytest.raises(TaskDefinitionError) as caught:
        read_task_definition(value)
    return caught.value


def test_a_registered_task_definition_is_read() -> None:
    found = read_task_definition(registered())
    assert found == TaskDefinition(
        family="web",
        revision=7,
        arn="arn:aws:ecs:us-east-1:123456789012:task-definition/web:7",
        status="ACTIVE",
        requires_compatibilities=("FARGATE",),
        network_mode="awsvpc",
        execution_role_arn="arn:aws:iam::123456789012:role/exec",
        task_role_arn="arn:aws:iam::123456789012:role/task",
        os_family="LINUX",
        cpu_architecture="X86_64",
        containers=(
            Container(
                name="web",
                image="web:1",
                user="1654",
                credential_specs=(DOMAINLESS + ARN,),
                environment=(("KRB5CCNAME", "/var/credentials-fetcher/krbdir/krb5cc"),),
            ),
            Container(name="side", essential=False, docker_security_options=("credentialspec:" + ARN,)),
        ),
    )
    hash(found)


def test_the_answer_of_describe_task_definition_is_read() -> None:
    assert read_task_definition({"taskDefinition": registered(), "tags": []}) == read_task_definition(registered())


def test_values_that_are_not_set_are_none_or_empty() -> None:
    found = read_task_definition({"containerDefinitions": [{"name": "web", "user": None, "credentialSpecs": None}]})
    assert found == TaskDefinition(family=None, containers=(Container("web"),))
    assert found.containers[0].essential


def test_strings_of_other_databases_are_ignored() -> None:
    short = "Server=db.corp.example;Database=x;Uid=root;Pwd=hunter2"
    variables = {
        "MYSQL_CONNECTION": short,
        "ConnectionStrings__Postgres": "Server=pg;Port=5432;Database=x;User Id=app;Password=hunter2",
        "ConnectionStrings__Reports": "Server=my;Port=3306;Database=x;Uid=app;Pwd=hunter2",
        "ODBC": "Driver={PostgreSQL Unicode};Server=pg;Uid=app;Pwd=hunter2",
        "DATABASE_URL": "postgresql://app:hunter2@pg/x",
        "ConnectionStrings__Main": short,
    }
    container = {
        "name": "web",
        "environment": [{"name": name, "value": value} for name, value in variables.items()],
        "secrets": [{"name": name, "valueFrom": f"/app/{name}"} for name in ("MYSQL_DB", "MAIN_DB")],
    }
    (read,) = read_task_definition({"containerDefinitions": [container]}).containers
    assert [string.name for string in read.connection_strings] == ["ConnectionStrings__Main"]
    assert [name for name, _ in read.secrets] == ["MAIN_DB"]
    assert "hunter2" not in repr(read)


def test_secrets_and_parameters_are_kept_with_their_use() -> None:
    container = {
        "name": "web",
        "secrets": [{"name": "KEY", "valueFrom": "/app/key"}, {"name": "OPEN", "valueFrom": Open("${Secret}")}],
        "logConfiguration": {"logDriver": "splunk", "secretOptions": [{"name": "token", "valueFrom": "/app/token"}]},
        "repositoryCredentials": {"credentialsParameter": "registry"},
    }
    (read,) = read_task_definition({"containerDefinitions": [container]}).containers
    assert read.references == (
        Reference("secrets KEY", "/app/key"),
        Reference("logConfiguration.secretOptions token", "/app/token"),
        Reference("repositoryCredentials", "registry", registry=True),
    )


@pytest.mark.parametrize("wrong", [{"secrets": {}}, {"secrets": ["a"]}, {"repositoryCredentials": "a"}])
def test_secrets_in_another_form_are_ignored(wrong: dict[str, Any]) -> None:
    (read,) = read_task_definition({"containerDefinitions": [{"name": "web", **wrong}]}).containers
    assert read.references == ()


def test_other_environment_variables_are_not_kept() -> None:
    assert "hunter2" not in repr(read_task_definition(registered()))


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"family": 5}, "family", "a number, not a string"),
        ({"revision": "7"}, "revision", "a string, not a whole number"),
        ({"revision": True}, "revision", "a boolean, not a whole number"),
        ({"containerDefinitions": None}, "containerDefinitions", "is missing"),
        ({"containerDefinitions": {}}, "containerDefinitions", "an object, not an array"),
        ({"containerDefinitions": ["web"]}, "containerDefinitions[0]", "a string, not an object"),
        ({"containerDefinitions": [{}]}, "containerDefinitions[0].name", "is missing"),
        ({"containerDefinitions": [{"name": ""}]}, "containerDefinitions[0].name", "is missing"),
        ({"runtimePlatform": "LINUX"}, "runtimePlatform", "a string, not an object"),
        ({"requiresCompatibilities": "FARGATE"}, "requiresCompatibilities", "a string, not an array"),
        ({"requiresCompatibilities": ["EC2", 5]}, "requiresCompatibilities[1]", "a number, not a string"),
    ],
)
def test_a_wrong_type_is_reported_with_its_path(change: dict[str, Any], path: str, words: str) -> None:
    found = error(registered() | change)
    assert (found.path, words in str(found)) == (path, True)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"credentialSpecs": DOMAINLESS + ARN}, "credentialSpecs", "a string, not an array"),
        ({"credentialSpecs": [{"value": ARN}]}, "credentialSpecs[0]", "an object, not a string"),
        ({"essential": "true"}, "essential", "a string, not a boolean"),
        ({"environment": {"A": "b"}}, "environment", "an object, not an array"),
        ({"environment": [{"name": "KRB5CCNAME", "value": 5}]}, "environment[0].value", "a number"),
        ({"CredentialSpecs": []}, "CredentialSpecs", "CloudFormation's spelling: the key is credentialSpecs"),
        ({"credentialspecs": []}, "credentialspecs", "the wrong case: the key is credentialSpecs"),
    ],
)
def test_a_wrong_type_in_a_container_is_reported_with_its_path(change: dict[str, Any], path: str, words: str) -> None:
    document = {"containerDefinitions": [{"name": "a"}, {"name": "web", **change}]}
    if "CredentialSpecs" not in change:
        document = {"taskDefinition": document}  # type: ignore[dict-item]
    found = error(document)
    assert found.path.endswith(f"containerDefinitions[1].{path}")
    assert words in str(found)


@pytest.mark.parametrize(
    "value",
    [
        {"ContainerDefinitions": [{"Name": "web"}]},
        {"TaskDefinition": {}},
        {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition"}}},
        {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": []}},
    ],
)
def test_a_cloudformation_template_is_refused_as_such(value: object) -> None:
    assert "CloudFormation" in str(error(value))


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_a_value_that_is_not_an_object_is_refused(value: object) -> None:
    assert "the document is" in str(error(value))


def test_an_error_contains_no_value() -> None:
    document = registered()
    document["containerDefinitions"][0]["environment"][1]["value"] = ["hunter2"]
    assert "hunter2" not in repr(error(document))


# Entries of credentialSpecs


@pytest.mark.parametrize("prefix", Prefix)
@pytest.mark.parametrize("target", [ARN, "file://spec.json", "arn:aws:s3:::b/credentialspec:x", ""])
def test_an_exact_prefix_is_split_off(prefix: Prefix, target: str) -> None:
    found = split_credential_spec(prefix + target)
    assert found == CredentialSpecEntry(prefix, target, None, prefix, target)
    assert found.suggestion is None


@pytest.mark.parametrize(
    ("text", "near_miss", "meant"),
    [
        (ARN, NearMiss.NO_PREFIX, None),
        ("", NearMiss.NO_PREFIX, None),
        ("domainless:" + ARN, NearMiss.NO_PREFIX, None),
        ("CredentialSpecDomainless:" + ARN, NearMiss.WRONG_CASE, Prefix.DOMAINLESS),
        ("credentialSpec:" + ARN, NearMiss.WRONG_CASE, Prefix.JOINED),
        ("credentialspecdomainless" + ARN, NearMiss.MISSING_COLON, Prefix.DOMAINLESS),
        ("credentialspecdomainless " + ARN, NearMiss.MISSING_COLON, Prefix.DOMAINLESS),
        ("credentialspecfile://x", NearMiss.MISSING_COLON, Prefix.JOINED),
        (" credentialspec:" + ARN, NearMiss.WHITE_SPACE, Prefix.JOINED),
        ("credentialspec :" + ARN, NearMiss.WHITE_SPACE, Prefix.JOINED),
        ("credentialspec: " + ARN, NearMiss.WHITE_SPACE, Prefix.JOINED),
        ("credentialspecdomainless:" + ARN + "\n", NearMiss.WHITE_SPACE, Prefix.DOMAINLESS),
        ('"credentialspec:' + ARN + '"', NearMiss.QUOTES, Prefix.JOINED),
        ('credentialspec:"' + ARN + '"', NearMiss.QUOTES, Prefix.JOINED),
        ("credentialspec:" + ARN + "'", NearMiss.QUOTES, Prefix.JOINED),
        ("credentialspec:credentialspecdomainless:" + ARN, NearMiss.DOUBLED, Prefix.DOMAINLESS),
        ("credentialspecdomainless:credentialspecdomainless:" + ARN, NearMiss.DOUBLED, Prefix.DOMAINLESS),
        ("credential-spec:" + ARN, NearMiss.MISSPELT, Prefix.JOINED),
        ("credentialspecs:" + ARN, NearMiss.MISSPELT, Prefix.JOINED),
        ("credentialspec-domainless:" + ARN, NearMiss.MISSPELT, Prefix.DOMAINLESS),
        ("credentialspecdomainless=" + ARN, NearMiss.MISSPELT, Prefix.DOMAINLESS),
    ],
)
def test_a_near_miss_of_a_prefix_is_recognized(text: str, near_miss: NearMiss, meant: Prefix | None) -> None:
    found = split_credential_spec(text)
    assert (found.near_miss, found.meant) == (near_miss, meant)
    if meant:
        assert found.target == ("file://x" if "file" in text else ARN)
        assert found.suggestion == meant + found.target
        assert split_credential_spec(found.suggestion).near_miss is None


def test_without_an_exact_prefix_the_entry_has_none() -> None:
    found = split_credential_spec("CredentialSpec:" + ARN)
    assert (found.prefix, found.rest) == (None, "CredentialSpec:" + ARN)


parts = st.sampled_from(["credentialspec", "domainless", ":", " ", "arn:", "file://", "'", "s", "CREDENTIALSPEC", "\n"])


@given(st.text() | st.lists(parts, max_size=8).map("".join))
@example("credentialspec:0'")
def test_any_entry_can_be_split(text: str) -> None:
    found = split_credential_spec(text)
    assert (found.prefix or "") + found.rest == text
    if found.near_miss is None:
        assert (found.meant, found.target) == (found.prefix, found.rest)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["name", "value", "Name", "credentialSpecs", "environment"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
places = st.sampled_from([*registered(), "Family", "taskDefinition", "containers"])


@given(anything, places, st.booleans())
def test_any_value_is_a_task_definition_or_its_error(value: object, place: str, in_container: bool) -> None:
    document = copy.deepcopy(registered())
    (document["containerDefinitions"][0] if in_container else document)[place] = value
    for candidate in (value, document, {"taskDefinition": value}, {"containerDefinitions": [value]}):
        try:
            found = read_task_definition(candidate)
        except TaskDefinitionError:
            continue
        hash(found)
        assert isinstance(found.containers, tuple)
