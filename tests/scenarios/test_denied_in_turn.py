"""Each AWS call that a run makes, denied in its turn, makes what used it unknown and touches nothing else.

The calls are those that the run was seen to make: whoever adds one need not add it here.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from gmsa_doctor.clients.aws.services import AWS_CLIENTS
from gmsa_doctor.clients.aws.session import operations
from tests.command import Ended
from tests.here import doctor_here
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import healthy
from tests.scenarios import changes
from tests.scenarios.execution_role_start import HEALTHY as START
from tests.scenarios.execution_role_start import logs
from tests.scenarios.judge import brief, told, with_status
from tests.scenarios.lab import Change, Lab
from tests.scenarios.task_on_ecs import DOMAINLESS, instances
from tests.scenarios.variants import EC2_WITH_A_PARAMETER
from tests.scenarios.vpc_dns import firewall, profile

ACTIONS = {one.name: one.action for kind in AWS_CLIENTS for one in operations(kind)}
"""The IAM action that permits each operation."""

ENVIRONMENTS: dict[str, Change] = {
    "healthy": changes.nothing,
    "AmazonProvidedDNS with a rule": changes.all_of(
        changes.dhcp("AmazonProvidedDNS"), changes.forward_rule("corp.example.")
    ),
    "EC2 with a parameter": changes.all_of(EC2_WITH_A_PARAMETER, instances(DOMAINLESS)),
    "keys, an image, a log group, a DNS Firewall and a profile": changes.all_of(
        changes.dhcp("AmazonProvidedDNS"),
        changes.forward_rule("corp.example."),
        firewall(("BLOCK", ["*.evil.example"])),
        profile(),
        *(scenario.change for scenario in START if scenario.name in ("a grant of the key", "an image of Amazon ECR")),
        logs(),
    ),
}

WITHOUT_EFFECT = {
    "s3:HeadBucket": "S3 names the bucket's region in the denial as well",
    "sts:GetCallerIdentity": "IAM cannot deny it: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html",
}
"""Calls whose denial need not make anything unknown, and why."""


class Account:
    """The embedded AWS with an environment in it, made anew for each run."""

    def __init__(self, dc: DomainController, aws: EmbeddedAws, change: Change) -> None:
        self.dc, self.aws, self.change = dc, aws, change

    def check(self, *options: str, fault: Callable[[EmbeddedAws], object] = lambda aws: None) -> Ended:
        """Run the command, while the fault strikes."""
        self.aws.reset()
        self.aws.player.play(healthy_account(self.dc, self.aws))
        with ExitStack() as stack:
            environment = healthy(self.dc)
            self.change(environment, Lab(self.dc, self.aws, stack))
            create(environment, self.aws)
            fault(self.aws)
            env = self.aws.environ(environment.region)
            command = environment.command_with(*options)
            return doctor_here(*command, "--format", "json", aws=self.aws, env=env)

    def calls(self) -> list[tuple[str, str]]:
        """The calls of the last run."""
        return list(dict.fromkeys(self.aws.calls))


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


def new_calls(name: str, dc: DomainController, aws: EmbeddedAws) -> list[tuple[str, str]]:
    """The calls that a run makes in this environment, and in none before it."""
    made: dict[str, list[tuple[str, str]]] = {}
    for known in ENVIRONMENTS:
        account = Account(dc, aws, ENVIRONMENTS[known])
        account.check("--live", "never")
        made[known] = account.calls()
        if known == name:
            break
    calls = made.pop(name)
    new = [call for call in calls if all(call not in earlier for earlier in made.values())]
    assert new
    return new


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_denied_call_makes_unknown_what_used_it_and_nothing_else(
    name: str, dc: DomainController, aws: EmbeddedAws
) -> None:
    account = Account(dc, aws, ENVIRONMENTS[name])
    calls = new_calls(name, dc, aws)
    before = findings(account.check("--live", "never"))
    found = [
        text
        for service, operation in calls
        for text in complaints(
            f"{service}:{operation}",
            before,
            findings(
                account.check("--live", "never", fault=partial(EmbeddedAws.deny, service=service, operation=operation))
            ),
        )
    ]
    assert not found, "\n".join(found)


def test_calls_that_are_throttled_twice_are_answered_in_the_end(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, ENVIRONMENTS["healthy"])
    before = findings(account.check())
    made = Counter(aws.calls)

    def throttle(aws: EmbeddedAws) -> None:
        for service, operation in made:
            aws.throttle(service, operation, times=2)

    after = findings(account.check(fault=throttle))
    assert {id: one["status"] for id, one in after.items()} == {id: one["status"] for id, one in before.items()}
    assert Counter(aws.calls) == {call: count + 2 for call, count in made.items()}


# Rejected credentials -----------------------------------------------------------------------------------------

CODES = ("ExpiredToken", "InvalidSignatureException", "AuthFailure", "UnrecognizedClientException")
"""With which AWS rejects credentials; which one depends on the service."""


def assert_never_passes(fault: str, ended: Ended) -> None:
    """The run is incomplete for that reason, or it did not begin."""
    if ended.code == 2:
        assert (ended.out, len(ended.err.splitlines())) == ("", 1), f"{fault}: {ended.out}{ended.err}"
        assert "rejects the credentials" in ended.err
        return
    assert (ended.code, ended.document["verdict"]) == (3, "incomplete"), f"{fault}: {brief(ended)}"
    assert ended.roots, f"{fault}: {brief(ended)}"
    for root in ended.roots:
        summary = ended.finding(root)["summary"]
        rejected = "AWS rejects the credentials" in summary or "400: Bad Request" in summary  # the answer to HEAD
        assert rejected, f"{fault}: {brief(ended)}"
    assert not with_status(ended, "error") | with_status(ended, "fail"), f"{fault}: {brief(ended)}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_credentials_that_one_operation_rejects_never_pass(name: str, dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, ENVIRONMENTS[name])
    for number, (service, operation) in enumerate(new_calls(name, dc, aws)):
        code = CODES[number % len(CODES)]
        fault = partial(EmbeddedAws.expire, service=service, operation=operation, code=code)
        ended = account.check("--live", "never", fault=fault)
        if ended.code == 0 and with_status(ended, "unknown") and not ended.document["root_causes"]:
            assert {id.partition(".")[0] for id in with_status(ended, "unknown")} == {"evidence"}  # it decides nothing
            continue
        assert_never_passes(f"{service}:{operation} {code}", ended)


def test_credentials_that_expire_during_a_run_never_pass(dc: DomainController, aws: EmbeddedAws) -> None:
    account = Account(dc, aws, ENVIRONMENTS["healthy"])
    assert account.check().document["verdict"] == "pass"
    for number in range(0, len(aws.calls), 3):
        assert_never_passes(f"after {number} calls", account.check(fault=partial(EmbeddedAws.expire, after=number)))
