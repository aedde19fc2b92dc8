"""What Fargate asks of a task that is to get a ticket: platform version, network mode, DNS settings, one AD."""

from __future__ import annotations

import re

from gmsa_doctor.authoring import Finding, Fix, check, failed, passed, warned
from gmsa_doctor.formats.documents.located import Open
from gmsa_doctor.formats.documents.task_definition import TaskDefinition
from gmsa_doctor.given.subject import ChosenContainer, Launch, Platform, Subject
from gmsa_doctor_checks import links
from gmsa_doctor_checks.task.revisions import not_known_yet, register_again, update_service
from gmsa_doctor_checks.values import CredentialSpec

_FIRST = (1, 4, 0)


@check(
    "task-definition.platform-version",
    title="Fargate's platform version knows gMSA",
    docs=links.FARGATE_GMSA,
    about="task",
)
def platform_version(spec: CredentialSpec, platform: Platform, subject: Subject) -> Finding:
    """Compares the service's Fargate platform version with 1.4.0.

    Why: gMSA for Linux containers needs platform version 1.4.0 or later. A service that asks for none, or for
    `LATEST`, gets one that knows it.

    Fix: update the service to `LATEST`.
    """
    if platform.launch in (Launch.EC2, Launch.EXTERNAL):
        return passed(f"not on Fargate: {platform.launch}")
    version = platform.version
    if version is None:
        return passed("LATEST, unless the service says otherwise")
    match = re.fullmatch(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if not match or platform.windows or tuple(int(part or 0) for part in match.groups()) >= _FIRST:
        return passed(version)
    judge = failed if platform.launch is Launch.FARGATE else warned
    return judge(
        f"Fargate's platform version {version} does not know gMSA",
        observed=version,
        expected="1.4.0 or later, or LATEST",
        fix=Fix(
            "Let the service use the platform version LATEST.", update_service(subject, "--platform-version LATEST")
        ),
    )


@check(
    "task-definition.network-mode",
    title="The network mode is one that the task's platform takes",
    docs=links.TASK_PARAMETERS,
    about="task/networkMode",
)
def network_mode(spec: CredentialSpec, definition: TaskDefinition, platform: Platform, subject: Subject) -> Finding:
    """Looks for `awsvpc` on Fargate; on EC2 any mode is good.

    Why: Fargate takes `awsvpc` only, and without `networkMode` the mode is `bridge`. The task gets the DHCP options
    of its subnet's VPC through its own network interface.

    Fix: set `networkMode` to `awsvpc`.
    """
    mode = definition.network_mode
    if platform.launch is not Launch.FARGATE or mode == "awsvpc":
        return passed(mode or "none is set")
    if isinstance(mode, Open):
        return not_known_yet("the network mode", mode)
    return failed(
        f"the network mode is {mode}; Fargate takes awsvpc only"
        if mode
        else "the task definition sets no network mode, which means bridge; Fargate takes awsvpc only",
        observed=mode or "no networkMode",
        expected="awsvpc",
        fix=register_again('Set "networkMode": "awsvpc"', subject),
    )


@check(
    "task-definition.dns-settings",
    title="No container has DNS settings that Fargate does not take",
    docs=links.FARGATE_PARAMETERS,
    about="container/dnsServers",
)
def dns_settings(spec: CredentialSpec, definition: TaskDefinition, platform: Platform, subject: Subject) -> Finding:
    """Looks for `dnsServers`, `dnsSearchDomains` and `extraHosts`, in all containers of the task.

    Why: they are not valid on Fargate, and ECS registers no task definition for Fargate that has them. There, the way
    to the AD's DNS is the VPC's: its DHCP options set, or a Route 53 Resolver rule.

    Fix: take them out, and lead the VPC's DNS to the AD.
    """
    settings = [f"{key} of {container.name}" for container in definition.containers for key in container.dns_settings]
    if not settings:
        return passed("none")
    if platform.launch is not Launch.FARGATE:
        return passed(f"{', '.join(settings)}, valid on EC2")
    return failed(
        f"the task definition has {', '.join(settings)}, which is not valid on Fargate",
        observed=", ".join(settings),
        expected="none of dnsServers, dnsSearchDomains and extraHosts",
        fix=register_again(
            "Let the DHCP options set (or a Resolver rule) of the VPC lead to the AD's DNS, and take these out", subject
        ),
    )


@check(
    "task-definition.one-domain",
    title="The task's containers are of one AD",
    docs=links.FARGATE_GMSA,
    about="container/credentialSpecs/0",
)
def one_domain(
    spec: CredentialSpec, chosen: ChosenContainer, definition: TaskDefinition, platform: Platform
) -> Finding:
    """Compares the `credentialSpecs` of the task's containers: different ones may be of different ADs.

    Why: a task on Fargate supports one AD. Different CredSpecs are right if they are of one AD: for two gMSAs, say.

    Fix: let each task have containers of one AD.
    """
    others = {
        container.name: container.credential_specs[0]
        for container in definition.containers
        if container != chosen.container and container.credential_specs and container.credential_specs[0] != spec.text
    }
    if not others:
        return passed("one CredSpec")
    if platform.launch in (Launch.EC2, Launch.EXTERNAL):
        return passed(f"not on Fargate; another CredSpec in {', '.join(others)}")
    return warned(
        f"another CredSpec in {', '.join(others)}: a task on Fargate supports one AD, and whether both are of the same "
        "is not known here",
        observed=", ".join(dict.fromkeys((spec.text, *others.values()))),
        expected="CredSpecs of one AD",
        fix=Fix("Compare DnsName in the CredSpecs; put containers of another AD into a task of their own."),
    )
