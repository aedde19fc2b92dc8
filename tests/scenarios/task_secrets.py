"""Secrets and parameters that the containers name, and what the execution role may read of them."""

from collections.abc import Callable
from typing import Any

from tests.lab.aws import ACCOUNT
from tests.lab.environment import Environment
from tests.scenarios.changes import all_of, boundary, on_ec2, options, organization, role_also, second_container
from tests.scenarios.lab import Change, Lab, Scenario
from tests.scenarios.network_path import BY_ENDPOINTS, endpoints
from tests.scenarios.policies import ALL, ROLE, allow, deny, document, to, when
from tests.scenarios.task_on_ecs import GET_VALUE

_CHECK = "execution-role.task-secrets"
_PARAMETER = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/app/key"
_READ_PARAMETER = allow("ssm:GetParameters", resource=_PARAMETER)
_THERE = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:app/db-"
_ELSEWHERE = "210987654321"

Put = Callable[[dict[str, Any], str], object]
"""Puts a secret's ARN into a container's definition."""


def variable(container: dict[str, Any], source: str) -> None:
    """Make a variable of it."""
    container.setdefault("secrets", []).append({"name": "DB_PASSWORD", "valueFrom": source})


def key(container: dict[str, Any], source: str) -> None:
    """Make a variable of one key."""
    variable(container, f"{source}:password::")


def log_option(container: dict[str, Any], source: str) -> None:
    """Make an option of the log driver of it."""
    container["logConfiguration"] = {
        "logDriver": "splunk",
        "secretOptions": [{"name": "splunk-token", "valueFrom": source}],
    }


def registry(container: dict[str, Any], source: str) -> None:
    """Pull the image with it."""
    container["repositoryCredentials"] = {"credentialsParameter": source}


def without_suffix(put: Put) -> Put:
    """The same, without the six characters that Secrets Manager appends."""
    return lambda container, source: put(container, source[:-7])


def secret(put: Put = variable, *statements: dict[str, Any], policy: str = "", name: str = "app/db") -> Change:
    """A secret that the container names; `{arn}` in the role's further statements is its ARN."""

    def change(it: Environment, lab: Lab) -> None:
        client = lab.aws.client("secretsmanager", it.region)
        arn = str(client.create_secret(Name=name, SecretString='{"password": "x"}')["ARN"])
        if policy:
            client.put_resource_policy(SecretId=arn, ResourcePolicy=policy)
        put(it.container, arn)
        more = [{**one, "Resource": str(one["Resource"]).replace("{arn}", arn)} for one in statements]
        it.role_policy = [*(it.role_policy or ()), *more]

    return change


def names(put: Put, source: str) -> Change:
    """The container names this; nothing is made."""
    return lambda it, _: put(it.container, source)


MAY = allow(GET_VALUE, resource="{arn}")
SEVERAL = all_of(
    secret(key, MAY), secret(log_option, MAY, name="app/log"), names(variable, "/app/key"), role_also(_READ_PARAMETER)
)
"""A secret as a variable, another one for the log driver, and a parameter."""
UNREADABLE = all_of(secret(key), secret(without_suffix(log_option), name="app/log"), names(variable, "/app/key"))
"""The same, and no right to read any of them."""

