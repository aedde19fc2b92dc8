"""A demonstration: a healthy and a broken service in their own lab, and gmsa-doctor's reports.

python -m tests.lab.demo            check both, as root
python -m tests.lab.demo --shell    keep the lab running for a shell, until Ctrl-C
"""

import copy
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import accounts, ad
from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.lab.creation import create
from tests.lab.environment import Environment, healthy

COMMAND = Path(sys.executable).with_name("gmsa-doctor")
SPN = f"MSSQLSvc/sql.{accounts.DOMAIN}:1433"
LIMIT = 120.0
"""Seconds that a check may take."""


@dataclass(frozen=True)
class Service:
    """A service of the demonstration, and the expected report."""

    environment: Environment
    exit_code: int

    @property
    def command(self) -> list[str]:
        """Give the command that checks it."""
        return [str(COMMAND), *self.environment.command]


@dataclass(frozen=True)
class Laboratory:
    """The servers of the demonstration."""

    dc: ad.DomainController
    aws: EmbeddedAws
    services: tuple[Service, ...]


def say(text: str = "") -> None:
    """Write a line at once, so that it comes before the output of a subprocess."""
    print(text, flush=True)  # noqa: T201


@contextmanager
def laboratory() -> Iterator[Laboratory]:
    """Start the domain controller and the embedded AWS, with both services in the cluster `demo`."""
    with ad.domain_controller() as dc, embedded_aws() as aws:
        good = healthy(dc)
        good.arguments += ["--spn", SPN]
        broken = break_secret(good)
        for environment in (good, broken):
            create(environment, aws)
        yield Laboratory(dc, aws, (Service(good, exit_code=0), Service(broken, exit_code=1)))


def break_secret(environment: Environment) -> Environment:
    """Give the same environment with a user in its secret who may not retrieve the gMSA's password."""
    broken = copy.deepcopy(environment)
    broken.name = "broken"
    broken.key = "broken_CredSpec.json"
    broken.secret_name = "gmsa/broken"
    broken.task_definition["family"] = "broken"
    secret: Any = broken.secret
    secret.update(username=accounts.OUTSIDER, password=accounts.PASSWORDS[accounts.OUTSIDER])
    return broken


def check_all(lab: Laboratory) -> int:
    """Run the command for each service; return 0 if all reports are as expected."""
    wrong = 0
    for service in lab.services:
        say(f"$ {shlex.join(['gmsa-doctor', *service.command[1:]])}")
        code = subprocess.run(service.command, env=lab.aws.environ(), check=False, timeout=LIMIT).returncode
        say()
        if code != service.exit_code:
            wrong = 1
            say(f"demo: exit code {code} for the service {service.environment.name}, not {service.exit_code}")
    if not wrong:
        say("demo: exit code 0 for the healthy service and 1 for the broken one, as it should be")
    return wrong


def hold(lab: Laboratory) -> int:
    """Print the variables that a shell needs to use the lab, and wait."""
    say("# In another shell:")
    for name, value in lab.aws.variables().items():
        say(f"export {name}={shlex.quote(value)}")
    for service in lab.services:
        say(shlex.join(service.command))
    say(f"# The domain controller is {lab.dc.host}, {lab.dc.ip}; its log is {lab.dc.state}/dc.log")
    say("# Ctrl-C ends the laboratory.")
    with suppress(KeyboardInterrupt):
        signal.pause()
    return 0


def main(arguments: list[str]) -> int:
    """Run the demonstration; give its exit code."""
    if arguments not in ([], ["--shell"]):
        say((__doc__ or "").rstrip())
        return 2
    # Be ended in good order by `kill` as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not arguments and not os.access(COMMAND, os.X_OK):
        say(f"demo: {COMMAND.name} is not installed beside {Path(sys.executable).name}")
        return 2
    say("demo: starting Active Directory and AWS on loopback")
    try:
        with laboratory() as lab:
            return hold(lab) if arguments else check_all(lab)
    except ad.LabUnavailableError as error:
        say(f"demo: {error}")
        return 2
    except subprocess.TimeoutExpired as error:
        say(f"demo: no answer within {error.timeout:.0f} s: {shlex.join(error.cmd)}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
