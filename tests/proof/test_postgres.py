"""The ticket that the live flow gets is accepted by a real Kerberized service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gmsa_doctor.checking import check as run
from gmsa_doctor.clients.kerberos.client import Ticket
from gmsa_doctor.clients.kerberos.libkrb5 import Libkrb5
from gmsa_doctor.core import registry
from gmsa_doctor.given.request import Live, Request
from gmsa_doctor_checks.values import GmsaTicket, UserTicket
from tests.lab import ad
from tests.lab.ad import DomainController, LabUnavailableError
from tests.lab.aws import EmbeddedAws
from tests.lab.creation import create
from tests.lab.environment import healthy
from tests.lab.postgres import Postgres, postgres

GMSA = "webapp01$"
WHO = "SELECT current_user, principal, gss_authenticated, encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def server(dc: DomainController) -> Iterator[Postgres]:
    context = postgres(dc, GMSA, "other")
    try:
        running = context.__enter__()
    except LabUnavailableError as error:
        if ad.required():
            pytest.fail(f"the lab is required: {error}", pytrace=False)
        pytest.skip(f"no PostgreSQL: {error}")
    yield running
    context.__exit__(None, None, None)


@pytest.fixture
def caches(dc: DomainController, aws: EmbeddedAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let gmsa-doctor check the healthy service, and copy the tickets that it got: the user's and the gMSA's."""
    environment = healthy(dc)
    create(environment, aws)
    for name, value in aws.variables(environment.region).items():
        monkeypatch.setenv(name, value)
    request = Request(
        services=(environment.name,), cluster=environment.cluster, live=Live.ALWAYS, dns_server=(dc.ip,), seconds=60
    )
    seen = run.attempt(request, registry.load(), lambda progress: None)
    (values,) = seen.execution.values
    for name, kind in (("gmsa", GmsaTicket), ("user", UserTicket)):
        found = values[kind]
        assert isinstance(found, GmsaTicket | UserTicket), found
        _copy(found.ticket, tmp_path / name, dc)
    return tmp_path


def _copy(ticket: Ticket, file: Path, dc: DomainController) -> None:
    where = {"ccache": f"FILE:{file}"}
    Libkrb5(5).call(dc.realm, (dc.ip, 88), lambda _: ticket.credentials.store(store=where, overwrite=True))


@pytest.mark.parametrize(("gssencmode", "encrypted"), [("disable", "f"), ("require", "t")])
def test_the_gmsa_logs_in_with_the_ticket_of_the_flow(
    gssencmode: str, encrypted: str, server: Postgres, caches: Path
) -> None:
    answer = server.query(WHO, GMSA, caches / "gmsa", gssencmode=gssencmode)
    assert answer.returncode == 0, answer.stderr + server.log
    assert answer.stdout.strip() == f"{GMSA}|{GMSA}@CORP.EXAMPLE|t|{encrypted}"
    assert f"connection authorized: user={GMSA}" in server.log


def test_nobody_logs_in_as_the_gmsa_with_the_ticket_of_another(server: Postgres, caches: Path) -> None:
    answer = server.query(WHO, GMSA, caches / "user", gssencmode="disable")
    assert answer.returncode != 0
    assert f'GSSAPI authentication failed for user "{GMSA}"' in answer.stderr


def test_nobody_logs_in_without_a_ticket(server: Postgres, tmp_path: Path) -> None:
    answer = server.query(WHO, GMSA, tmp_path / "none", gssencmode="disable")
    assert answer.returncode != 0
    assert "GSSAPI" in answer.stderr
