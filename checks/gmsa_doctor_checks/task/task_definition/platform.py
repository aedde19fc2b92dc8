"""What Fargate requires of a task with gMSA: platform version, network mode, DNS settings, one AD."""

from __future__ import annotations

import re
from dataclasses import replace

from gmsa_doctor.authoring import Finding, Fix, check, failed, fix_in_steps, passed, warned
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.task.revisions import register_again, unknown_yet, update_service
from gmsa_doctor_checks.values import CredentialSpec

_FIRST = (1, 4, 0)


@check(
    "task-definition.platform-version",
    title="Fargate platform version supports gMSA",
    docs=links.FARGATE_GMSA,
    about="task",
)
def platform_version(spec: CredentialSpec, platform: Platform, subject: Subject) -> Finding:
    """Compares the service's Fargate platform version with 1.4.0.

    Why: gMSA for Linux containers requires platform version 1.4.0 or later. A service without a platform version, or
    with `LATEST`, gets one that supports it.

    Fix: update the service to `LATEST`.
    """
    if platform.has_ecs_agent:
        return passed(f"not on Fargate: {platform.launch}")
    version = platform.version
    if version is None:
        return passed("not set: LATEST applies, unless the service sets another version")
    match = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if not match or platform.windows or tuple(int(part or 0) for part in match.groups()) >= _FIRST:
        return passed(version)
    judge = failed if platform.launch is Launch.FARGATE else warned
    return judge(
        f"Fargate platform version {version} does not support gMSA",
        observed=version,
        expected="1.4.0 or later, or LATEST",
        fix=Fix(
            f"Set the platform version of {subject.controller.words} to LATEST.",
            update_service(subject, "--platform-version LATEST"),
        ),
    )


@check(
    "task-definition.network-mode",
    title="Network mode is valid for the launch type",
    docs=links.TASK_PARAMETERS,
    about="task/networkMode",
)
def network_mode(spec: CredentialSpec, definition: TaskDefinition, platform: Platform, subject: Subject) -> Finding:
    """Checks that the network mode is `awsvpc` on Fargate; on EC2 any mode is valid.

    Why: Fargate supports only `awsvpc`, and the default of `networkMode` is `bridge`. The task gets the DHCP options
    of its subnet's VPC through its own network interface.

    Fix: set `networkMode` to `awsvpc`.
    """
    mode = definition.network_mode
    if platform.launch is not Launch.FARGATE or mode == "awsvpc":
        return passed(mode or "not set")
    if isinstance(mode, Open):
        return unknown_yet("the network mode", mode)
    return failed(
        f"the network mode is {mode}; Fargate supports only awsvpc"
        if mode
        else "the task definition sets no network mode, so bridge applies; Fargate supports only awsvpc",
        observed=mode or "no networkMode",
        expected="awsvpc",
        fix=register_again('Set "networkMode": "awsvpc"', subject),
    )


@check(
    "task-definition.dns-settings",
    title="Containers have no DNS settings that Fargate rejects",
    docs=links.FARGATE_PARAMETERS,
    about="container/dnsServers",
)
def dns_settings(spec: CredentialSpec, definition: TaskDefinition, platform: Platform, subject: Subject) -> Finding:
    """Looks for `dnsServers`, `dnsSearchDomains` and `extraHosts` in all containers of the task.

    Why: they are not valid on Fargate, and ECS does not register a task definition for Fargate that has them. On
    Fargate, the VPC's DHCP options set or a Route 53 Resolver rule must point to the AD's DNS servers.

    Fix: remove them, and configure the VPC's DNS for the AD.
    """
    found = {
        container.name: " and ".join(container.dns_settings)
        for container in definition.containers
        if container.dns_settings
    }
    if not found:
        return passed("none")
    settings = ", ".join(f"{keys} in the container {name}" for name, keys in found.items())
    if platform.launch is not Launch.FARGATE:
        return passed(f"{settings}, valid on EC2")
    remove = register_again(f"Remove {settings}", subject)
    first = next(index for index, container in enumerate(definition.containers) if container.dns_settings)
    about = f"task/containerDefinitions/{first}/{definition.containers[first].dns_settings[0]}"
    finding = failed(
        ", ".join(f"the container {name} sets {keys}" for name, keys in found.items()) + ", which Fargate rejects",
        observed=settings,
        expected="none of dnsServers, dnsSearchDomains and extraHosts",
        fix=fix_in_steps(
            Fix(
                "If this report also has a failure of dhcp-options.domain-name-servers, the AWS administrator fixes it "
                "first: tasks on Fargate get the AD's DNS servers from the VPC."
            ),
            remove,
            owner=remove.owner,
        ),
    )
    return replace(finding, about=about)


@check(
    "task-definition.one-domain",
    title="The task's CredSpecs are for one AD",
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
)
def one_domain(
    spec: CredentialSpec, chosen: ChosenContainer, definition: TaskDefinition, platform: Platform
) -> Finding:
    """Compares the `credentialSpecs` of the task's containers: different CredSpecs may be for different ADs.

    Why: a task on Fargate supports one AD. Different CredSpecs for the same AD are valid, for example for two gMSAs.

    Fix: use one AD per task.
    """
    others = {
        container.name: container.credential_specs[0]
        for container in definition.containers
        if container != chosen.container and container.credential_specs and container.credential_specs[0] != spec.text
    }
    if not others:
        return passed("one CredSpec")
    if platform.has_ecs_agent:
        return passed(f"not on Fargate; another CredSpec in {', '.join(others)}")
    return warned(
        f"{', '.join(others)} {'have' if len(others) > 1 else 'has'} a different CredSpec: a task on Fargate supports "
        "one AD, and it is unknown whether the CredSpecs are for the same one",
        observed=", ".join(dict.fromkeys((spec.text, *others.values()))),
        expected="CredSpecs for one AD",
        fix=Fix("Compare DnsName in the CredSpecs, and move containers of another AD to a separate task."),
    )
