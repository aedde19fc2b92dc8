"""Many services in one run: how many calls, how much processor time and memory. ``python -m tests.bench.services``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.bench.measure import as_installed
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.lab.creation import create
from tests.lab.environment import Environment, healthy, task_definition

COMMAND = str(Path(sys.executable).with_name("gmsa-doctor"))
CLUSTER = "fleet"
NO_AD = DomainController(ip="127.77.0.1", state=Path("/nonexistent"))
"""Nothing is sent to it: the live flow does not run."""


@dataclass(frozen=True)
class Measured:
    """What a run took. ``repeated``: its calls, compared with the number of different requests among them."""

    services: int
    calls: int
    repeated: float
    processor_seconds: float
    megabytes: float
    json_megabytes: float
    fleet_megabytes: float


@dataclass(frozen=True)
class Promise:
    """The most that a run may take, in all or for each service."""

    repeated: float
    processor_seconds: float
    megabytes: float
    fleet_megabytes: float = 3
    """The JSON report and the page of `fleet`, each."""


SHARED = (1_000, 20, Promise(1.05, 6.0, 250))
"""Services, the task definitions, secrets, CredSpecs and VPCs that they share, and what was promised."""
NOT_SHARED = (300, 300, Promise(1.05, 300 * 0.045, 250))


def stack(number: int) -> Environment:
    """A service with a task definition, a secret, a CredSpec and a VPC of its own."""
    environment = healthy(NO_AD)
    family = f"web-{number}"
    return replace(
        environment,
        key=f"{family}.json",
        secret_name=f"gmsa/{family}",
        directory=None if number else environment.directory,  # one for all: an account has few
        task_definition=task_definition(family),
        cluster=CLUSTER,
        name=family,
    )


def make(aws: EmbeddedAws, services: int, stacks: int) -> None:
    """Create this many services of this many stacks."""
    ecs = aws.client("ecs")
    for number in range(stacks):
        created = create(stack(number), aws)
        network = {"subnets": [created.subnets[0]], "securityGroups": [created.security_group]}
        for other in range(number + stacks, services, stacks):
            ecs.create_service(
                cluster=CLUSTER,
                serviceName=f"web-{other}",
                taskDefinition=created.task_definition_arn,
                desiredCount=0,
                launchType="FARGATE",
                platformVersion="1.4.0",
                networkConfiguration={"awsvpcConfiguration": network},
            )


def run(arguments: list[str], env: Mapping[str, str]) -> tuple[float, float]:
    """Run the command: its processor seconds, and the megabytes that it had at most."""
    process = subprocess.Popen([COMMAND, *arguments], env=as_installed(env), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1, 3), process.returncode
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(aws: EmbeddedAws, services: int, stacks: int) -> Measured:
    """Make the services, and check them."""
    make(aws, services, stacks)
    check = ["check", "--cluster", CLUSTER, "--live", "never"]
    for noted in (aws.calls, aws.asked, aws.callers):
        noted.clear()
    seconds, megabytes = run(check, aws.environ())
    calls, distinct = len(aws.calls), len(set(zip(aws.calls, aws.asked, strict=True)))
    with tempfile.TemporaryDirectory(prefix="gmsa-bench-") as name:
        file = Path(name) / "report.json"
        run([*check, "--json", "--output", str(file)], aws.environ())
        size = file.stat().st_size / 1e6
        run(["fleet", "--output-dir", name, "--run", "fleet"], aws.environ())
        of_fleet = max(path.stat().st_size for path in Path(name, "fleet").glob("fleet.*")) / 1e6
    return Measured(services, calls, calls / distinct, seconds, megabytes, size, of_fleet)


def many_services() -> bool:
    """Print a row for each case; whether all promises are kept."""
    kept = True
    for services, stacks, promise in (SHARED, NOT_SHARED):
        with embedded_aws() as aws:
            found = measure(aws, services, stacks)
        well = (
            found.repeated <= promise.repeated
            and found.processor_seconds <= promise.processor_seconds
            and found.megabytes <= promise.megabytes
            and found.fleet_megabytes <= promise.fleet_megabytes
        )
        kept = kept and well
        took = f"{found.processor_seconds:.1f} s of a processor, {found.megabytes:.0f} MB, {found.calls} calls"
        most = f"{promise.processor_seconds:g} s, {promise.megabytes:g} MB, {promise.fleet_megabytes:g} MB"
        promised = f"promised: at most {most}"
        sizes = f"JSON {found.json_megabytes:.0f} MB, of `fleet` {found.fleet_megabytes:.1f} MB"
        print(  # noqa: T201
            f"{services} services with {stacks} stacks: {took} ({found.repeated:.2f} of each request), "
            f"{sizes}  ({promised}){'' if well else '  MISSED'}",
            flush=True,
        )
    return kept


if __name__ == "__main__":
    sys.exit(0 if many_services() else 1)
