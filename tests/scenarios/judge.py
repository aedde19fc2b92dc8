"""Run the command in a scenario, and judge what it printed."""

from contextlib import ExitStack
from functools import cache
from typing import Any

from gmsa_doctor.checking import explain
from gmsa_doctor.core import registry
from gmsa_doctor.core.model import Fix
from gmsa_doctor.report.fix_steps import is_in_order
from tests.command import DNS_PATIENCE, DNS_SECONDS, Ended, doctor
from tests.here import doctor_here
from tests.lab import accounts, ad
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create, healthy_account
from tests.lab.environment import Environment, healthy
from tests.scenarios import tiers
from tests.scenarios.lab import Lab, Scenario
from tests.schema import assert_fits

_SECRET_KEYS = "password"


def run(scenario: Scenario, dc: DomainController, aws: EmbeddedAws, *options: str) -> Ended:
    """Make the scenario and check it, as JSON; what it printed fits the schema and holds no secret.

    No account that it logs on as has more than one failed logon more than before.
    """
    through_process = tiers.goes_through_process(scenario)
    if not through_process and aws.empty:
        aws.player.play(healthy_account(dc, aws))
    with ExitStack() as stack:
        environment = healthy(dc)
        scenario.change(environment, Lab(dc, aws, stack))
        create(environment, aws)
        command, env = (*environment.command, "--format", "json", *options), aws.environ(environment.region)
        patient = {**env, DNS_PATIENCE: str(DNS_SECONDS)}
        names = _logged_on(environment)
        before = ad.bad_password_counts(dc, names)
        ended = doctor(*command, env=patient) if through_process else doctor_here(*command, aws=aws, env=env)
        after = ad.bad_password_counts(dc, names)
    risen = {name: count for name, count in after.items() if count > before.get(name, 0) + 1}
    assert not risen, f"more than one failed logon: {risen}, before {before}"
    assert ended.code in (0, 1, 3), ended.err
    assert_fits(ended.document)
    for secret in secrets(environment):
        assert secret not in ended.out + ended.err
    for finding in (finding for subject in ended.document["subjects"] for finding in subject["findings"]):
        fix = Fix(finding["fix"]["text"], tuple(finding["fix"]["commands"])) if finding["fix"] else None
        assert fix is None or is_in_order(fix), f"{finding['check']}: its fix refers to commands out of order: {fix}"
    return ended


def _logged_on(environment: Environment) -> set[str]:
    """The accounts that a run may log on as: the secret's user, the gMSA, and the administrator of --as."""
    user = environment.secret.get("username") if isinstance(environment.secret, dict) else None
    spec = environment.credspec if isinstance(environment.credspec, dict) else {}
    gmsas = (spec.get("ActiveDirectoryConfig") or {}).get("GroupManagedServiceAccounts") or ()
    own = {f"{entry.get('Name')}$" for entry in gmsas if isinstance(entry, dict)}
    return {accounts.READER, accounts.ADMINISTRATOR, *own, *([user] if isinstance(user, str) and user else ())}


def secrets(environment: Environment) -> set[str]:
    """What must never be printed: the accounts' passwords, and whatever the secret holds under such a key."""
    found = set(accounts.PASSWORDS.values())
    if isinstance(environment.secret, dict):
        pairs = environment.secret.items()
        found |= {str(value) for key, value in pairs if _SECRET_KEYS in key.lower() and value}
    return found


def with_status(ended: Ended, status: str) -> set[str]:
    """The checks of this status, of all subjects."""
    findings = (one for each in ended.document["subjects"] for one in each["findings"])
    return {one["check"] for one in findings if one["status"] == status}


def told(finding: dict[str, Any]) -> str:
    """All that a finding says, for a text to be looked for."""
    rows = " ".join(str(row) for row in finding.get("rows", ()))
    return (
        f"{finding['summary']} {finding['observed']} {finding['expected']} {rows} {(finding['fix'] or {}).get('text')}"
    )


def leads_here(finding: dict[str, Any]) -> bool:
    """Tell whether whoever pastes the text that the daemon shows is led to the finding's check."""
    known = _registry()
    texts = [text for text in (finding["shows_as"] or {}).values() if text]
    return all(
        finding["check"] in [match.check.id for match in explain.match_text(known, f"Error: {text}, exit")]
        for text in texts
    )


@cache
def _registry() -> registry.Registry:
    return registry.load()


def brief(ended: Ended) -> str:
    """What a failing test needs of the report: all that did not pass."""
    findings = (one for each in ended.document["subjects"] for one in each["findings"])
    lines = (f"{one['check']}: {one['status']}: {told(one)}" for one in findings if one["status"] != "pass")
    return "\n".join(("", *lines, ended.err))
