"""What a scenario's verdict must be, for each kind of scenario."""

from tests.command import Ended
from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.scenarios.judge import brief, leads_here, run, told, with_status
from tests.scenarios.lab import Scenario

SHOWN_BY_NO_DAEMON = {
    "container-instances.gmsa",
    "dhcp-options.set",
    "execution-role.image",
    "execution-role.logs",
    "execution-role.trust",
    "network-path.public-registry",
    "kerberos.service-ticket",
    "sql-server.app-secrets",
    "sql-server.connection-string",
    "sql-server.instance",
    "sql-server.name",
    "sql-server.port",
    "sql-server.rds",
    "task-definition.dns-settings",
    "task-definition.image",
    "log-group.present",
    "task-definition.network-mode",
    "task-definition.platform-version",
    "task-definition.registered",
    "task-role.trust",
    "task-start.permissions",
    "task-start.trust",
}
"""The daemon does not stumble over these; ECS, the placement of the task or the application does."""
REFUSED_BY_ECS = ("ECS accepts one", "ECS places no task", "Windows containers on Fargate", "cannot reach SQL Server")


def fails(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    """One root cause, no other failure, a fix, and what the daemon shows for it."""
    ended = run(scenario, dc, aws)
    assert with_status(ended, "fail") == {scenario.check}, brief(ended)
    assert ended.roots == [scenario.check]
    assert (ended.document["verdict"], ended.code) == ("fail", 1)
    finding = ended.finding(scenario.check)
    assert finding["root"]
    assert not finding["because"]
    assert scenario.says in told(finding)
    assert finding["fix"]["text"]
    unseen = scenario.check in SHOWN_BY_NO_DAEMON or any(one in finding["summary"] for one in REFUSED_BY_ECS)
    assert bool(finding["shows_as"]) is not unseen
    assert leads_here(finding)


def without_failure(ended: Ended) -> tuple[str, int]:
    """The verdict and the exit code if nothing fails: pass only with the gMSA's ticket."""
    if ended.statuses().get("kerberos.gmsa-ticket") == "pass":
        return "pass", 0
    static = all("--live never" in proof["reason"] for proof in ended.document["not_proven"])
    return "unproven", 0 if static else 3


def passes(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    """Nothing fails, warns or is unknown."""
    ended = run(scenario, dc, aws)
    assert not with_status(ended, "fail") | with_status(ended, "warn") | with_status(ended, "unknown"), brief(ended)
    assert (ended.document["verdict"], ended.code) == without_failure(ended), brief(ended)


def warns(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    """Nothing fails; the checks that are named warn, and fail the run if that is asked for."""
    ended = run(scenario, dc, aws)
    assert with_status(ended, "warn") == set(scenario.check.split()), brief(ended)
    assert not with_status(ended, "fail") | with_status(ended, "unknown")
    assert (ended.document["verdict"], ended.code) == without_failure(ended), brief(ended)
    assert any(scenario.says in told(ended.finding(check)) for check in scenario.check.split())


def cannot_tell(scenario: Scenario, dc: DomainController, aws: EmbeddedAws) -> None:
    """Nothing fails; one question is open, with its reason, and the run is incomplete."""
    ended = run(scenario, dc, aws)
    unknown = {check for check in with_status(ended, "unknown") if not check.startswith("evidence.")}
    assert unknown == {scenario.check}, brief(ended)
    assert not with_status(ended, "fail")
    assert (ended.document["verdict"], ended.code) == ("incomplete", 3)
    assert scenario.says in told(ended.finding(scenario.check))
