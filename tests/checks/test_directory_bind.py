"""The sealed LDAP bind, with a client that accepts or refuses it."""

from typing import Any, cast

import pytest

from gmsa_doctor.authoring import Finding, Given, Status
from gmsa_doctor.clients.kerberos.client import Ticket
from gmsa_doctor.clients.ldap.client import LdapRefusal
from gmsa_doctor.core.errors import ClientError, TimedOut
from gmsa_doctor.given.vantage import Vantage
from gmsa_doctor_checks.directory.bind import bind
from gmsa_doctor_checks.values import BoundDirectory, DomainName, Endpoint, ReachableLdap, UserTicket

CONTROLLERS = ReachableLdap(
    DomainName("corp.example"),
    (Endpoint("dc1.corp.example", "10.0.0.2", 389), Endpoint("dc2.corp.example", "10.0.0.3", 389)),
)
TICKET = UserTicket("reader@CORP.EXAMPLE", Ticket("reader@CORP.EXAMPLE", 600, None), Endpoint("dc1", "10.0.0.2", 88))
REFUSAL = LdapRefusal("dc1", 8, "strongerAuthRequired", "")


class Ldap:
    """Raises the error of the domain controller, or accepts the bind."""

    def __init__(self, **errors: ClientError) -> None:
        self.errors = errors

    def bind(self, host: str, *_: object) -> object:
        if error := self.errors.get(host.partition(".")[0]):
            raise error
        return "directory"


def bound(**errors: ClientError) -> Finding | Given[BoundDirectory]:
    return bind(TICKET, CONTROLLERS, cast("Any", Ldap(**errors)), Vantage(inside=True))


@pytest.mark.parametrize(("errors", "host"), [({}, "dc1"), ({"dc1": REFUSAL}, "dc2")])
def test_the_first_domain_controller_that_accepts_the_bind_is_used(errors: dict[str, ClientError], host: str) -> None:
    found = bound(**errors)
    assert isinstance(found, Given)
    assert found.value.host == f"{host}.corp.example"


@pytest.mark.parametrize("error", [REFUSAL, TimedOut("dc1", 3)])
def test_if_none_accepts_it_fails_with_the_error_of_the_first(error: ClientError) -> None:
    found = bound(dc1=error, dc2=error)
    assert isinstance(found, Finding)
    assert (found.status, found.observed) == (Status.FAIL, error.text)


MANY = ReachableLdap(
    DomainName("corp.example"),
    tuple(Endpoint(f"dc{number}.corp.example", f"10.0.0.{number}", 389) for number in range(1, 5)),
)


@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ({"dc1": REFUSAL, "dc2": REFUSAL, "dc3": REFUSAL}, Status.PASS),
        ({"dc1": TimedOut("dc1", 3), "dc2": REFUSAL, "dc3": REFUSAL}, Status.PASS),
        ({"dc1": TimedOut("dc1", 3), "dc2": TimedOut("dc2", 3)}, Status.UNKNOWN),
        (dict.fromkeys(("dc1", "dc2", "dc3", "dc4"), REFUSAL), Status.FAIL),
    ],
)
def test_it_fails_only_if_each_domain_controller_refuses_the_bind(
    errors: dict[str, ClientError], status: Status
) -> None:
    found = bind(TICKET, MANY, cast("Any", Ldap(**errors)), Vantage(inside=True))
    finding = found.finding if isinstance(found, Given) else found
    assert finding.status is status