FAULTS = (
    Scenario("no right to a variable's secret", _CHECK, secret(key), "is not allowed to read the secret app/db"),
    Scenario(
        "a variable's secret by its name",
        _CHECK,
        secret(key, allow(GET_VALUE, resource=_THERE[:-1])),
        "without its six-character suffix",
    ),
    Scenario(
        "a variable's secret by a name that seems to have its suffix",
        _CHECK,
        secret(without_suffix(variable), allow(GET_VALUE, resource=f"{_THERE}secret"), name="app/db-secret"),
        "without its six-character suffix",
    ),
    Scenario("no right to a parameter", _CHECK, names(variable, "/app/key"), "ssm:GetParameters"),
    Scenario(
        "ssm:GetParameter alone",
        _CHECK,
        all_of(names(variable, _PARAMETER), role_also(allow("ssm:GetParameter", resource=_PARAMETER))),
        "none of its policies allows ssm:GetParameters",
    ),
    Scenario(
        "no right to the log driver's secret", _CHECK, secret(log_option), "logConfiguration.secretOptions splunk-token"
    ),
    Scenario("no right to the registry's credentials", _CHECK, secret(registry), "repositoryCredentials"),
    Scenario("a Deny on a variable's secret", _CHECK, secret(key, MAY, deny("*", "{arn}")), " denies "),
    Scenario(
        "a boundary without a variable's secret",
        _CHECK,
        all_of(
            secret(key, MAY),
            boundary(
                allow("s3:*", "logs:*"),
                allow("secretsmanager:*", resource=f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:gmsa/*"),
            ),
        ),
        "permissions boundary",
    ),
    Scenario(
        "a sidecar's secret",
        _CHECK,
        second_container(secrets=[{"name": "LICENSE", "valueFrom": _PARAMETER}]),
        "for LICENSE in log",
    ),
    Scenario(
        "a variable's secret that does not exist", _CHECK, names(variable, f"{_THERE}AbCdEf"), "app/db-AbCdEf"
    ),
    Scenario(
        "no right to a secret of another account",
        _CHECK,
        names(variable, f"{_THERE}AbCdEf".replace(ACCOUNT, _ELSEWHERE)),
        "none of its policies allows",
    ),
)  # fmt: skip

HEALTHY = (
    Scenario("secrets and a parameter", "", SEVERAL),
    Scenario("a variable's secret", "", secret(key, MAY)),
    Scenario("a variable's secret without its suffix", "", secret(without_suffix(variable), MAY)),
    Scenario(
        "a secret's policy that allows the role",
        "",
        secret(variable, policy=document(allow(GET_VALUE, **to(ROLE)))),
    ),
    Scenario("a parameter by its name", "", all_of(names(variable, "/app/key"), role_also(_READ_PARAMETER))),
    Scenario("a parameter by its ARN", "", all_of(names(log_option, _PARAMETER), role_also(_READ_PARAMETER))),
    Scenario("the registry's credentials", "", secret(registry, MAY)),
    Scenario("the registry's credentials by name", "", secret(lambda it, _: registry(it, "app/db"), MAY)),
    Scenario(
        "a secret of another region",
        "",
        all_of(
            names(variable, f"{_THERE}AbCdEf".replace("us-east-1", "eu-west-1")),
            role_also(allow(GET_VALUE, resource="arn:aws:secretsmanager:eu-west-1:*:secret:app/*")),
        ),
    ),
    Scenario(
        "a secret by its SecretId",
        "",
        secret(variable, {**MAY, **when("StringLike", "secretsmanager:SecretId", "*:secret:app/*")}),
    ),
    Scenario(
        "a secret in both, the role's and the container's",
        "",
        lambda it, _: variable(it.container, it.likely_secret_arn[:-7]),
    ),
    Scenario(
        "a secret in both whose own name seems to have a suffix",
        "",
        all_of(
            lambda it, _: setattr(it, "secret_name", "gmsa-secret"),
            lambda it, _: variable(it.container, it.likely_secret_arn[:-7]),
        ),
    ),
    Scenario("a variable's secret on EC2", "", all_of(on_ec2, options("--fetcher", "2"), secret(key, MAY))),
    Scenario(
        "a secret by a parameter", "", names(variable, "/aws/reference/secretsmanager/app/db")
    ),
)  # fmt: skip

WARNINGS = (
    Scenario(
        "an organization without parameters",
        _CHECK,
        all_of(
            BY_ENDPOINTS,
            endpoints("ssm"),
            names(variable, "/app/key"),
            role_also(_READ_PARAMETER),
            organization(ALL, deny("ssm:*")),
        ),
        "an SCP blocks ssm:GetParameters",
    ),
    Scenario("a secret's ARN with a key alone", _CHECK, names(variable, f"{_THERE}AbCdEf:password"), "all three"),
)

DOUBTS = (
    Scenario(
        "the variable's secret's policy denied",
        _CHECK,
        all_of(
            secret(key), lambda _, lab: lab.aws.deny("secretsmanager", "GetResourcePolicy", "app/db")
        ),
        "secretsmanager:GetResourcePolicy",
    ),
    Scenario(
        "the variable's secret's description denied",
        _CHECK,
        all_of(
            secret(without_suffix(variable), MAY),
            lambda _, lab: lab.aws.deny("secretsmanager", "DescribeSecret", "app/db"),
        ),
        "secretsmanager:DescribeSecret",
    ),
    Scenario(
        "the parameter's simulation denied",
        _CHECK,
        all_of(
            names(variable, "/app/key"), lambda _, lab: lab.aws.deny("iam", "SimulatePrincipalPolicy", "GetParameters")
        ),
        "iam:SimulatePrincipalPolicy",
    ),
    Scenario(
        "a parameter by its tag",
        _CHECK,
        all_of(
            names(variable, "/app/key"),
            role_also({**_READ_PARAMETER, **when("StringEquals", "ssm:resourceTag/app", "web")}),
        ),
        "ssm:resourceTag/app",
    ),
)  # fmt: skip
