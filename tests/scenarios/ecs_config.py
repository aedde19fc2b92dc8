"""The ecs.config of container instances: what Credentials Fetcher reads of it, in each version."""

import tempfile
from pathlib import Path

from tests.lab.environment import Environment
from tests.scenarios.ad_changes import added, new_gmsa
from tests.scenarios.changes import all_of, gmsa, on_ec2, secret
from tests.scenarios.domain_controllers import DC1, reverse
from tests.scenarios.lab import Change, Lab, Scenario

_DN = "CN=webapp01,CN=Managed Service Accounts,DC=corp,DC=example"
_ELSEWHERE = "CN=webapp02,CN=Managed Service Accounts,DC=corp,DC=example"
_SETTINGS = "container-instances.ecs-config"


def ecs_config(version: str, *lines: str) -> Change:
    """Run on EC2 with this version of Credentials Fetcher, if one is named, and an ecs.config of these lines."""

    def change(it: Environment, lab: Lab) -> None:
        folder = Path(lab.stack.enter_context(tempfile.TemporaryDirectory()))
        file = folder / "ecs.config"
        file.write_text("".join(f"{line}\n" for line in lines))
        it.arguments += ["--ecs-config", str(file), *(("--fetcher", version) if version else ())]

    return all_of(on_ec2, reverse(DC1), change)


FAULTS = (
    Scenario(
        "a DN in ecs.config in quotation marks",
        _SETTINGS,
        ecs_config("2", "ECS_CLUSTER=demo", f'CF_GMSA_DISTINGUISHED_NAME="{_DN}"'),
        "has quotation marks",
    ),
    Scenario(
        "a domain controller in ecs.config in quotation marks, with 2.x",
        _SETTINGS,
        ecs_config("2", 'CF_DOMAIN_CONTROLLER="dc1.corp.example"'),
        "has quotation marks",
    ),
    Scenario(
        "the DN of another gMSA in ecs.config, which takes precedence over the secret's",
        "directory.gmsa-account",
        all_of(ecs_config("2", f"CF_GMSA_DISTINGUISHED_NAME={_ELSEWHERE}"), secret(distinguishedName=_DN)),
        "CF_GMSA_DISTINGUISHED_NAME in ecs.config belongs to webapp02$",
    ),
    Scenario(
        "the DN of another gMSA in ecs.config, with 1.3",
        "directory.gmsa-account",
        ecs_config("1.3", "ECS_CLUSTER=demo", f"CF_GMSA_DISTINGUISHED_NAME={_ELSEWHERE}"),
        "belongs to webapp02$",
    ),
    Scenario(
        "a domain controller in ecs.config that has no address",
        "dns.domain-controllers",
        ecs_config("2", "CF_DOMAIN_CONTROLLER=dc7.corp.example"),
        "ecs.config names the domain controller dc7.corp.example",
    ),
)

WARNINGS = (
    Scenario(
        "the domain controller of 1.3 in ecs.config, with 2.x",
        _SETTINGS,
        ecs_config("2", "DOMAIN_CONTROLLER_GMSA=dc7.corp.example"),
        "has no effect with Credentials Fetcher 2.x, which reads CF_DOMAIN_CONTROLLER",
    ),
    Scenario(
        "an OU in ecs.config",
        _SETTINGS,
        ecs_config("2", "CF_GMSA_OU=OU=Services,DC=corp,DC=example"),
        "reads it from its own environment",
    ),
    Scenario(
        "a comment in ecs.config, at which 1.3 stops",
        _SETTINGS,
        ecs_config("1.3", "ECS_CLUSTER=demo", "# gMSA", f"CF_GMSA_DISTINGUISHED_NAME={_ELSEWHERE}"),
        "stops reading at line 2",
    ),
    Scenario(
        "a domain controller in ecs.config for one version only",
        _SETTINGS,
        ecs_config("", "DOMAIN_CONTROLLER_GMSA=dc1.corp.example"),
        "Set both CF_DOMAIN_CONTROLLER and DOMAIN_CONTROLLER_GMSA",
    ),
)

HEALTHY = (
    Scenario("an ecs.config without settings of Credentials Fetcher", "", ecs_config("2", "ECS_GMSA_SUPPORTED=true")),
    Scenario(
        "the gMSA's DN in ecs.config, which finds a gMSA that a group of that name hides",
        "",
        all_of(
            added("", "Hidden", "organizationalUnit"),
            added("CN=Users", "web-hidden", "group", sAMAccountName="web-hidden"),
            new_gmsa("web-hidden", "OU=Hidden"),
            gmsa("web-hidden"),
            ecs_config("2", "CF_GMSA_DISTINGUISHED_NAME=CN=web-hidden,OU=Hidden,DC=corp,DC=example"),
        ),
    ),
    Scenario(
        "the domain controller in ecs.config in quotation marks, which 1.3's shell removes",
        "",
        ecs_config("1.3", 'DOMAIN_CONTROLLER_GMSA="dc1.corp.example"', "# the rest"),
    ),
    Scenario(
        "the domain controller in ecs.config, with 2.x", "", ecs_config("2", "CF_DOMAIN_CONTROLLER=dc1.corp.example")
    ),
)
