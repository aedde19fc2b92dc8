"""Record an example of each failing check, as the terminal shows it, for the pages of the checks.

python -m tests.scenarios.examples    writes docs/examples.json, as root
"""

import json
import re
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from tests.here import doctor_here
from tests.lab.ad import DomainController, domain_controller
from tests.lab.aws import EmbeddedAws, embedded_aws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import healthy
from tests.scenarios.lab import Lab, Scenario
from tests.scenarios.tiers import faults, tables

FILE = Path(__file__).parents[2] / "docs" / "examples.json"
_RESOURCE = re.compile(r"\b((?:[a-z]{1,6}-)+?)([0-9a-f]{10}|[0-9a-f]{17})\b")
"""The id of a VPC, a subnet and the like, which the embedded AWS makes up."""
_LAB_NETWORK = re.compile(r"\b127\.77\.\d+\.")
"""The network of the AD lab: the first one that is free."""
_SUFFIX = re.compile(r"secret:[\w/-]+?(-[A-Za-z0-9]{6})\b")
"""The end of a secret's ARN, which Secrets Manager makes up."""


def block(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> str | None:
    """Give the lines of the scenario's root cause; None if the report names another one."""
    aws.reset()
    aws.player.play(healthy_account(dc, aws))
    with ExitStack() as stack:
        environment = healthy(dc)
        scenario.change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        shown = doctor_here(*environment.command, "--quiet", aws=aws, env=aws.environ(environment.region))
    blocks = (part for part in shown.out.split("\n\n") if part.startswith(f"✗ Root cause: {scenario.check}\n"))
    return next((settled("\n".join(line.rstrip() for line in part.splitlines())) for part in blocks), None)


def settled(text: str) -> str:
    """Give the text with the same made-up ids each time."""
    numbers = count(1)
    ids: dict[str, str] = {}

    def example(match: re.Match[str]) -> str:
        if match[2] not in ids:
            ids[match[2]] = f"{next(numbers):0{len(match[2])}x}"
        return f"{match[1]}{ids[match[2]]}"

    for suffix in set(_SUFFIX.findall(text)):
        text = text.replace(suffix, "-AbCdEf")
    text = _LAB_NETWORK.sub("127.77.1.", text)
    return _RESOURCE.sub(example, text)


def main() -> None:
    """Run the first fault of each check, and write what is shown of it."""
    found: dict[str, str] = {}
    with domain_controller() as dc, embedded_aws() as aws:
        for scenario in typical_faults():
            if scenario.check not in found and (text := block(scenario, dc, aws)):
                found[scenario.check] = text
    FILE.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


_PLAIN = (".faults", ".faults_in_ad", ".execution_role", ".execution_role_start", ".network_path", ".network_access")
"""The tables with the plain faults of each area."""


def typical_faults() -> list[Scenario]:
    """Give all faults, the plain ones before those of several subnets, domain controllers and the like."""
    names = sorted(tables(), key=lambda name: next((at for at, own in enumerate(_PLAIN) if name.endswith(own)), 9))
    return [scenario for name in names for scenario in faults(name)]


if __name__ == "__main__":
    main()
