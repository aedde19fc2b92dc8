"""Each AWS call that a run makes, denied in its turn, makes what used it unknown and touches nothing else.

The calls are those that the run was seen to make: whoever adds one need not add it here.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import operations
from tests.command import Ended, doctor
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.scenarios import changes
from tests.scenarios.judge import told
from tests.scenarios.lab import Change, Lab
from tests.scenarios.task_on_ecs import DOMAINLESS, instances
from tests.scenarios.variants import EC2_WITH_A_PARAMETER

ACTIONS = {one.name: one.action for kind in AWS_CLIENTS for one in operations(kind)}
"""The IAM action that permits each operation."""

ENVIRONMENTS: dict[str, Change] = {
    "healthy": changes.nothing,
    "AmazonProvidedDNS with a rule": changes.all_of(
        changes.dhcp("AmazonProvidedDNS"), changes.forward_rule("corp.example.")
    ),
    "EC2 with a parameter": changes.all_of(EC2_WITH_A_PARAMETER, instances(DOMAINLESS)),
}

WITHOUT_EFFECT = {
    "sts:GetCallerIdentity": "IAM cannot deny it: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
    "s3:HeadBucket": "S3 names the bucket's region in the denial as well",
}
"""Calls whose denial need not make anything unknown, and why."""


class Account:
    """The embedded AWS with an environment in it, made anew for each run."""

    def __init__(self, dc: DomainController, aws: EmbeddedAws, change: Change) -> None:
        self.dc, self.aws, self.change = dc, aws, change

    def check(self, *options: str, denied: str = "", throttled: tuple[str, ...] = ()) -> Ended:
        """Run the command; what is throttled is so twice, and then answered."""
        self.aws.reset()
        with ExitStack() as stack:
            environment = healthy(self.dc)
            self.change(environment, Lab(self.dc, self.aws, stack))
            create(environment, self.aws)
            if denied:
                service, _, operation = denied.partition(":")
                self.aws.deny(service, operation)
            for call in throttled:
                service, _, operation = call.partition(":")
                self.aws.throttle(service, operation, times=2)
            env = self.aws.environ(environment.region)
            return doctor(*environment.command_with(*options), "--format", "json", env=env)

    def calls(self) -> list[str]:
        """The calls of the last run."""
        return list(dict.fromkeys(f"{service}:{operation}" for service, operation in self.aws.calls))


def findings(ended: Ended) -> dict[str, dict[str, Any]]:
    assert ended.code in (0, 3), ended.out + ended.err
    (subject,) = ended.document["subjects"]
    return {one["check"]: one for one in subject["findings"]}


def complaints(call: str, before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Iterator[str]:
    """What is not as it should be, with that call denied."""
    action = ACTIONS[call]
    changed = {id: one for id, one in after.items() if one["status"] != before.get(id, {}).get("status")}
    unknown = {id for id, one in changed.items() if one["status"] == "unknown"}
    if set(before) != set(after):
        yield f"{call}: other checks: {set(before) ^ set(after)}"
    if not unknown and call not in WITHOUT_EFFECT:
        yield f"{call}: nothing is unknown"
    for id, one in changed.items():
        if one["status"] not in ("unknown", "skipped"):
            yield f"{call}: {id} is {one['status']}: {told(one)}"
        if one["status"] == "unknown" and action not in told(one):
            yield f"{call}: {id} is unknown, and does not name {action}: {told(one)}"
        behind = set(one["because"])
        if one["status"] == "skipped" and call not in WITHOUT_EFFECT and not (behind and behind <= unknown):
            yield f"{call}: {id} is skipped because of {one['because']}: {told(one)}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_denied_call_makes_unknown_what_used_it_and_nothing_else(
    name: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    usual = Account(dc, aws, ENVIRONMENTS["healthy"])
    usual.check("--live", "never")
    tried_already = [] if name == "healthy" else usual.calls()
    account = Account(dc, aws, ENVIRONMENTS[name])
    before = findings(account.check("--live", "never"))
    calls = [one for one in account.calls() if one not in tried_already]
    assert calls
    found = [
        text
        for call in calls
        for text in complaints(call, before, findings(account.check("--live", "never", denied=call)))
    ]
    assert not found, "\n".join(found)


def test_calls_that_are_throttled_twice_are_answered_in_the_end(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, ENVIRONMENTS["healthy"])
    before = findings(account.check())
    made = Counter(aws.calls)
    after = findings(account.check(throttled=tuple(account.calls())))
    assert {id: one["status"] for id, one in after.items()} == {id: one["status"] for id, one in before.items()}
    assert Counter(aws.calls) == {call: count + 2 for call, count in made.items()}
