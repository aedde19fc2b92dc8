"""The checks of SQL Server, made by the probe in the task's network."""

from tests.lab.ad import DomainController
from tests.lab.aws import EmbeddedAws
from tests.probe.service import made, roots, run
from tests.scenarios.judge import brief, told, with_status
from tests.scenarios.sql_server import PASSWORD, spns

HOST = "sql.corp.example"
STRING = f"Server={HOST},389;Database=app;Integrated Security=true;Password={PASSWORD}"


def test_the_probe_requests_the_ticket_and_connects(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws, spns("svc-sql", f"MSSQLSvc/{HOST}:389")) as (environment, _):
        ended = run(environment, aws, "--connection-string", STRING)
    assert with_status(ended, "fail") | with_status(ended, "unknown") == set(), brief(ended)
    for check in ("sql-server.name", "sql-server.spn", "sql-server.port", "kerberos.service-ticket"):
        finding = ended.finding(check)
        assert (finding["status"], finding["vantage"]) == ("pass", "inside"), brief(ended)
    assert PASSWORD not in ended.out + ended.err
    assert all(PASSWORD not in line for task in aws.fargate.tasks for line in task.output)


def test_a_port_closed_from_inside_is_the_root_cause(dc: DomainController, aws: EmbeddedAws) -> None:
    with made(dc, aws) as (environment, _):
        ended = run(environment, aws, "--connection-string", f"Server={HOST};Integrated Security=true")
    assert roots(ended) == ["sql-server.port"], brief(ended)
    assert "refuses connections on port 1433" in told(ended.finding("sql-server.port"))
